// What a rule asks: `temperature > 34 and mean(pressure, 5m) < 2`, compiled once.
//
// The language is that of formulas (shared/src/expression) with units and durations behind numbers, and with words of its
// own for what formulas do not know: time. Each of these, and each signal by itself, is a term; the agent keeps a value for
// every term, and the condition is a function of those:
//
//   temperature                 the newest value
//   mean(temperature over 5m)   a statistic of the last minutes (trailing.ts)
//   anomaly(temperature)        a detector calls the newest value strange; of several signals, what they are together
//   silent(temperature for 15m) nothing was said for so long
//   atLeast(2, a > 1, b > 2)    so many of the conditions hold
//   outside(temperature, 2, 8), inside(temperature, 2, 8)
//
// A condition gives truth: 1, 0, or NaN as long as something it needs is not known.

import { Flaw, parseTree, type Tree } from '../expression/expression-tree.ts';
import { attempt, partOf, placeOf, type ExpressionProblem, type Host, type Part } from '../expression/expression.ts';
import { parseDuration } from '../model/duration.ts';
import { textOf } from './condition-text.ts';
import { trailingStatistics, type TrailingStatistic } from './trailing.ts';

export type Term =
  | { readonly kind: 'value'; readonly input: number }
  | { readonly kind: 'trailing'; readonly input: number; readonly statistic: TrailingStatistic; readonly ms: number }
  | { readonly kind: 'anomaly'; readonly input: number; readonly others: readonly number[] }
  | { readonly kind: 'silent'; readonly input: number; readonly ms: number };

/** A number of the text with a unit behind it, and the signal it is compared with. */
export interface UnitUse {
  readonly signal: string;
  readonly value: number;
  readonly unit: string;
  /** Where in the text. */
  readonly offset: number;
}

/** `signal < limit` and the like, where nothing else is in the comparison: what checks can reason about. */
export interface Limit {
  readonly signal: string;
  readonly operator: '>' | '>=' | '<' | '<=' | '==' | '!=';
  readonly limit: number;
  readonly offset: number;
}

export interface Condition {
  readonly text: string;
  /** 1, 0 or NaN. @param values of the terms it was compiled with */
  evaluate(values: ArrayLike<number>): number;
  /** Of the first comparison that holds, or of the first: what it compares; NaN when there is none. */
  valueOf(values: ArrayLike<number>): number;
  /** Which comparisons hold, with the values: `mean(temperature, 5m) is 35.2, above 34`. */
  explain(values: ArrayLike<number>): string;
  readonly units: readonly UnitUse[];
  readonly limits: readonly Limit[];
  /** Whether it is nothing but one limit, or several joined by `or`. */
  readonly isPlain: boolean;
}

interface Comparison {
  readonly text: string;
  readonly isPlain: boolean;
  readonly operator: string;
  readonly limitText: string;
  readonly left: Part['run'];
  readonly right: Part['run'];
  readonly truth: Part['run'];
}

const words: Readonly<Record<string, string>> = {
  '>': 'above',
  '>=': 'at or above',
  '<': 'below',
  '<=': 'at or below',
  '==': 'equal to',
  '!=': 'not',
};

/** A range over the whole text: `temperature outside 2..8 °C`. */
const rangePattern = /^(\s*)([A-Za-z_]\w*)\s+(outside|inside)\s+(-?[\d.]+?)\s*\.\.\s*(-?\d[\d.]*)(.*)$/su;

/** Terms are shared by the conditions of a rule: `when` and `clear` look at the same values. */
export class Terms {
  readonly #terms: Term[] = [];
  readonly #keys: string[] = [];

  get all(): readonly Term[] {
    return this.#terms;
  }

  /** @returns its place among the values */
  place(term: Term): number {
    const key = JSON.stringify(term);
    const known = this.#keys.indexOf(key);
    if (known !== -1) return known;
    this.#keys.push(key);
    return this.#terms.push(term) - 1;
  }
}

