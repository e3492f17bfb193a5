// What formulas give, and what is said, and where, about everything that is no formula.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { functions } from './expression-functions.ts';
import { compileExpression, namesIn, type ExpressionProblem } from './expression.ts';

const variables = ['temperature', 'humidity', 'x_1', 'T'];

function valueOf(formula: string, values: ArrayLike<number> = [20, 40, 3, -2]): number {
  const expression = compileExpression(formula, variables);
  if ('message' in expression) throw new Error(`${formula}: ${expression.message}`);
  return expression.evaluate(values);
}

function problemOf(formula: string, names: readonly string[] = variables): ExpressionProblem {
  const expression = compileExpression(formula, names);
  if ('message' in expression) return expression;
  throw new Error(`${formula} is a formula`);
}

test.each([
  ['temperature - (100 - humidity) / 5', 8],
  ['2 + 3 * 4', 14],
  ['10 - 4 - 3', 3],
  ['24 / 4 / 2', 3],
  ['-2^2', -4],
  ['(-2)^2', 4],
  ['-x_1**2 * 2', -18],
  ['2^-1', 0.5],
  ['2^-x_1^2', 2 ** -9],
  ['2^3^2', 512],
  ['-2^3^2', -512],
  ['2 * -x_1', -6],
  ['1 - -1', 2],
  ['--x_1', 3],
  ['1e3 + .5 + 2. + 1.5E-1', 1002.65],
  ['7 % 3', 1],
  ['-7 % 3', 2],
  ['(-7) % 3', 2],
  ['7 % -3', -2],
  ['-7 % -3', -1],
  ['-6 % 3', 0],
  ['6 % -3', 0],
  ['temperature > 3 ? 1 : 0', 1],
  ['temperature < 3 ? 1 : temperature < 30 ? 2 : 3', 2],
  ['temperature > 3 and humidity < 3 or T == -2 ? 1 : 0', 1],
  ['temperature > 3 and (humidity < 3 or T == 2) ? 1 : 0', 0],
  ['not (temperature > 3) ? 1 : 0', 0],
  ['not (temperature > 3) or T != -2 ? 1 : 0', 0],
  ['x_1 >= 3 and x_1 <= 3 ? 1 : 0', 1],
  ['not(x_1 > 3)and(x_1 > 2)? .5 : 1', 0.5],
  ['temperature>3? x_1:T', 3],
  ['sqrt(x_1^2 + 16)', 5],
  ['abs(T) + sign(T) + floor(-1.5) + ceil(-1.5) + round(2.5)', 1],
  ['min(temperature, humidity, x_1) + max(temperature, humidity) + min(5)', 48],
  ['clamp(humidity, 0, 30) + clamp(T, 0, 30) + clamp(x_1, 0, 30)', 33],
  ['exp(1) - e + ln(e) + log10(1000) + log2(8)', 7],
  ['sin(pi / 6) + cos(0) + tan(0)', 1.5],
  ['asin(1) + acos(1) + atan(0) - pi / 2', 0],
  ['atan2(1, 0) - pi / 2 + pow(2, 10)', 1024],
  ['\n  temperature\n  + humidity\t', 60],
  ['max (1, (2))', 2],
])('%s is %d', (formula, value) => {
  expect(valueOf(formula)).toBeCloseTo(value, 12);
});

test.each([
  'sqrt(T)',
  'ln(T)',
  'sqrt(T) > 0 ? 1 : 2',
  'not (sqrt(T) > 0) ? 1 : 2',
  'sqrt(T) == sqrt(T) ? 1 : 2',
  'sqrt(T) != sqrt(T) ? 1 : 2',
  'sqrt(T) > 0 and x_1 > 0 ? 1 : 2',
  'x_1 > 0 and sqrt(T) > 0 ? 1 : 2',
  'sqrt(T) > 0 or x_1 < 0 ? 1 : 2',
  'x_1 < 0 or sqrt(T) > 0 ? 1 : 2',
  '0 / 0',
  'x_1 % 0',
  'min(1, sqrt(T))',
  'clamp(sqrt(T), 0, 1)',
])('%s is undefined', (formula) => {
  expect(valueOf(formula)).toBeNaN();
});

test.each([
  ['sqrt(T) > 0 and x_1 < 0 ? 1 : 2', 2],
  ['x_1 < 0 and sqrt(T) > 0 ? 1 : 2', 2],
  ['sqrt(T) > 0 or x_1 > 0 ? 1 : 2', 1],
  ['x_1 > 0 or sqrt(T) > 0 ? 1 : 2', 1],
  ['x_1 > 0 ? 1 : sqrt(T)', 1],
])('what the undefined part of %s does not decide is defined', (formula, value) => {
  expect(valueOf(formula)).toBe(value);
});

test('too few values are undefined ones, not an error', () => {
  expect(valueOf('humidity', [20])).toBeNaN();
  expect(valueOf('temperature', new Float32Array([20.5]))).toBe(20.5);
});

