// What a formula computes: its operators, functions and constants, as closures over the values of a reading.
//
// A comparison gives truth: 1, 0, or NaN when what it compares is undefined. `and` and `or` with an undefined side are
// defined where the other side alone decides (Kleene's three-valued logic). The remainder of % has the sign of its right
// side, as in spreadsheets: an angle taken % 360 is never negative.

import type { BinarySymbol } from './expression-tree.ts';

export type Type = 'number' | 'truth';

export type Run = (values: ArrayLike<number>) => number;

/** One run of those that give what it works on. */
export type Join = (...parts: Run[]) => Run;

export interface Operator {
  readonly takes: Type;
  readonly gives: Type;
  readonly join: Join;
}

/** Takes numbers, at least and at most so many, and gives a number. */
export interface NamedFunction {
  readonly least: number;
  readonly most: number;
  readonly join: Join;
}

export const constants: ReadonlyMap<string, number> = new Map(Object.entries({ pi: Math.PI, e: Math.E }));

export const operators: Readonly<Record<BinarySymbol, Operator>> = {
  or: { takes: 'truth', gives: 'truth', join: either },
  and: { takes: 'truth', gives: 'truth', join: both },
  '==': comparison((a, b) => a === b),
  '!=': comparison((a, b) => a !== b),
  '<': comparison((a, b) => a < b),
  '<=': comparison((a, b) => a <= b),
  '>': comparison((a, b) => a > b),
  '>=': comparison((a, b) => a >= b),
  '+': arithmetic((a, b) => (values) => a(values) + b(values)),
  '-': arithmetic((a, b) => (values) => a(values) - b(values)),
  '*': arithmetic((a, b) => (values) => a(values) * b(values)),
  '/': arithmetic((a, b) => (values) => a(values) / b(values)),
  '%': arithmetic((a, b) => (values) => remainder(a(values), b(values))),
  '^': arithmetic((a, b) => (values) => a(values) ** b(values)),
  '**': arithmetic((a, b) => (values) => a(values) ** b(values)),
};

const { abs, sqrt, exp, log10, log2, sin, cos, tan, asin, acos, atan, floor, ceil, round, sign } = Math;
const ofOne = { abs, sqrt, exp, ln: Math.log, log10, log2, sin, cos, tan, asin, acos, atan, floor, ceil, round, sign };
const ofTwo = { pow: Math.pow, atan2: Math.atan2 };
const ofMany = { min: Math.min, max: Math.max };

export const functions: ReadonlyMap<string, NamedFunction> = new Map([
  ...Object.entries(ofOne).map(([name, apply]) => named(name, 1, 1, (a: Run) => (values) => apply(a(values)))),
  ...Object.entries(ofTwo).map(([name, apply]) =>
    named(name, 2, 2, (a: Run, b: Run) => (values) => apply(a(values), b(values))),
  ),
  ...Object.entries(ofMany).map(([name, apply]) =>
    named(name, 1, Infinity, (first: Run, ...rest: Run[]) =>
      rest.reduce<Run>((a, b) => (values) => apply(a(values), b(values)), first),
    ),
  ),
  named('clamp', 3, 3, (a: Run, low: Run, high: Run) => (values) => {
    return Math.min(Math.max(a(values), low(values)), high(values));
  }),
]);

export function variable(index: number): Run {
  return (values) => values[index] ?? NaN;
}

export function negative(a: Run): Run {
  return (values) => -a(values);
}

export function negation(a: Run): Run {
  return (values) => 1 - a(values);
}

export function choice(test: Run, yes: Run, no: Run): Run {
  return (values) => {
    const truth = test(values);
    if (truth === 1) return yes(values);
    return truth === 0 ? no(values) : NaN;
  };
}

function either(a: Run, b: Run): Run {
  return (values) => {
    const left = a(values);
    if (left === 1) return 1;
    const right = b(values);
    return right === 1 ? 1 : left + right;
  };
}

function both(a: Run, b: Run): Run {
  return (values) => {
    const left = a(values);
    if (left === 0) return 0;
    const right = b(values);
    return right === 0 ? 0 : left * right;
  };
}

function comparison(holds: (a: number, b: number) => boolean): Operator {
  const join = (a: Run, b: Run): Run => {
    return (values) => {
      const left = a(values);
      const right = b(values);
      if (Number.isNaN(left) || Number.isNaN(right)) return NaN;
      return holds(left, right) ? 1 : 0;
    };
  };
  return { takes: 'number', gives: 'truth', join };
}

function arithmetic(join: (a: Run, b: Run) => Run): Operator {
  return { takes: 'number', gives: 'number', join };
}

function remainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function named(name: string, least: number, most: number, join: Join): readonly [name: string, NamedFunction] {
  return [name, { least, most, join }];
}
