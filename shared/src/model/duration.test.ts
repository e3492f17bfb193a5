import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration, parseRange, parseRate, parseSize } from './duration.ts';

test.each([
  ['0s', 0],
  ['500ms', 500],
  ['1s', 1000],
  ['1.5 s', 1500],
  ['1.005s', 1005],
  ['90m', 5_400_000],
  [' 1h ', 3_600_000],
  ['3d', 259_200_000],
  ['2w', 1_209_600_000],
])('the duration "%s" is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  '',
  '10',
  's',
  '-1s',
  '1,5s',
  '1e3s',
  '10 parsecs',
  '1 M',
  '1h30m',
  '.5s',
  '5 constructor',
  '5 toString',
  `${'9'.repeat(400)}s`,
])('"%s" is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test('a duration is written in the largest unit that divides it', () => {
  expect([0, 1, 1500, 60_000, 90_000, 3_600_000, 86_400_000, 604_800_000, 0.5].map(formatDuration)).toStrictEqual([
    '0ms',
    '1ms',
    '1500ms',
    '1m',
    '90s',
    '1h',
    '1d',
    '1w',
    '0.5ms',
  ]);
});

test('a duration written out is read as the same duration', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 1e14 }), (ms) => parseDuration(formatDuration(ms)) === ms));
});

test('writing a duration that was read gives one that reads the same, and is written the same', () => {
  const amount = fc
    .tuple(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 3 }))
    .map(([n, d]) => (n / 10 ** d).toFixed(d));
  fc.assert(
    fc.property(amount, fc.constantFrom('ms', 's', 'm', 'h', 'd', 'w'), (amount, unit) => {
      const ms = parseDuration(`${amount}${unit}`) ?? NaN;
      const text = formatDuration(ms);
      expect(parseDuration(text)).toBe(ms);
      expect(formatDuration(parseDuration(text) ?? NaN)).toBe(text);
    }),
  );
});

test('a second with three decimals is a whole number of milliseconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e7 }), (ms) => {
      expect(parseDuration(`${(ms / 1000).toFixed(3)}s`)).toBe(ms);
    }),
  );
});

test.each([
  ['0 B', 0],
  ['1kB', 1000],
  ['1 KB', 1000],
  ['256 MB', 256e6],
  ['1.5GB', 1.5e9],
  ['30 TB', 30e12],
  ['1 KiB', 1024],
  ['2 MiB', 2 * 1024 ** 2],
  ['1GiB', 1024 ** 3],
])('the size "%s" is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(['', '256', 'MB', '-1 MB', '256 mb', '1 PB', '1 valueOf'])('"%s" is no size', (text) => {
  expect(parseSize(text)).toBeUndefined();
});

test.each([
  ['64 kB/s', 64_000],
  ['1.5MB / s', 1_500_000],
  ['500 B/s ', 500],
])('the rate "%s" is %d bytes a second', (text, bytes) => {
  expect(parseRate(text)).toBe(bytes);
});

test.each(['', '64 kB', '64/s', 'kB/s', '64 kB/m', '64 kB/ss', '-1 kB/s'])('"%s" is no rate', (text) => {
  expect(parseRate(text)).toBeUndefined();
});

test.each<[string, [number, number]]>([
  ['-20..120', [-20, 120]],
  ['0 .. 16', [0, 16]],
  ['0.5..1e3', [0.5, 1000]],
  ['5..5', [5, 5]],
  ['..100', [-Infinity, 100]],
  ['0..', [0, Infinity]],
  ['..', [-Infinity, Infinity]],
])('the range "%s" is read with its bounds', (text, bounds) => {
  expect(parseRange(text)).toStrictEqual(bounds);
});

test('any range written out is read as the same range', () => {
  const bound = fc.double({ noNaN: true }).map((x) => x + 0);
  fc.assert(
    fc.property(bound, bound, (a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      expect(parseRange(`${low}..${high}`)).toStrictEqual([low, high]);
    }),
  );
});

test.each(['', '5', '120..-20', 'a..b', '1..b', '1..2..3', '1 2..3', '1-5'])('"%s" is no range', (text) => {
  expect(parseRange(text)).toBeUndefined();
});