test('the variables used and the names in a formula come in order of appearance, each once, without constants', () => {
  const formula = 'humidity > 2 ? max(T, humidity) * pi : temperature - T * e';
  expect(namesIn(formula)).toStrictEqual(['humidity', 'T', 'temperature']);
  expect(compileExpression(formula, variables)).toMatchObject({ used: ['humidity', 'T', 'temperature'] });
  expect(namesIn('1 + 2')).toStrictEqual([]);
  expect(namesIn('a +')).toStrictEqual({ message: 'a value is missing at the end', offset: 3 });
});

// The caret in the second line stands where the problem is.
test.each([
  ['temperature +', '             ^ a value is missing at the end'],
  ['(temperature + 1', '                ^ a ")" is missing at the end'],
  ['max(1, 2', '        ^ a ")" is missing at the end'],
  ['(1 +', '    ^ a value is missing at the end'],
  ['1 + )', '    ^ ")" is not expected here'],
  ['1)', ' ^ ")" is not expected here'],
  ['()', '^ the formula is empty'],
  ['', '^ the formula is empty'],
  ['  ', '^ the formula is empty'],
  ['1 > 0 ? 1', '         ^ after "?" come two values with ":" between them'],
  ['1 > 0 ? : 1', '        ^ ":" is not expected here'],
  ['T > 0 ?.5 : 1', '      ^ a space belongs between "?" and "."'],
  ['T * 1e', '      ^ a value is missing at the end'],
  ['T * 1e + 2', '       ^ "+" is not expected here'],
  ['T * 1.2.3', '       ^ "." is not expected here'],
  ['1e999', '^ this number is too large'],
  ['temperature humidity', '            ^ an operator such as + or * is missing before this'],
  ['2 (T)', '  ^ an operator such as + or * is missing before this'],
  ['(1 + T 2)', '       ^ an operator such as + or * is missing before this'],
  ['max(1 T)', '      ^ an operator such as + or * is missing before this'],
  ['max(min(1, 2) T)', '              ^ an operator such as + or * is missing before this'],
  ['1,5 * T', '  ^ a comma stands only between the values of a function; decimals have a point: 1.5'],
  ['(1, T)', '    ^ a comma stands only between the values of a function; decimals have a point: 1.5'],
  ['T,', ' ^ a value is missing beside this comma'],
  [', T', '^ a value is missing beside this comma'],
  ['(1 , )', '   ^ a value is missing beside this comma'],
  ['max(1, )', '     ^ a value is missing beside this comma'],
  ['max( , 1)', '     ^ a value is missing beside this comma'],
  ['max(1,,2)', '     ^ a value is missing beside this comma'],
  ['T; 1', ' ^ ";" has no place in a formula'],
  ['T = 1', '  ^ "=" is not expected here; to compare write =='],
  ['T === 1', '    ^ "=" is not expected here; to compare write =='],
  ['T > 1 && T < 2', '      ^ "&" has no place in a formula; write "and"'],
  ['!(T > 1)', '^ "!" is not expected here; write "not"'],
  ['1 + "a"', '    ^ """ has no place in a formula; it computes with numbers only'],
  ["1 + 'a'", "    ^ \"'\" has no place in a formula; it computes with numbers only"],
  ['T × 2', '  ^ "×" has no place in a formula; to multiply write *'],
  ['T\u00a0+ 2', ' ^ "\u00a0" has no place in a formula: it is a no-break space, write a plain one'],
  ['1 + 🌡', '    ^ "🌡" has no place in a formula'],
  ['1 + T[0]', '     ^ "[" has no place in a formula'],
  ['T and', '  ^ "and" has a comparison such as a > 0 on its right'],
  ['not', '^ "not" has a comparison such as a > 0 on its right'],
  ['not T > 1 ? 1 : 2', '    ^ a comparison such as a > 0 belongs here, not a number (after "not" it stands in parentheses)'],
  ['T ? 1 : 2', '^ a comparison such as a > 0 belongs here, not a number (after "not" it stands in parentheses)'],
  ['T > 1 and T ? 1 : 2', '          ^ a comparison such as a > 0 belongs here, not a number (after "not" it stands in parentheses)'],
  ['T > 1', '^ a formula gives a number, this one a comparison: end it with "? 1 : 0"'],
  ['1 + tempertaure', '    ^ no "tempertaure", did you mean "temperature"?'],
  ['1 + pressure', '    ^ no "pressure"; known here: temperature, humidity, x_1, T'],
  ['1 + sqr(T)', '    ^ no function "sqr", did you mean "sqrt"?'],
  ['log(T)', '^ no function "log"; write ln (base e), log10 or log2'],
  ['T(3)', `^ no function "T"; known here: ${[...functions.keys()].join(', ')}`],
  ['max(1)(2)', '^ to multiply write * before "("'],
  ['1 + max', '    ^ max is a function: its values follow in parentheses, max(…)'],
  ['1 + min()', '    ^ min takes at least 1 value, not 0'],
  ['1 + abs(1, 2)', '    ^ abs takes 1 value, not 2'],
  ['clamp(1, 2)', '^ clamp takes 3 values, not 2'],
  ['1 + 2T', '    ^ to multiply write *; if "2T" is a name, it cannot be written in a formula: name the signal under "with", such as with: { _2T: 2T }'],
  ['1 + oven.temp', '    ^ "oven.temp" cannot be written in a formula; name the signal under "with", such as with: { oven_temp: oven.temp }'],
  ['this + 1', '^ "this" cannot be written in a formula; name the signal under "with", such as with: { this_value: this }'],
])('%j is refused: %s', (formula, expected) => {
  const { message, offset } = problemOf(formula);
  expect(`${' '.repeat(offset)}^ ${message}`).toBe(expected);
}); // prettier-ignore

