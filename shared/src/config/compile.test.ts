import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Plan, SignalPlan } from '../pipeline/plan.ts';
import { compilePlan, compileRoutes } from './compile.ts';
import { readGatewayFile } from './gateway.ts';
import type { GatewayFile } from './gateway-file.ts';

const port = { key: 'port', schema: z.strictObject({ port: z.string() }) };

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
  const wide = { id: '90s', sizeMs: 90_000, compute: ['mean', 'p95'] } as const;
  const temperature: SignalPlan = {
    signal: 'temperature',
    range: [-20, 120],
    disorderMs: 1000,
    latenessMs: 1_200_000,
    windows: [wide, { id: '1m', sizeMs: 60_000, compute: ['min', 'max'] }],
    rules: [
      {
        id: 'too_hot',
        when: { signal: 'temperature', operator: '>', limit: 34 },
        clear: { signal: 'temperature', operator: '<', limit: 33 },
        forMs: 10_000,
        severity: 'critical',
        actions: ['log'],
      },
    ],
  };
  const pressure: SignalPlan = {
    signal: 'pressure',
    range: [-Infinity, Infinity],
    disorderMs: 5000,
    latenessMs: 7_200_000,
    windows: [wide],
    rules: [
      {
        id: 'low',
        when: { signal: 'pressure', operator: '<=', limit: 1 },
        clear: undefined,
        forMs: 0,
        severity: 'warning',
        actions: ['log'],
      },
    ],
  };
  expect(compilePlan(fileOf(file))).toStrictEqual<Plan>({
    signals: new Map([
      ['temperature', temperature],
      ['pressure', pressure],
    ]),
    maxAheadMs: 60_000,
    idleAfterMs: 20_000,
    maxSeries: 50,
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
  const rules = file && compilePlan(file).signals.get('t')?.rules;
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
