// Formulas of derived signals: `temperature - (100 - humidity) / 5`, checked and compiled once into closures that run for
// every reading. What can be written is in expression-tree.ts, what it computes in expression-functions.ts.
//
// Numbers and truth are two types. A comparison gives truth, which goes into `? :`, `and`, `or` and `not` only; a formula
// gives a number. What is undefined (the root of -1, a comparison with that, a choice by that comparison) is NaN.

import { distance } from 'fastest-levenshtein';
import * as known from './expression-functions.ts';
import { Flaw, otherName, parseTree, type Tree } from './expression-tree.ts';

export interface Expression {
  /** Values in the order of `variables`. Never throws; NaN where undefined. */
  evaluate(values: ArrayLike<number>): number;
  /** The variables that occur, in order of appearance. */
  readonly used: readonly string[];
}

export interface ExpressionProblem {
  /** For the person who wrote the formula. */
  readonly message: string;
  /** Where in the text. */
  readonly offset: number;
}

interface Part {
  readonly type: known.Type;
  readonly run: known.Run;
}

/** @returns the place of a variable's value, or undefined for a constant; throws a Flaw for any other name */
type Resolve = (name: string, offset: number) => number | undefined;

/** @returns the formula ready to run, or the first thing wrong with it */
export function compileExpression(text: string, variables: readonly string[]): Expression | ExpressionProblem {
  const used = new Set<string>();
  return attempt(() => {
    const evaluate = compile(text, (name, offset) => {
      const index = variables.indexOf(name);
      if (known.constants.has(name)) {
        if (index === -1) return undefined;
        throw new Flaw(`"${name}" is a constant in formulas; ${otherName(name)}`, offset);
      }
      if (index === -1) throw new Flaw(unknownName(text, name, offset, variables), offset);
      used.add(name);
      return index;
    });
    return { evaluate, used: [...used] };
  });
}

/** @returns the names a formula needs values for, in order of appearance, or the first thing wrong with it */
export function namesIn(text: string): string[] | ExpressionProblem {
  const names = new Set<string>();
  return attempt(() => {
    compile(text, (name) => (known.constants.has(name) ? undefined : names.add(name).size));
    return [...names];
  });
}

function attempt<T>(work: () => T): T | ExpressionProblem {
  try {
    return work();
  } catch (error) {
    if (error instanceof Flaw) return { message: error.message, offset: error.offset };
    throw error;
  }
}

function compile(text: string, resolve: Resolve): known.Run {
  const { type, run } = partOf(parseTree(text), resolve);
  if (type === 'truth') throw new Flaw('a formula gives a number, this one a comparison: end it with "? 1 : 0"', 0);
  return run;
}

function partOf(tree: Tree, resolve: Resolve): Part {
  const number = (of: Tree) => expectType('number', of, resolve);
  const truth = (of: Tree) => expectType('truth', of, resolve);
  switch (tree.kind) {
    case 'number':
      return constant(tree.value);
    case 'name': {
      const index = resolve(tree.name, tree.offset);
      if (index === undefined) return constant(known.constants.get(tree.name) ?? NaN);
      return { type: 'number', run: known.variable(index) };
    }
    case 'unary':
      if (tree.operator === 'not') return joined('truth', known.negation, [truth(tree.operand)]);
      return joined('number', known.negative, [number(tree.operand)]);
    case 'binary': {
      const { takes, gives, join } = known.operators[tree.operator];
      return joined(gives, join, tree.operands.map(takes === 'number' ? number : truth));
    }
    case 'choice':
      return joined('number', known.choice, [truth(tree.test), number(tree.yes), number(tree.no)]);
    case 'call':
      return joined('number', joinOf(tree), tree.args.map(number));
  }
}

function expectType(type: known.Type, tree: Tree, resolve: Resolve): Part {
  const part = partOf(tree, resolve);
  if (part.type === type) return part;
  const message =
    type === 'number'
      ? 'a number belongs here, not a comparison: connect comparisons with "and" or "or", turn one into a number with "? 1 : 0"'
      : 'a comparison such as a > 0 belongs here, not a number (after "not" it stands in parentheses)';
  throw new Flaw(message, tree.offset);
}

function constant(value: number): Part {
  return { type: 'number', run: () => value };
}

function joined(type: known.Type, join: known.Join, parts: readonly Part[]): Part {
  return { type, run: join(...parts.map((part) => part.run)) };
}

function joinOf({ name, args, offset }: Tree & { kind: 'call' }): known.Join {
  const called = known.functions.get(name);
  if (called === undefined) throw new Flaw(`no function "${name}"${unknownFunctionHint(name)}`, offset);
  const { least, most, join } = called;
  if (args.length < least || args.length > most) {
    const wanted = `${least === most ? '' : 'at least '}${least} ${least === 1 ? 'value' : 'values'}`;
    throw new Flaw(`${name} takes ${wanted}, not ${args.length}`, offset);
  }
  return join;
}

function unknownFunctionHint(name: string): string {
  return name === 'log' ? '; write ln (base e), log10 or log2' : near(name, [...known.functions.keys()]);
}

function unknownName(text: string, name: string, offset: number, variables: readonly string[]): string {
  if (known.functions.has(name)) return `${name} is a function: its values follow in parentheses, ${name}(…)`;
  const [hyphenated] = variables
    .filter((variable) => /\W/.test(variable) && text.startsWith(variable, offset))
    .toSorted((a, b) => b.length - a.length);
  if (hyphenated !== undefined) return `the "-" of ${hyphenated} is a minus in formulas; ${otherName(hyphenated)}`;
  const usable = variables.filter((variable) => /^[A-Za-z_]\w*$/.test(variable));
  return `no "${name}"${near(name, usable)}`;
}

function near(word: string, candidates: readonly string[]): string {
  const [nearest] = candidates
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.edits - b.edits);
  if (nearest !== undefined && nearest.edits <= Math.ceil(word.length / 3)) {
    return `, did you mean "${nearest.candidate}"?`;
  }
  return candidates.length === 0 ? '' : `; known here: ${candidates.join(', ')}`;
}
