import { expect, test } from 'vitest';
import * as z from 'zod';
import type { Plan, SignalPlan } from '../pipeline/plan.ts';
import { inputOf, planOf, ruleOf, signalOf, specOf } from '../testing/plans.ts';
import { compilePlan, compileRoutes } from './compile.ts';
import { readGatewayFile } from './gateway.ts';
import type { GatewayFile } from './gateway-file.ts';

const port = { key: 'port', schema: z.strictObject({ port: z.string() }), device: (_raw: unknown, id: string) => id };

function fileOf(text: string): GatewayFile {
  const { file, problems } = readGatewayFile(text, { sources: [port], actions: [] });
  expect(problems).toStrictEqual([]);
  if (file === undefined) throw new Error('a file with mistakes');
  return file;
}

const file = `gateway: line-3
sources:
  oven: { port: /dev/ttyS0 }
signals:
  temperature: { from: [oven.temp, oven.temp.2], range: -20..120 }
  pressure: { from: oven.p, lateness: 2h, disorder: 5s }
windows:
  - { every: 90s, of: all, compute: [p95, mean, p95], lateness: 10m }
  - { every: 1m, of: [temperature], compute: [max, min], lateness: 20m }
alerts:
  too_hot: { when: temperature > 34, for: 10s, clear: temperature < 33, severity: critical, do: [log] }
  low: { when: pressure <= 1 }
settings: { disorder: 1s, idleAfter: 20s, maxAhead: 1m, maxSeries: 50 }
`;

test('a file becomes a plan with nothing left to parse', () => {
  const wide = specOf({ kind: 'tumbling', sizeMs: 90_000, zone: undefined }, { id: '90s', compute: ['mean', 'p95'] });
  const narrow = specOf({ kind: 'tumbling', sizeMs: 60_000, zone: undefined }, { id: '1m', compute: ['min', 'max'] });
  const temperature = signalOf({
    signal: 'temperature',
    range: [-20, 120],
    disorderMs: 1000,
    latenessMs: 1_200_000,
    windows: [wide, narrow],
    devices: ['oven'],
  });
  const pressure = signalOf({
    signal: 'pressure',
    disorderMs: 5000,
    latenessMs: 7_200_000,
    windows: [wide],
    devices: ['oven'],
  });
  const usual = { lateAfterMs: 300_000, learnMs: 86_400_000 };
  const hot = ruleOf({ clear: 'temperature < 33', forMs: 10_000, severity: 'critical', ...usual });
  const low = ruleOf({ id: 'low', when: 'pressure <= 1', inputs: [inputOf('pressure')], ...usual });
  expect(compilePlan(fileOf(file))).toStrictEqual<Plan>({
    ...planOf([temperature, pressure]),
    rules: [hot, { ...low, keepForMs: 60_000 }],
    maxAheadMs: 60_000,
    idleAfterMs: 20_000,
    maxSeries: 50,
    latenessBytes: 64e6,
  });
});

test('a deadband becomes the condition that ends the alarm, without an off-delay', () => {
  const text = file.replace(/ {2}low: .*\n/, '  low: { when: pressure <= 1 or pressure > 9, deadband: 0.5 }\n');
  const [, low] = compilePlan(fileOf(text)).rules;
  expect(low).toMatchObject({ clear: 'pressure >= 1.5 and pressure <= 8.5', keepForMs: 0 });
});

test('every kind of window becomes one, with a name of its own', () => {
  const { windows } = compiled(`
windows:
  - { every: 1h, of: all, compute: [mean] }
  - { every: 1h, slide: 1m, of: all, compute: [mean], lateEvery: 5m }
  - { every: 1d, zone: Europe/Zurich, of: all, compute: [mean], early: 10s }
  - { session: 10m, of: all, compute: [mean] }
  - { count: 100, of: all, compute: [mean] }
`);
  expect(windows).toStrictEqual([
    specOf({ kind: 'tumbling', sizeMs: 3_600_000, zone: undefined }, { id: '1h' }),
    specOf({ kind: 'hopping', sizeMs: 3_600_000, slideMs: 60_000 }, { id: '1h/1m', lateEveryMs: 300_000 }),
    specOf({ kind: 'tumbling', sizeMs: 86_400_000, zone: 'Europe/Zurich' }, { id: '1d@Europe/Zurich', earlyEveryMs: 10_000 }), // prettier-ignore
    specOf({ kind: 'session', gapMs: 600_000 }, { id: 'session-10m' }),
    specOf({ kind: 'count', size: 100 }, { id: 'count-100' }),
  ]);
});

test('a slide as long as its window is a tumbling window', () => {
  const { windows } = compiled('windows: [{ every: 1h, slide: 1h, of: all, compute: [mean] }]');
  expect(windows).toStrictEqual([specOf({ kind: 'tumbling', sizeMs: 3_600_000, zone: undefined }, { id: '1h' })]);
});