/** The names of inputs a condition mentions, in order of appearance; or the first thing wrong with the text. */
export function inputsIn(text: string, suffixes: readonly string[]): string[] | ExpressionProblem {
  const names: string[] = [];
  const found = new Set<string>();
  const result = compileCondition(text, undefined, new Terms(), suffixes, (name) => found.add(name));
  if ('message' in result) return result;
  names.push(...found);
  return names;
}

/**
 * @param inputs names the text may use, by their place; undefined allows any
 * @param suffixes units and durations that may stand behind numbers
 * @param mentioned hears every name of an input
 * @returns the condition, or the first thing wrong with the text
 */
export function compileCondition(
  text: string,
  inputs: readonly string[] | undefined,
  terms: Terms,
  suffixes: readonly string[],
  mentioned?: (name: string) => void,
): Condition | ExpressionProblem {
  return attempt(() => {
    const comparisons: Comparison[] = [];
    const units: UnitUse[] = [];
    const limits: Limit[] = [];
    const seen: string[] = [];
    const inputOf = (name: string, offset: number): number => {
      mentioned?.(name);
      if (inputs !== undefined) {
        const place = placeOf(text, name, offset, inputs);
        if (place === undefined) throw new Flaw(`"${name}" is a constant, not a signal`, offset);
        return place;
      }
      const known = seen.indexOf(name);
      return known === -1 ? seen.push(name) - 1 : known;
    };
    const partOfTerm = (term: Term, type: Part['type']): Part => {
      const place = terms.place(term);
      return { type, run: (values) => values[place] ?? NaN };
    };
    const host: Host = {
      resolve: (name, offset) => {
        if (name === 'pi' || name === 'e') return undefined;
        return terms.place({ kind: 'value', input: inputOf(name, offset) });
      },
      call: (tree, part) => callOf(tree, part, inputOf, partOfTerm, units),
      compared(tree, left, right, truth) {
        const [a, b] = tree.operands;
        if (a === undefined || b === undefined) return;
        units.push(...unitUses(a, b), ...unitUses(b, a));
        const limit = limitOf(a, b, tree.operator);
        if (limit !== undefined) limits.push(limit);
        comparisons.push({
          text: textOf(a),
          isPlain: limit !== undefined,
          operator: tree.operator,
          limitText: b.kind === 'number' ? '' : textOf(b),
          left: left.run,
          right: right.run,
          truth: truth.run,
        });
      },
    };
    const tree = treeOf(text, suffixes);
    refuseSuffixes(tree);
    const { type, run } = partOf(tree, host);
    if (type === 'number') throw new Flaw('a condition compares: write it like temperature > 34', tree.offset);
    const shown = (values: ArrayLike<number>): Comparison | undefined =>
      comparisons.find(({ truth }) => truth(values) === 1) ?? comparisons[0];
    return {
      text,
      evaluate: run,
      valueOf: (values) => shown(values)?.left(values) ?? NaN,
      explain: (values) => explain(comparisons, values),
      units,
      limits,
      isPlain: comparisons.every(({ isPlain }) => isPlain) && isUnion(tree),
    };
  });
}

/** In a map between braces YAML takes a comma for its own: `mean(temperature over 5m)` has none. */
function treeOf(written: string, suffixes: readonly string[]): Tree {
  const text = written.replaceAll(
    /(\w\s+)(over|for)(?=\s+[\d.])/g,
    (_, before: string, word: string) => before + ','.padEnd(word.length),
  );
  const [, indent = '', name, word, low, high, rest = ''] = rangePattern.exec(text) ?? [];
  if (name === undefined || low === undefined || high === undefined) return parseTree(text, suffixes);
  const tree = parseTree(`${indent}${word}(${name}, ${low}${rest}, ${high}${rest})`, suffixes);
  return tree;
}

