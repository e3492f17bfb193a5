import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holds, operators, parseComparison, type Comparison, type Operator } from './comparison.ts';

test('a condition written out is read as it was meant, with or without spaces', () => {
  const signal = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}$/);
  const condition = fc.record({ signal, operator: fc.constantFrom(...operators), limit: fc.double({ noNaN: true }) });
  const space = fc.constantFrom('', ' ', '  ');
  fc.assert(
    fc.property(condition, space, space, space, ({ signal, operator, limit }, a, b, c) => {
      fc.pre(Number.isFinite(limit));
      expect(parseComparison(`${a}${signal}${b}${operator}${c}${limit}${a}`)).toStrictEqual({
        signal,
        operator,
        limit: Object.is(limit, -0) ? 0 : limit,
      });
    }),
  );
});

test.each(['', 'temperature', 'temperature >', '> 34', 'temperature = 34', 'temperature => 34', 'temperature > 34 °C'])(
  'the text "%s" is no condition, and the answer shows what one looks like',
  (text) => {
    expect(parseComparison(text)).toMatch(/is not a condition; write .* temperature > 34/);
  },
);

test.each([
  ['temperature > hot', 'hot'],
  ['temperature > 3,5', '3,5'],
  ['temperature > NaN', 'NaN'],
  ['temperature < 1e999', '1e999'],
])('in "%s" the limit is no number, and the answer says so', (text, limit) => {
  expect(parseComparison(text)).toBe(`"${limit}" is not a number, in the condition "${text}"`);
});

test.each<[Operator, boolean, boolean, boolean]>([
  ['>', false, false, true],
  ['>=', false, true, true],
  ['<', true, false, false],
  ['<=', true, true, false],
  ['==', false, true, false],
  ['!=', true, false, true],
])('%s below, at and above the limit', (operator, below, at, above) => {
  const condition: Comparison = { signal: 't', operator, limit: 34 };
  expect([33.9, 34, 34.1].map((value) => holds(condition, value))).toStrictEqual([below, at, above]);
});
