import { describe, expect, test } from 'vitest';
import { compileCondition, inputsIn, Terms, type Condition } from './condition.ts';
import { suffixes } from './suffixes.ts';

const names = ['temperature', 'pressure', 'door'];

function compiled(text: string, terms = new Terms()): Condition & { terms: Terms } {
  const condition = compileCondition(text, names, terms, suffixes);
  if ('message' in condition) throw new Error(`${text}: ${condition.message} at ${condition.offset}`);
  return { ...condition, terms };
}

function problem(text: string): string {
  const condition = compileCondition(text, names, new Terms(), suffixes);
  if (!('message' in condition)) throw new Error(`${text}: nothing is wrong`);
  return `${condition.offset}: ${condition.message}`;
}

test.each<[string, number[], number]>([
  ['temperature > 34', [35], 1],
  ['temperature > 34', [34], 0],
  ['temperature >= -3', [-3], 1],
  ['temperature > 34 °C', [35], 1],
  ['temperature > 34°C and pressure < 2.5 bar', [35, 2], 1],
  ['temperature > 34 and pressure < 2', [35, NaN], NaN],
  ['temperature > 34 or pressure < 2', [35, NaN], 1],
  ['not (door == 1)', [0], 1],
  ['temperature outside 2..8', [1], 1],
  ['temperature outside 2..8 °C', [5], 0],
  ['temperature outside -8..-2', [-9], 1],
  ['temperature inside 2..8', [8], 1],
  ['inside(temperature, 2, 8) and door == 0', [5, 0], 1],
  ['atLeast(2, temperature > 1, pressure > 1, door > 1)', [2, 2, 0], 1],
  ['atLeast(2, temperature > 1, pressure > 1, door > 1)', [2, 0, 0], 0],
  ['atLeast(2, temperature > 1, pressure > 1, door > 1)', [2, NaN, 0], NaN],
  ['mean(temperature, 5m) > 34', [35], 1],
  ['mean(temperature over 5m) > 34', [35], 1],
  ['silent(temperature for 15m) and door == 0', [1, 0], 1],
  ['mean(temperature, 5m) - mean(temperature, 1h) > 2', [30, 27], 1],
  ['max(temperature, pressure) > 3', [1, 4], 1],
  ['max(temperature, 5m) > 3', [4], 1],
  ['anomaly(temperature) and door == 0', [1, 0], 1],
  ['silent(temperature, 15m)', [1], 1],
  ['abs(temperature - 20) > 5', [14], 1],
  ['(temperature - 32) * 5 / 9 > 34', [100], 1],
])('%s of %j is %d', (text, values, truth) => {
  expect(compiled(text).evaluate(values)).toBe(truth);
});

test('a condition says which terms it needs, each once, also where two conditions share them', () => {
  const terms = new Terms();
  compiled('mean(temperature, 5m) > 34 and temperature > 30 and mean(temperature, 300s) < 90', terms);
  compiled('temperature < 30 and silent(pressure, 1h) and anomaly(door)', terms);
  expect(terms.all).toStrictEqual([
    { kind: 'trailing', input: 0, statistic: 'mean', ms: 300_000 },
    { kind: 'value', input: 0 },
    { kind: 'silent', input: 1, ms: 3_600_000 },
    { kind: 'anomaly', input: 2, others: [] },
  ]);
});

test('the reason names the comparisons that hold, with their values; where none does, the first', () => {
  const condition = compiled('mean(temperature, 5m) > 34 °C or pressure < door');
  expect(condition.explain([35.25, 3, 1])).toBe('mean(temperature over 5m) is 35.25, above 34');
  expect(condition.explain([35.25, 1, 3])).toBe(
    'mean(temperature over 5m) is 35.25, above 34; pressure is 1, below door (3)',
  );
  expect(condition.explain([33, 3, 1])).toBe('mean(temperature over 5m) is 33, not above 34');
  expect(condition.valueOf([33, 1, 3])).toBe(1);
  expect(condition.valueOf([33, 3, 1])).toBe(33);
});

test('the names a condition needs are found before anything is known of them', () => {
  expect(inputsIn('mean(oven, 5m) > lid + 3 and anomaly(oven)', suffixes)).toEqual(['oven', 'lid']);
  expect(inputsIn('oven >', suffixes)).toEqual({ message: 'a value is missing at the end', offset: 6 });
});

describe('units', () => {
  test('are noted with the signal they are compared with, and where', () => {
    expect(compiled('mean(temperature, 5m) > 93 °F or 2 psi < pressure').units).toEqual([
      { signal: 'temperature', value: 93, unit: '°F', offset: 24 },
      { signal: 'pressure', value: 2, unit: 'psi', offset: 33 },
    ]);
    expect(compiled('temperature outside -5..8 °F').units.map(({ unit }) => unit)).toEqual(['°F']);
    expect(compiled('outside(temperature, -5 °C, 8 °F)').units.map(({ unit }) => unit)).toEqual(['°C', '°F']);
  });

  test.each(['temperature > 60 %', 'temperature > 60 % and door == 1', '(temperature > 60%)'])(
    'a percent sign in %s is one',
    (text) => expect(compiled(text).units.map(({ unit }) => unit)).toEqual(['%']),
  );

  test('a percent sign between two numbers is the remainder', () => {
    expect(compiled('temperature > 60 % 7').evaluate([5])).toBe(1);
    expect(compiled('temperature > 60 % 7').evaluate([4])).toBe(0);
  });
});

test('what checks can reason about is told apart from the rest', () => {
  expect(compiled('temperature > 34').isPlain).toBe(true);
  expect(compiled('temperature outside 2..8').isPlain).toBe(true);
  expect(compiled('temperature > 34 and door == 1').isPlain).toBe(false);
  expect(compiled('mean(temperature, 5m) > 34').isPlain).toBe(false);
  expect(compiled('temperature outside 2..8').limits).toMatchObject([
    { signal: 'temperature', operator: '<', limit: 2 },
    { signal: 'temperature', operator: '>', limit: 8 },
  ]);
});

test.each([
  ['temperature', '0: a condition compares: write it like temperature > 34'],
  ['temprature > 34', '0: no "temprature", did you mean "temperature"?'],
  ['temperature > 34 and', '17: "and" has a comparison such as a > 0 on its right'],
  ['mean(temperature) > 3', '0: mean looks back: write mean(signal over 5m)'],
  ['mean(temperature, 5) > 3', '18: a duration belongs here (ms, s, m, h, d or w): mean(signal over 5m)'],
  ['mean(temperature + 1, 5m) > 3', '5: mean(…) is about a signal: its name comes first'],
  ['silent(temperature)', '0: write silent(signal for 15m)'],
  ['atLeast(3, temperature > 1, door > 1)', '8: at least 3 of 2 conditions can not be'],
  ['atLeast(temperature > 1, door > 1)', '8: atLeast begins with how many: atLeast(2, a > 1, b > 2, c > 3)'],
  ['temperature outside 8..2', '21: the low end comes first'],
  [
    'door + 5 °C > temperature',
    '7: "°C" has no place here; a unit stands behind a number that a signal is compared with',
  ],
  ['temperature * 2 > 5 °C', '18: "°C" is compared with something that is not a signal; leave the unit away'],
])('%s is refused: %s', (text, message) => {
  expect(problem(text)).toBe(message);
});
