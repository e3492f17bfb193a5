// What `weir-agent check` says about windows, quality and formulas that cannot be: every mistake at its place, with what to do.

import { expect, test } from 'vitest';
import * as z from 'zod';
import { readGatewayFile } from './gateway.ts';
import { formatProblem } from './yaml-file.ts';

const port = { key: 'port', schema: z.strictObject({ port: z.string() }) };

const head = `gateway: g
sources: { oven: { port: /dev/a } }
`;

/** Problems as `line:column: …`; the text begins on line 3. */
function problemsOf(text: string): string[] {
  const { problems } = readGatewayFile(head + text, { sources: [port], actions: [] });
  return problems.map((problem) => formatProblem('', problem).slice(1));
}

const signal = 'signals: { t: { from: oven.t } }\n';

test.each([
  ['a gap of 0', '{ session: 0s, of: all, compute: [mean] }', '5:16: error: the duration must be longer than zero'],
  [
    'a window of no readings',
    '{ count: 0, of: all, compute: [mean] }',
    '5:14: error: Too small: expected number to be >=1',
  ],
  [
    'two kinds at once',
    '{ every: 1m, session: 10m, of: all, compute: [mean] }',
    '5:5: error: every and session exclude each other; keep one',
  ],
  [
    'a zone that does not exist',
    '{ every: 1d, zone: Europe/Zurch, of: all, compute: [mean] }',
    '5:24: error: no time zone "Europe/Zurch"; did you mean Europe/Zurich?',
  ],
  [
    'a local window that is no whole part of a day',
    '{ every: 7h, zone: Europe/Zurich, of: all, compute: [mean] }',
    '5:24: error: with a zone a window is a whole part of a day (such as 15m or 8h), 1d or 1w',
  ],
  [
    'a slide that leaves readings out',
    '{ every: 1m, slide: 2m, of: all, compute: [mean] }',
    '5:25: error: between windows of 1m that end every 2m readings would fall out; make slide shorter than every',
  ],
  [
    'a slide that has hardly a common part with its window',
    '{ every: 1h, slide: 3599999ms, of: all, compute: [mean] }',
    '5:25: error: windows of 1h every 3599999ms are made of 3600000 pieces; take a longer slide, or one that divides every',
  ],
  [
    'a slide without every',
    '{ session: 10m, slide: 1m, of: all, compute: [mean] }',
    '5:28: error: slide goes with every',
  ],
  [
    'a zone for a session',
    '{ session: 10m, zone: Europe/Zurich, of: all, compute: [mean] }',
    '5:27: error: zone goes with every',
  ],
  [
    'early panes of hopping windows',
    '{ every: 1h, slide: 1m, early: 10s, of: all, compute: [mean] }',
    '5:36: error: hopping windows have no early panes; a smaller slide is what shows them sooner',
  ],
  [
    'more slices than can be kept',
    '{ every: 1d, slide: 1s, of: all, compute: [mean] }',
    '5:25: error: windows of 1d every 1s are made of 86400 pieces; take a longer slide, or one that divides every',
  ],
  [
    'completeness of what nobody knows how often to expect',
    '{ every: 1m, of: t, compute: [mean, completeness] }',
    '5:41: error: completeness is measured by how often a reading is expected; say expect: of t',
  ],
])('%s', (_, window, problem) => {
  expect(problemsOf(`${signal}windows:\n  - ${window}\n`)).toStrictEqual([problem]);
});

test('readings kept for longer than there is memory are refused, with how much that would be', () => {
  const text = `signals: { t: { from: oven.t, expect: 1ms, lateness: 1d } }
windows:
  - { every: 1m, of: all, compute: [mean, duty] }
`;
  expect(problemsOf(text)).toStrictEqual([
    '5:14: error: keeping the readings of 1d for duty takes about 432 MB for each series of t, more than ' +
      'settings.lateMemory; lower the lateness',
  ]);
});

test.each([
  ['no signal of that name', 'd: { formula: "t - tt" }', '5:22: error: no "tt", did you mean "t"?'],
  ['a signal that needs itself', 'd: { formula: "d + 1" }', '5:17: error: d needs d: a formula cannot need itself'],
  ['a formula without a signal', 'd: { formula: "1 + 1" }', '5:17: error: no signal is in this formula; it would never give anything'], // prettier-ignore
  [
    'an input of a named device, and no device to give the result to',
    'd: { formula: "a - t", with: { a: x/t } }',
    '5:17: error: an input names its device; say device: whose the result is to be',
  ],
  [
    'a name under with that stands for no signal',
    'd: { formula: "a - t", with: { a: tt } }',
    '5:37: error: no signal "tt", did you mean "t"?',
  ],
  [
    'a source and a formula at once',
    'd: { from: oven.d, formula: "t + 1" }',
    '5:6: error: from and formula exclude each other; keep one',
  ],
  ['what goes with a formula, without one', 'd: { from: oven.d, align: 1s }', '5:22: error: align goes with formula'],
  [
    'what goes with a source, at a formula',
    'd: { formula: "t + 1", calibrate: { gain: 2 } }',
    '5:26: error: calibrate is about what a source says; a formula has none',
  ],
  ['a conversion between two quantities', 'd: { from: oven.d, unit: bar, convert: °C }', /^5:42: error: .*°C.*bar/],
  ['a conversion to nothing', 'd: { from: oven.d, convert: °F }', '5:31: error: convert to what? say unit: too'],
  ['a step of nothing', 'd: { from: oven.d, maxStep: 0 }', /^5:31: error: Too small/],
  ['what is no condition', 'd: { from: oven.d, on: "about 1" }', '5:26: error: "about 1" is not an operator and a number, such as >= 1'], // prettier-ignore
])('%s', (_, line, problem) => {
  const text = `signals:
  t: { from: oven.t }
  ${line}
windows: [{ every: 1m, of: all, compute: [mean] }]
`;
  const problems = problemsOf(text);
  expect(problems).toHaveLength(1);
  if (typeof problem === 'string') expect(problems).toStrictEqual([problem]);
  else expect(problems[0]).toMatch(problem);
});

test.each(['t + "a"', 't + (t > 1)', 't +', 'nope(t)', 'sqrt(t, t)'])(
  'a formula that makes no number is refused at its place: %s',
  (formula) => {
    const quoted = formula.includes('"') ? `'${formula}'` : `"${formula}"`;
    const problems = problemsOf(`signals:
  t: { from: oven.t }
  d: { formula: ${quoted} }
windows: [{ every: 1m, of: all, compute: [mean] }]
`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^5:(1[7-9]|2\d): error: /);
  },
);

test('signals that need each other in a ring are named in a ring, once', () => {
  const text = `signals:
  t: { from: oven.t }
  a: { formula: "t + c" }
  b: { formula: "a + 1" }
  c: { formula: "b + t" }
windows: [{ every: 1m, of: all, compute: [mean] }]
`;
  expect(problemsOf(text)).toStrictEqual(['5:17: error: a needs c needs b needs a: a formula cannot need itself']);
});
