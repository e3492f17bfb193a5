// Formulas against a reader of their own: random trees are printed with as few parentheses as mathematics needs, and
// computed by a second interpreter.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { constants } from './expression-functions.ts';
import { compileExpression } from './expression.ts';

const variables = ['temperature', 'humidity', 'x_1', 'T'];

/** A formula, how tightly its outermost operator binds, and what it gives. */
interface Sample {
  readonly text: string;
  readonly level: number;
  readonly value: (values: readonly number[]) => number;
}

function binary(symbol: string, level: number, apply: (a: number, b: number) => number) {
  return ([a, b, spaces]: [Sample, Sample, string]): Sample => ({
    // Every operator but the power binds to the left.
    text: `${within(a, level === 7 ? 8 : level)}${spaces}${symbol}${spaces}${within(b, level === 7 ? 6 : level + 1)}`,
    level,
    value: (values: readonly number[]) => apply(a.value(values), b.value(values)),
  });
}

function within({ text, level }: Sample, needed: number): string {
  return level < needed ? `(${text})` : text;
}

function modulo(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && Math.sign(rest) !== Math.sign(b) ? rest + b : rest;
}

function compared(holds: (a: number, b: number) => boolean) {
  return (a: number, b: number) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Number(holds(a, b)));
}

function all(a: number, b: number): number {
  return [a, b].includes(0) ? 0 : Math.min(a, b);
}

function any(a: number, b: number): number {
  return [a, b].includes(1) ? 1 : Math.max(a, b);
}

function chosen(truth: number, yes: number, no: number): number {
  return Number.isNaN(truth) ? NaN : truth === 1 ? yes : no;
}

const leaf: fc.Arbitrary<Sample> = fc.oneof(
  fc.nat({ max: 800 }).map((number) => ({ text: String(number / 8), level: 9, value: () => number / 8 })),
  fc.nat({ max: variables.length - 1 }).map((index) => ({
    text: variables[index] ?? '',
    level: 9,
    value: (values: readonly number[]) => values[index] ?? NaN,
  })),
  fc.constantFrom(...constants).map(([text, value]) => ({ text, level: 9, value: () => value })),
);

const { number: sample } = fc.letrec<{ number: Sample; truth: Sample }>((tie) => {
  const spaces = fc.constantFrom('', ' ', '  ');
  const numbers = fc.tuple(tie('number'), tie('number'), spaces);
  const truths = fc.tuple(tie('truth'), tie('truth'), fc.constant(' '));
  const call = (name: string, apply: (...of: number[]) => number) => (of: Sample[]) => ({
    text: `${name}(${of.map(({ text }) => text).join(', ')})`,
    level: 9,
    value: (values: readonly number[]) => apply(...of.map(({ value }) => value(values))),
  });
  return {
    number: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      numbers.map(binary('+', 4, (a, b) => a + b)),
      numbers.map(binary('-', 4, (a, b) => a - b)),
      numbers.map(binary('*', 5, (a, b) => a * b)),
      numbers.map(binary('/', 5, (a, b) => a / b)),
      numbers.map(binary('%', 5, modulo)),
      numbers.map(binary('^', 7, Math.pow)),
      numbers.map(binary('**', 7, Math.pow)),
      tie('number').map((of) => ({
        text: `-${within(of, 6)}`,
        level: 6,
        value: (values: readonly number[]) => -of.value(values),
      })),
      fc.tuple(tie('truth'), tie('number'), tie('number')).map(([test, yes, no]) => ({
        text: `${within(test, 1)} ? ${yes.text} : ${no.text}`,
        level: 0,
        value: (values: readonly number[]) => chosen(test.value(values), yes.value(values), no.value(values)),
      })),
      fc.array(tie('number'), { minLength: 1, maxLength: 3 }).map(call('max', Math.max)),
      fc.tuple(tie('number')).map(call('sign', Math.sign)),
      fc.tuple(tie('number'), tie('number')).map(call('atan2', Math.atan2)),
    ),
    truth: fc.oneof(
      { maxDepth: 4 },
      numbers.map(
        binary(
          '<',
          3,
          compared((a, b) => a < b),
        ),
      ),
      numbers.map(
        binary(
          '>=',
          3,
          compared((a, b) => a >= b),
        ),
      ),
      truths.map(binary('and', 2, all)),
      truths.map(binary('or', 1, any)),
      tie('truth').map((of) => ({
        text: `not ${within(of, 6)}`,
        level: 6,
        value: (values: readonly number[]) => 1 - of.value(values),
      })),
    ),
  };
});

test('a formula computes what its tree says, with only the parentheses that mathematics needs', () => {
  const values = fc.tuple(...variables.map(() => fc.integer({ min: -100, max: 100 })));
  fc.assert(
    fc.property(sample, values, ({ text, value }, of) => {
      fc.pre(text.length <= 1000);
      const expression = compileExpression(text, variables);
      expect('message' in expression ? expression.message : expression.evaluate(of)).toBe(value(of));
    }),
    { numRuns: 1000 },
  );
});