function callOf(
  tree: Tree & { readonly kind: 'call' },
  part: (tree: Tree) => Part,
  inputOf: (name: string, offset: number) => number,
  term: (term: Term, type: Part['type']) => Part,
  units: UnitUse[],
): Part | undefined {
  const { name, args, offset } = tree;
  const [first, second] = args;
  const input = (): number => {
    if (first?.kind !== 'name')
      throw new Flaw(`${name}(…) is about a signal: its name comes first`, first?.offset ?? offset);
    return inputOf(first.name, first.offset);
  };
  const signalAt = (tree: Tree): number => {
    if (tree.kind !== 'name') throw new Flaw(`${name}(…) is about signals`, tree.offset);
    return inputOf(tree.name, tree.offset);
  };
  const statistic = trailingStatistics.find((known) => known === name);
  // min(a, b) and max(a, b) are functions of formulas, too; with a duration they look back.
  if (statistic !== undefined && (isDuration(second) || !['min', 'max'].includes(name))) {
    if (args.length !== 2) throw new Flaw(`${name} looks back: write ${name}(signal over 5m)`, offset);
    return term(
      { kind: 'trailing', input: input(), statistic, ms: durationOf(second, `${name}(signal over 5m)`) },
      'number',
    );
  }
  switch (name) {
    case 'anomaly':
      if (args.length === 0) throw new Flaw('write anomaly(signal), or anomaly(one, another)', offset);
      return term({ kind: 'anomaly', input: input(), others: args.slice(1).map(signalAt) }, 'truth');
    case 'silent':
      if (args.length !== 2) throw new Flaw('write silent(signal for 15m)', offset);
      return term({ kind: 'silent', input: input(), ms: durationOf(second, 'silent(signal for 15m)') }, 'truth');
    case 'atLeast':
      return atLeast(args, offset, part);
    case 'outside':
    case 'inside':
      return band(tree, part, units);
    default:
      return undefined;
  }
}

function atLeast(args: readonly Tree[], offset: number, part: (tree: Tree) => Part): Part {
  const [least, ...conditions] = args;
  if (least?.kind !== 'number' || !Number.isInteger(least.value) || least.suffix !== '')
    throw new Flaw('atLeast begins with how many: atLeast(2, a > 1, b > 2, c > 3)', least?.offset ?? offset);
  if (least.value < 1 || least.value > conditions.length)
    throw new Flaw(`at least ${least.value} of ${conditions.length} conditions can not be`, least.offset);
  const runs = conditions.map((tree) => {
    const { type, run } = part(tree);
    if (type === 'number') throw new Flaw('a comparison such as a > 0 belongs here, not a number', tree.offset);
    return run;
  });
  return {
    type: 'truth',
    run: (values) => {
      let holding = 0;
      let unknown = 0;
      for (const run of runs) {
        const truth = run(values);
        if (truth === 1) holding += 1;
        else if (Number.isNaN(truth)) unknown += 1;
      }
      if (holding >= least.value) return 1;
      return holding + unknown >= least.value ? NaN : 0;
    },
  };
}

/** Two comparisons in one word. */
function band(tree: Tree & { readonly kind: 'call' }, part: (tree: Tree) => Part, units: UnitUse[]): Part {
  const { name, args, offset } = tree;
  const [value, low, high] = args;
  if (value === undefined || low === undefined || high === undefined || args.length > 3)
    throw new Flaw(`write ${name}(signal, low, high)`, offset);
  if (low.kind === 'number' && high.kind === 'number' && low.value > high.value)
    throw new Flaw('the low end comes first', low.offset);
  const [below, above] = name === 'outside' ? (['<', '>'] as const) : (['>=', '<='] as const);
  const joint = name === 'outside' ? 'or' : 'and';
  const sides = [
    { kind: 'binary', offset: low.offset, operator: below, operands: [value, low] },
    { kind: 'binary', offset: high.offset, operator: above, operands: [value, high] },
  ] as const;
  const before = units.length;
  const made = part({ kind: 'binary', offset, operator: joint, operands: sides });
  // Written once for both ends, a unit is one mistake.
  if (units.length === before + 2 && units.at(-1)?.unit === units.at(-2)?.unit) units.pop();
  return made;
}

function isDuration(tree: Tree | undefined): boolean {
  return tree?.kind === 'number' && parseDuration(`1${tree.suffix}`) !== undefined;
}

function durationOf(tree: Tree | undefined, example: string): number {
  const ms = tree?.kind === 'number' ? parseDuration(`${tree.value}${tree.suffix}`) : undefined;
  if (ms !== undefined && ms > 0) return ms;
  throw new Flaw(`a duration belongs here (ms, s, m, h, d or w): ${example}`, tree?.offset ?? 0);
}