test.each([
  ['1 + (T > 1)', 4],
  ['(T > 1) * 2', 0],
  ['-(T > 1)', 1],
  ['1 < T < 3 ? 1 : 2', 0],
  ['T > (T > 1) ? 1 : 2', 4],
  ['T > 1 ? T > 2 : 3', 8],
  ['T > 1 ? 2 : not (T > 3)', 12],
  ['max(1, T > 1)', 7],
  ['2 ^ (1 + 2 * (T > 1))', 13],
])('%s uses a comparison as a number', (formula, offset) => {
  expect(problemOf(formula)).toStrictEqual({
    message:
      'a number belongs here, not a comparison: connect comparisons with "and" or "or", turn one into a number with "? 1 : 0"',
    offset,
  });
});

test('a name with a hyphen is pointed out as such where it is known, and suggested nowhere', () => {
  const names = ['oven-temp', 'oven-temp-2', '2nd', 'oven.x'];
  expect(problemOf('2 * oven-temp', names)).toStrictEqual({
    message:
      'the "-" of oven-temp is a minus in formulas; name the signal under "with", such as with: { oven_temp: oven-temp }',
    offset: 4,
  });
  expect(problemOf('oven-temp-2', names).message).toContain('{ oven_temp_2: oven-temp-2 }');
  expect(problemOf('2 * oven', names).message).toBe('no "oven"');
});

test('a variable named like a constant is refused where it is used, and is nobody else', () => {
  expect(problemOf('2 * e', ['e'])).toStrictEqual({
    message: '"e" is a constant in formulas; name the signal under "with", such as with: { e_value: e }',
    offset: 4,
  });
  expect(compileExpression('2 * a', ['e', 'a'])).toMatchObject({ used: ['a'] });
});

test('a variable may be named like a function', () => {
  const expression = compileExpression('max(min, max)', ['min', 'max']);
  expect('message' in expression ? expression.message : expression.evaluate([3, 4])).toBe(4);
});

test.each([
  'constructor',
  '__proto__',
  'toString()',
  'hasOwnProperty(1)',
  'valueOf()',
  'temperature.constructor',
  'abs.constructor(1)',
  'globalThis',
  'process',
  'eval(1)',
  'Function(1)()',
  'undefined',
  'null',
  'true',
  'NaN',
])('%s reaches nothing', (formula) => {
  expect(problemOf(formula).message).toMatch(/^no |cannot be written|before "\("/);
});

test('formulas of the greatest length and depth are compiled, longer ones refused', () => {
  for (const formula of [
    `${'('.repeat(499)}1${')'.repeat(499)}`,
    `${'-'.repeat(999)}1`,
    `1${'^1'.repeat(499)}`,
    `${'abs('.repeat(199)}1${')'.repeat(199)}`,
    `T${'+T'.repeat(499)}`,
    `${'T>1?'.repeat(150)}1${':1'.repeat(150)}`,
  ]) {
    expect(valueOf(formula)).not.toBeNaN();
  }
  expect(problemOf('1'.repeat(1001))).toStrictEqual({
    message: 'the formula has more than 1000 characters',
    offset: 1000,
  });
});

test('whatever is typed is a formula that gives numbers, or has a problem within its text', () => {
  const words = ['T', 'temperature', 'max', 'and', 'or', 'not', 'pi', 'this', '1', '2.5', ' ', '(', ')', ',', '?', ':'];
  const symbols = ['+', '-', '*', '/', '%', '^', '**', '>', '<=', '==', '=', '!', '!=', '.', '&', '"', 'é', '`', '[', ';'];
  const text = fc.oneof(
    fc.array(fc.constantFrom(...words, ...symbols), { maxLength: 12 }).map((parts) => parts.join('')),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(
    fc.property(text, (formula) => {
      const expression = compileExpression(formula, variables);
      if ('message' in expression) {
        expect(expression.offset).toBeGreaterThanOrEqual(0);
        expect(expression.offset).toBeLessThanOrEqual(formula.length);
        expect(expression.message).not.toBe('');
      } else {
        expect(typeof expression.evaluate([1, 2, 3, 4])).toBe('number');
      }
    }),
    { numRuns: 3000 },
  );
}); // prettier-ignore
