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

export interface Part {
  readonly type: known.Type;
  readonly run: known.Run;
}

/** What the language of formulas is part of: who gives the values, and which words there are besides. */
export interface Host {
  /** @returns the place of a variable's value, or undefined for a constant; throws a Flaw for any other name */
  resolve(name: string, offset: number): number | undefined;
  /** A function of its own. @returns undefined for one that formulas know; throws a Flaw for one used wrongly */
  call?(tree: Tree & { readonly kind: 'call' }, part: (tree: Tree) => Part): Part | undefined;
  /** Every comparison, once it is compiled. */
  compared?(tree: Tree & { readonly kind: 'binary' }, left: Part, right: Part, truth: Part): void;
}

/** @returns the formula ready to run, or the first thing wrong with it */
export function compileExpression(text: string, variables: readonly string[]): Expression | ExpressionProblem {
  const used = new Set<string>();
  return attempt(() => {
    const resolve = (name: string, offset: number): number | undefined => {
      const index = placeOf(text, name, offset, variables);
      if (index !== undefined) used.add(name);
      return index;
    };
    return { evaluate: compile(text, { resolve }), used: [...used] };
  });
}

/** @returns the names a formula needs values for, in order of appearance, or the first thing wrong with it */
export function namesIn(text: string): string[] | ExpressionProblem {
  const names = new Set<string>();
  return attempt(() => {
    compile(text, { resolve: (name) => (known.constants.has(name) ? undefined : names.add(name).size) });
    return [...names];
  });
}

/** @returns the place of the name among the variables, undefined for a constant; throws a Flaw for any other */
export function placeOf(text: string, name: string, offset: number, variables: readonly string[]): number | undefined {
  const index = variables.indexOf(name);
  if (known.constants.has(name)) {
    if (index === -1) return undefined;
    throw new Flaw(`"${name}" is a constant in formulas; ${otherName(name)}`, offset);
  }
  if (index === -1) throw new Flaw(unknownName(text, name, offset, variables), offset);
  return index;
}

export function attempt<T>(work: () => T): T | ExpressionProblem {
  try {
    return work();
  } catch (error) {
    if (error instanceof Flaw) return { message: error.message, offset: error.offset };
    throw error;
  }
}

function compile(text: string, host: Host): known.Run {
  const { type, run } = partOf(parseTree(text), host);
  if (type === 'truth') throw new Flaw('a formula gives a number, this one a comparison: end it with "? 1 : 0"', 0);
  return run;
}

/** Throws a Flaw where the types do not fit, or the host does not know a name. */
export function partOf(tree: Tree, host: Host): Part {
  const number = (of: Tree) => expectType('number', of, host);
  const truth = (of: Tree) => expectType('truth', of, host);
  switch (tree.kind) {
    case 'number':
      return constant(tree.value);
    case 'name': {
      const index = host.resolve(tree.name, tree.offset);
      if (index === undefined) return constant(known.constants.get(tree.name) ?? NaN);
      return { type: 'number', run: known.variable(index) };
    }
    case 'unary':
      if (tree.operator === 'not') return joined('truth', known.negation, [truth(tree.operand)]);
      return joined('number', known.negative, [number(tree.operand)]);
    case 'binary': {
      const { takes, gives, join } = known.operators[tree.operator];
      const parts = tree.operands.map(takes === 'number' ? number : truth);
      const part = joined(gives, join, parts);
      const [left, right] = parts;
      if (takes !== gives && left !== undefined && right !== undefined) host.compared?.(tree, left, right, part);
      return part;
    }
    case 'choice':
      return joined('number', known.choice, [truth(tree.test), number(tree.yes), number(tree.no)]);
    case 'call':
      return host.call?.(tree, (of) => partOf(of, host)) ?? joined('number', joinOf(tree), tree.args.map(number));
  }
}

function expectType(type: known.Type, tree: Tree, host: Host): Part {
  const part = partOf(tree, host);
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