/** The plan of a signal `t` with these keys. */
function compiled(text: string, keys = ''): SignalPlan {
  const { signals } = compilePlan(
    fileOf(`gateway: g
sources: { oven: { port: /dev/a } }
signals:
  t: { from: oven.t${keys} }
${text === '' ? 'windows: [{ every: 1m, of: all, compute: [mean] }]' : text}
`),
  );
  const plan = signals.get('t');
  if (plan === undefined) throw new Error('no signal t');
  return plan;
}

test('what is known of the quality of a signal comes into the plan', () => {
  const keys = ', maxStep: 5, stuck: 10m, missing: 1m, expect: 1s, uncertain: use, repeats: true, on: ">= 1"';
  expect(compiled('', keys)).toMatchObject({
    maxStepPerSecond: 5,
    stuckAfterMs: 600_000,
    missingAfterMs: 60_000,
    expectMs: 1000,
    useUncertain: true,
    mayRepeat: true,
    on: { operator: '>=', limit: 1 },
  });
});

test('a series that is expected is missing after three times of that, not before what may come late, nor at once', () => {
  const missingAfter = (keys: string): number => compiled('', keys).missingAfterMs;
  expect(missingAfter('')).toBe(Infinity);
  expect(missingAfter(', expect: 10s')).toBe(30_000);
  expect(missingAfter(', expect: 20ms')).toBe(5000);
  expect(missingAfter(', expect: 10s, lateness: 1h')).toBe(3_600_000);
  expect(missingAfter(', expect: 10s, missing: 2s')).toBe(2000);
});

test('a signal is converted first, then calibrated', () => {
  const { gain, offset } = compiled('', ', unit: °C, convert: °F, calibrate: { gain: 2, offset: 1 }');
  expect(212 * gain + offset).toBeCloseTo(201, 9);
  expect(32 * gain + offset).toBeCloseTo(1, 9);
  expect(compiled('', ', calibrate: { offset: -0.5 }')).toMatchObject({ gain: 1, offset: -0.5 });
});

test('a formula becomes its inputs, by signal or by device and signal', () => {
  const { signals } = compilePlan(
    fileOf(`gateway: g
sources: { oven: { port: /dev/a } }
signals:
  t: { from: oven.t }
  rh: { from: oven.rh }
  dew: { formula: "t - (100 - rh) / 5" }
  spread: { formula: "hot - t", with: { hot: oven/t }, device: line, align: 1s }
windows: [{ every: 1m, of: all, compute: [mean] }]
`),
  );
  expect(signals.get('t')?.derived).toBeUndefined();
  expect(signals.get('dew')?.derived).toStrictEqual({
    expression: 't - (100 - rh) / 5',
    inputs: [
      { variable: 't', device: undefined, signal: 't' },
      { variable: 'rh', device: undefined, signal: 'rh' },
    ],
    alignMs: 0,
    device: undefined,
  });
  expect(signals.get('spread')?.derived).toStrictEqual({
    expression: 'hot - t',
    inputs: [
      { variable: 'hot', device: 'oven', signal: 't' },
      { variable: 't', device: undefined, signal: 't' },
    ],
    alignMs: 1000,
    device: 'line',
  });
});

test('a route leads from each channel of a source to the signal that reads it', () => {
  expect(compileRoutes(fileOf(file))).toStrictEqual(
    new Map([
      [
        'oven',
        new Map([
          ['temp', 'temperature'],
          ['temp.2', 'temperature'],
          ['p', 'pressure'],
        ]),
      ],
    ]),
  );
});

test('actions of an alert are taken once each, and log always is', () => {
  const text = `gateway: g
sources: { oven: { port: /dev/a } }
signals: { t: { from: oven.t } }
windows: [{ every: 1m, of: all, compute: [mean] }]
alerts:
  none: { when: t > 1, do: [] }
  twice: { when: t > 1, do: [log, horn, horn] }
actions: { horn: { port: x } }
`;
  const { file, problems } = readGatewayFile(text, { sources: [port], actions: [port] });
  expect(problems).toStrictEqual([]);
  const rules = file && compilePlan(file).rules;
  expect(rules?.map(({ actions }) => actions)).toStrictEqual([['log'], ['log', 'horn']]);
});

test.each([
  ['the longest of its windows, an hour where one says nothing', '', 'lateness: 5m', '', 3_600_000],
  ['what its only window says', '', 'lateness: 5m', 'none', 300_000],
  ['the longest of its windows', '', 'lateness: 5m', ', lateness: 3h', 10_800_000],
  [
    'its own, also where it is shorter than that of its windows',
    ', lateness: 1m',
    'lateness: 5m',
    ', lateness: 3h',
    60_000,
  ],
])('the lateness of a signal is %s', (_, own, first, second, expected) => {
  const text = `gateway: g
sources: { oven: { port: /dev/a } }
signals:
  t: { from: oven.t${own} }
  other: { from: oven.other, lateness: 9h }
windows:
  - { every: 1m, of: all, compute: [mean], ${first} }
${second === 'none' ? '' : `  - { every: 2m, of: all, compute: [mean]${second} }`}
`;
  expect(compilePlan(fileOf(text)).signals.get('t')?.latenessMs).toBe(expected);
});