/** Units of numbers that are compared with a signal, or with what is in its unit. */
function unitUses(of: Tree, number: Tree): UnitUse[] {
  const sign = number.kind === 'unary' && number.operator === '-' ? -1 : 1;
  const literal = sign === -1 && number.kind === 'unary' ? number.operand : number;
  const signal = signalOf(of);
  if (literal.kind !== 'number' || literal.suffix === '') return [];
  if (signal === undefined)
    throw new Flaw(
      `"${literal.suffix}" is compared with something that is not a signal; leave the unit away`,
      literal.offset,
    );
  return [{ signal, value: sign * literal.value, unit: literal.suffix, offset: literal.offset }];
}

/** The signal whose unit this has. */
function signalOf(tree: Tree): string | undefined {
  if (tree.kind === 'name') return tree.name;
  if (tree.kind === 'unary' && tree.operator === '-') return signalOf(tree.operand);
  const keeps = ['mean', 'min', 'max', 'sum', 'stddev', 'range', 'change', 'abs'];
  if (tree.kind === 'call' && keeps.includes(tree.name) && tree.args[0] !== undefined) return signalOf(tree.args[0]);
  return undefined;
}

function limitOf(a: Tree, b: Tree, symbol: string): Limit | undefined {
  const operator = (['>', '>=', '<', '<=', '==', '!='] as const).find((known) => known === symbol);
  const value = numberOf(b);
  if (a.kind !== 'name' || value === undefined || operator === undefined) return undefined;
  return { signal: a.name, operator, limit: value, offset: a.offset };
}

function numberOf(tree: Tree): number | undefined {
  if (tree.kind === 'number') return tree.value;
  return tree.kind === 'unary' && tree.operator === '-' && tree.operand.kind === 'number'
    ? -tree.operand.value
    : undefined;
}

function isUnion(tree: Tree): boolean {
  if (tree.kind !== 'binary') return tree.kind === 'call' && tree.name === 'outside';
  return tree.operator === 'or' ? tree.operands.every(isUnion) : tree.operator !== 'and';
}

/** A unit stands only beside a comparison, a duration only where one is asked for. */
function refuseSuffixes(tree: Tree, isCompared = false): void {
  switch (tree.kind) {
    case 'number':
      if (tree.suffix !== '' && !isCompared)
        throw new Flaw(
          `"${tree.suffix}" has no place here; a unit stands behind a number that a signal is compared with`,
          tree.offset,
        );
      return;
    case 'name':
      return;
    case 'unary':
      refuseSuffixes(tree.operand, isCompared);
      return;
    case 'choice':
      for (const part of [tree.test, tree.yes, tree.no]) refuseSuffixes(part);
      return;
    case 'binary': {
      const compares = Object.hasOwn(words, tree.operator);
      for (const part of tree.operands) refuseSuffixes(part, compares);
      return;
    }
    case 'call': {
      const takesOne = ['outside', 'inside', 'silent', ...trailingStatistics].includes(tree.name);
      for (const part of tree.args) refuseSuffixes(part, takesOne);
    }
  }
}

function explain(comparisons: readonly Comparison[], values: ArrayLike<number>): string {
  const holding = comparisons.filter(({ truth }) => truth(values) === 1);
  return (holding.length > 0 ? holding : comparisons.slice(0, 1))
    .slice(0, 3)
    .map(({ text, operator, limitText, left, right, truth }) => {
      const limit = limitText === '' ? readable(right(values)) : `${limitText} (${readable(right(values))})`;
      const relation =
        truth(values) === 1 ? `${words[operator] ?? operator} ${limit}` : `not ${words[operator] ?? operator} ${limit}`;
      return `${text} is ${readable(left(values))}, ${relation}`;
    })
    .join('; ');
}

/** Six digits: enough to recognise a value, few enough to read. */
export function readable(value: number): string {
  return Number.isNaN(value) ? 'unknown' : String(Number(value.toPrecision(6)));
}
