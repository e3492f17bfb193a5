// Bad gateway files with everything that is wrong in them, at its place, all at once; and good ones.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { operators, holds, parseComparison, type Comparison } from '../alert/comparison.ts';
import { statistics } from '../model/pane.ts';
import { readGatewayFile } from './gateway.ts';
import type { GatewayFile } from './gateway-file.ts';
import type { ConfigKind, Kinds } from './kinds.ts';
import { knownUnits } from '../model/units.ts';
import { formatProblem } from './yaml-file.ts';

const portOf = z.object({ port: z.string() });
const line: ConfigKind = {
  key: 'port',
  schema: z.strictObject({ port: z.string(), baud: z.int().optional() }),
  holds: (raw) => portOf.parse(raw).port,
};
const bus: ConfigKind = {
  key: 'bus',
  schema: z.strictObject({ bus: z.string(), registers: z.record(z.string(), z.int()) }),
  channels: (raw) => Object.keys(z.object({ registers: z.record(z.string(), z.int()) }).parse(raw).registers),
  holds: (raw) => z.object({ bus: z.string() }).parse(raw).bus,
};
const lamp: ConfigKind = { key: 'lamp', schema: z.strictObject({ lamp: z.int().min(0) }) };
const kinds: Kinds = { sources: [line, bus], actions: [lamp] };

function problemsIn(text: string): string[] {
  const prefix = 'gateway.yaml:';
  return readGatewayFile(text, kinds).problems.map((problem) =>
    formatProblem('gateway.yaml', problem).slice(prefix.length),
  );
}

const good = `gateway: line-3
hub: { url: mqtts://hub.factory.lan, keyFile: ./key }
data: /var/lib/weir

sources:
  oven: { port: /dev/ttyS0, baud: 9600 }
  press: { bus: /dev/ttyS1, registers: { pressure: 1, stroke.length: 2 } }

signals:
  temperature: { from: [oven.temp, oven.temp2], unit: °C, range: -20..120 }
  pressure: { from: press.pressure, unit: bar, range: 0..16, lateness: 2h, disorder: 5s }
  stroke: { from: press.stroke.length }

windows:
  - { every: 10s, of: all, compute: [p95, mean], lateness: 10m }
  - { every: 1m, of: [temperature], compute: [max, min] }

alerts:
  too_hot: { when: temperature > 34, for: 10s, clear: temperature < 33, severity: critical, do: [horn] }
  low: { when: pressure <= 1 }

actions:
  horn: { lamp: 17 }

thing: { port: 8484 }
settings: { disorder: 1s, maxSeries: 50 }
`;

test('a good file has no problems, and comes out with its defaults filled in', () => {
  const { file, problems } = readGatewayFile(good, kinds);
  expect(problems).toStrictEqual([]);
  const defaults = { uncertain: 'count', repeats: false } as const;
  const usual = {
    severity: 'warning' as const,
    do: ['log'],
    per: 'device' as const,
    latch: false,
    chatter: 'hold' as const,
    onLate: 'record' as const,
  };
  expect(file).toStrictEqual<GatewayFile>({
    gateway: 'line-3',
    hub: { url: 'mqtts://hub.factory.lan', keyFile: './key' },
    data: '/var/lib/weir',
    sources: new Map([
      ['oven', { kind: 'port', raw: { port: '/dev/ttyS0', baud: 9600 }, device: undefined }],
      [
        'press',
        { kind: 'bus', raw: { bus: '/dev/ttyS1', registers: { pressure: 1, 'stroke.length': 2 } }, device: undefined },
      ],
    ]),
    signals: new Map([
      ['temperature', { from: ['oven.temp', 'oven.temp2'], unit: '°C', range: [-20, 120], ...defaults }],
      [
        'pressure',
        { from: ['press.pressure'], unit: 'bar', range: [0, 16], lateness: 7_200_000, disorder: 5000, ...defaults },
      ],
      ['stroke', { from: ['press.stroke.length'], ...defaults }],
    ]),
    windows: new Map([
      [0, { every: 10_000, of: 'all', compute: ['p95', 'mean'], lateness: 600_000 }],
      [1, { every: 60_000, of: ['temperature'], compute: ['max', 'min'] }],
    ]),
    alerts: new Map([
      [
        'too_hot',
        {
          ...usual,
          when: 'temperature > 34',
          for: 10_000,
          clear: 'temperature < 33',
          severity: 'critical',
          do: ['horn'],
        },
      ],
      ['low', { ...usual, when: 'pressure <= 1' }],
    ]),
    actions: new Map([['horn', { kind: 'lamp', raw: { lamp: 17 }, device: undefined }]]),
    thing: { port: 8484, host: '127.0.0.1' },
    settings: {
      commit: 500,
      disorder: 1000,
      idleAfter: 30_000,
      maxAhead: 300_000,
      clock: 'auto',
      lateMemory: 64e6,
      maxSeries: 50,
      journal: 256e6,
      outbox: 1e9,
      minFree: 64e6,
      card: 30e12,
    },
  });
});

test('the rate of the hub is in bytes a second, and no less than panes need', () => {
  const hub = (rate: string) =>
    readGatewayFile(good.replace(/hub: .*/, `hub: { url: mqtt://h, rate: ${rate} }`), kinds);
  expect(hub('64 kB/s').file?.hub).toStrictEqual({ url: 'mqtt://h', rate: 64_000 });
  expect(hub('1 kB/s').file?.hub?.rate).toBe(1000);
  expect(hub('999 B/s').problems.map(({ message }) => message)).toEqual(['the rate must be 1 kB/s or more']);
  expect(hub('64 kB').problems.map(({ message }) => message)).toEqual([
    '"64 kB" is not a size a second; write it like 64 kB/s',
  ]);
});

test('the hub may be written as its address alone, or left out', () => {
  const short = good.replace(/hub: .*/, 'hub: mqtt://10.0.0.5:1883');
  expect(readGatewayFile(short, kinds).file?.hub).toStrictEqual({ url: 'mqtt://10.0.0.5:1883' });
  expect(readGatewayFile(good.replace(/hub: .*/, ''), kinds).file?.hub).toBeUndefined();
});

test('a file with a mistake in it comes out as no file, one with a warning does', () => {
  const unread = good.replace('sources:', 'sources:\n  spare: { port: /dev/ttyS9 }');
  const { file, problems } = readGatewayFile(unread, kinds);
  expect(problems).toMatchObject([{ severity: 'warning' }]);
  expect(file?.sources.has('spare')).toBe(true);
  expect(readGatewayFile(good.replace('line-3', 'line 3'), kinds).file).toBeUndefined();
});

/** Nothing is wrong in these lines; what a test adds below is. */
const sound = `gateway: g
sources:
  oven: { port: /dev/a }
signals:
  temperature: { from: oven.temp, unit: °C, range: -20..120 }
windows:
  - { every: 1m, of: all, compute: [mean] }
`;

/** Ten lists of ten, nested ten deep: 10^10 words if written out. */
const yamlBomb = Array.from('abcdefghij')
  .map(
    (letter, index, all) =>
      `${letter}: &${letter} [${Array(10)
        .fill(index === 0 ? 'x' : `*${all[index - 1]}`)
        .join(', ')}]`,
  )
  .join('\n');

/** Each is everything that is said about the text: line, column, severity, message. */
const badFiles: readonly { name: string; text: string; problems: readonly string[] }[] = [
  {
    name: 'the file is empty',
    text: ``,
    problems: ['1:1: error: a gateway file is a map that starts with gateway: and a name'],
  },
  {
    name: 'the file has comments only',
    text: `# nothing yet
`,
    problems: ['1:1: error: a gateway file is a map that starts with gateway: and a name'],
  },
  {
    name: 'the file is a list',
    text: `- gateway: g
`,
    problems: ['1:1: error: a gateway file is a map that starts with gateway: and a name'],
  },
  {
    name: 'the file is a single word',
    text: `gateway
`,
    problems: ['1:1: error: a gateway file is a map that starts with gateway: and a name'],
  },
  {
    name: 'everything is missing',
    text: `{}
`,
    problems: [
      '1:1: error: "gateway" is missing: the name of this gateway, such as gateway: line-3',
      '1:1: warning: no sources: this gateway would read nothing',
    ],
  },
  {
    name: 'the YAML is broken',
    text: `gateway: g
sources:
  oven: { port: /dev/a
signals: {}
`,
    problems: [
      '4:1: error: the YAML cannot be read: Flow map in block collection must be sufficiently indented and end with a }',
    ],
  },
  {
    name: 'a tab indents',
    text: `gateway: g
sources:
\toven: { port: /dev/a }
`,
    problems: ['3:1: error: the YAML cannot be read: Tabs are not allowed as indentation'],
  },
  {
    name: 'keys are misspelled at every level',
    text: `gateway: g
source:
  oven: { port: /dev/a }
sources:
  oven: { port: /dev/a, boud: 9600 }
signals:
  temperature: { from: oven.temp, units: °C }
windows:
  - { evry: 1m, every: 1m, of: all, compute: [mean] }
alerts:
  too_hot: { when: temperature > 34, sevrity: critical, whatever: 1 }
settings: { comit: 1s }
`,
    problems: [
      '2:1: error: unknown key "source", did you mean "sources"?',
      '5:25: error: unknown key "boud", did you mean "baud"?',
      '7:35: error: unknown key "units", did you mean "unit"?',
      '9:7: error: unknown key "evry", did you mean "every"?',
      '11:38: error: unknown key "sevrity", did you mean "severity"?',
      '11:57: error: unknown key "whatever", did you mean "chatter"?',
      '12:13: error: unknown key "comit", did you mean "commit"?',
    ],
  },
  {
    name: 'units are not the ones Weir knows',
    text: `gateway: g
sources:
  oven: { port: /dev/a }
signals:
  a: { from: oven.a, unit: celsius }
  b: { from: oven.b, unit: furlong }
windows:
  - { every: 1m, of: all, compute: [mean] }
`,
    problems: [
      '5:28: error: "celsius" is not a unit Weir knows; did you mean °C?',
      `6:28: error: "furlong" is not a unit Weir knows; known units: ${knownUnits.join(', ')}`,
    ],
  },
  {
    name: 'a name is used twice',
    text: `gateway: g
sources:
  oven: { port: /dev/a }
  oven: { port: /dev/b }
signals:
  temperature: { from: oven.temp }
windows:
  - { every: 1m, of: all, compute: [mean] }
`,
    problems: ['4:3: error: this key stands here twice; every name is used once'],
  },
  {
    name: 'durations, sizes and ranges are not written as such',
    text: `gateway: g
sources:
  oven: { port: /dev/a }
signals:
  temperature: { from: oven.temp, range: 120..-20, lateness: 3 days, disorder: 5 }
windows:
  - { every: 1 minute, of: all, compute: [mean] }
  - { every: 0s, of: all, compute: [mean] }
  - { every: 0.5ms, of: all, compute: [mean] }
settings:
  journal: 256
  outbox: lots
  idleAfter: 0s
  maxSeries: 0
`,
    problems: [
      '5:42: error: "120..-20" is not a range low..high, low first; write it like -20..120',
      '5:62: error: "3 days" is not a duration (ms, s, m, h, d or w); write it like 10s',
      '5:80: error: Invalid input: expected string, received number',
      '7:14: error: "1 minute" is not a duration (ms, s, m, h, d or w); write it like 10s',
      '8:14: error: the duration must be longer than zero',
      '9:14: error: a window is a whole number of milliseconds',
      '11:12: error: Invalid input: expected string, received number',
      '12:11: error: "lots" is not a size (B, kB, MB, GB, TB, KiB, MiB or GiB); write it like 256 MB',
      '13:14: error: the duration must be longer than zero',
      '14:14: error: Too small: expected number to be >=1',
    ],
  },
  {
    name: 'names refer to what is not there',
    text: `gateway: g
sources:
  oven: { port: /dev/a }
  press: { bus: /dev/b, registers: { pressure: 1 } }
signals:
  temperature: { from: ofen.temp }
  pressure: { from: press.presure }
  humidity: { from: [oven.rh, kiln.rh] }
windows:
  - { every: 1m, of: [temprature, pressure, humidity], compute: [mean] }
alerts:
  too_hot: { when: temperatur > 34, do: [hron, log] }
  cold: { when: cat < 3, do: [bell] }
actions:
  horn: { lamp: 17 }
`,
    problems: [
      '6:3: warning: no window covers "temperature": it feeds alerts only, nothing of it reaches the hub',
      '6:24: error: no source "ofen", did you mean "oven"?',
      '7:21: error: source "press" has no "presure", did you mean "pressure"?',
      '8:31: error: no source "kiln"; known here: oven, press',
      '10:23: error: no signal "temprature", did you mean "temperature"?',
      '12:20: error: no signal "temperatur", did you mean "temperature"?',
      '12:42: error: no action "hron", did you mean "horn"?',
      '13:17: error: no signal "cat"; known here: temperature, pressure, humidity',
      '13:31: error: no action "bell"; known here: horn, log',
    ],
  },
  {
    name: 'nothing reads a source and no window covers a signal',
    text: `gateway: g
sources:
  oven: { port: /dev/a }
  spare: { port: /dev/b }
signals:
  temperature: { from: oven.temp }
  humidity: { from: oven.rh }
windows:
  - { every: 1m, of: [temperature], compute: [mean] }
`,
    problems: [
      '4:3: warning: no signal reads source "spare"; all it says would be dead letters',
      '7:3: warning: no window covers "humidity": it feeds alerts only, nothing of it reaches the hub',
    ],
  },
  {
    name: 'two sources read one device, and two signals one channel',
    text: `gateway: g
sources:
  oven: { port: /dev/a }
  press: { bus: /dev/a, registers: { pressure: 1 } }
  third: { port: /dev/a }
signals:
  temperature: { from: oven.temp }
  again: { from: [oven.rh, oven.temp] }
  pressure: { from: press.pressure }
  third: { from: third.x }
windows:
  - { every: 1m, of: all, compute: [mean] }
`,
    problems: [
      '4:17: error: /dev/a is already read by source "oven"',
      '5:18: error: /dev/a is already read by source "oven"',
      '8:28: error: oven.temp is already signal "temperature"',
    ],
  },
  {
    name: 'conditions cannot be read',
    text: `${sound}alerts:
  a: { when: temperature is high }
  b: { when: temperature > hot }
  c: { when: temperature > 34, clear: temperature }
  d: { for: 10s }
  e: { when: 34 }
`,
    problems: [
      '9:14: error: "temperature is high" is not a condition; write signal, operator (> >= < <= == !=) and number, such as temperature > 34',
      '10:28: error: no signal "hot"; known here: temperature',
      '11:39: error: "temperature" is not a condition; write signal, operator (> >= < <= == !=) and number, such as temperature > 34',
      '12:6: error: an alarm says what starts it: one of when, anomaly, silent',
      '13:14: error: Invalid input: expected string, received number',
    ],
  },
  {
    name: 'rules can never fire, never end, or do both at once',
    text: `${sound}alerts:
  never: { when: temperature > 120 }
  never_either: { when: temperature == 121 }
  always_on: { when: temperature > 34, clear: temperature < -20 }
  both: { when: temperature > 34, clear: temperature < 35 }
  touching: { when: temperature >= 34, clear: temperature <= 34 }
  same: { when: temperature > 34, clear: temperature > 34 }
  other: { when: temperature > 34, clear: pressure < 33 }
  fine: { when: temperature > 34, clear: temperature <= 34 }
  fine_too: { when: temperature == 34, clear: temperature != 34 }
`,
    problems: [
      '9:18: error: can never be true: readings of temperature outside -20..120 are refused',
      '10:25: error: can never be true: readings of temperature outside -20..120 are refused',
      '11:47: error: can never be true, so the alert would never end: readings of temperature outside -20..120 are refused',
      '12:42: error: clear is true where when is true: the alert would start and end at once; clear beyond the limit on the other side',
      '13:47: error: clear is true where when is true: the alert would start and end at once; clear beyond the limit on the other side',
      '14:42: error: clear is true where when is true: the alert would start and end at once; clear beyond the limit on the other side',
      '15:43: error: no signal "pressure"; known here: temperature',
    ],
  },
  {
    name: 'deadbands belong to limits that a value can come back over',
    text: `gateway: g
sources: { oven: { port: /dev/a } }
signals:
  temperature: { from: oven.t, range: -20..120 }
windows:
  - { every: 1m, of: temperature, compute: [mean] }
alerts:
  fine: { when: temperature > 34, deadband: 1 }
  fine_too: { when: temperature outside 2..8, deadband: 0.5 }
  none: { when: temperature > 34, deadband: 0 }
  state: { when: temperature == 34, deadband: 1 }
  average: { when: mean(temperature over 5m) > 34, deadband: 1 }
  odd: { anomaly: temperature, deadband: 1 }
  both: { when: temperature > 34, clear: temperature < 33, deadband: 1 }
  endless: { when: temperature < 119, deadband: 2 }
`,
    problems: [
      '10:45: error: a deadband is more than 0, in the unit of the signal',
      '11:47: error: a deadband is of limits on a signal, like temperature > 34; write clear',
      '12:62: error: a deadband is of limits on a signal, like temperature > 34; write clear',
      '13:42: error: a deadband is of limits on a signal, like temperature > 34',
      '14:70: error: clear says when the alarm ends: leave the deadband away',
      '15:49: error: the alert would never end: readings of temperature outside -20..120 are refused',
    ],
  },
  {
    name: 'alarms ask for what there is not',
    text: `gateway: g
sources:
  oven: { port: /dev/a }
  press: { port: /dev/b }
signals:
  temperature: { from: oven.temp, unit: °C }
  pressure: { from: press.p, unit: bar }
  humidity: { from: oven.rh }
windows: [{ every: 1m, of: all, compute: [mean] }]
alerts:
  fahrenheit: { when: temperature > 93 °F }
  bars: { when: mean(temperature over 5m) > 3 bar }
  bare: { when: humidity > 60 % }
  detector: { anomaly: temperature, detector: novlety }
  nothing: { anomaly: temprature }
  quiet: { silent: temperature }
  no_detector: { when: temperature > 3, sensitivity: 1 per day }
  each: { when: temperature > 3, per: gateway }
  ring_a: { when: temperature > 3, suppressedBy: ring_b }
  ring_b: { when: temperature > 4, suppressedBy: [ring_a, fahrenhiet] }
  often: { anomaly: temperature, sensitivity: weekly }
  most: { when: temperature > 3, samples: 5 of 3 }
  long: { when: mean(temperature) > 3 }
  two: { when: temperature > 3, silent: temperature, for: 5m }
  clearing: { when: temperature > 34, clear: pressure < 2 }
  comma: { when: mean(temperature, 5m) > 3 }
`,
    problems: [
      '11:37: error: temperature is in °C, not in °F: write 33.8889 °C',
      '12:45: error: temperature is in °C, not in bar: they are not the same quantity',
      '13:28: error: humidity has no unit to compare with 60 %; say unit: % at the signal',
      '14:47: error: no detector "novlety", did you mean "novelty"?',
      '15:23: error: no signal "temprature", did you mean "temperature"?',
      '16:12: error: for how long? say for: 15m, or missing: at the signal',
      '17:54: error: sensitivity is of detectors; this alarm has none: write anomaly: temperature, or anomaly(temperature) in when',
      '18:39: error: per: gateway goes with silent; elsewhere each device has its own alarm',
      '19:50: error: ring_a is explained by ring_b is explained by ring_a: none of them would ever be told',
      '20:50: error: no alert "fahrenhiet", did you mean "fahrenheit"?',
      '21:47: error: "weekly" is not so many alarms in a time; write it like 1 per week',
      '22:43: error: "5 of 3" is not so many of the last readings, 32 at most; write it like 3 of 5',
      '23:17: error: mean looks back: write mean(signal over 5m)',
      '24:8: error: when and silent exclude each other; keep one',
      '25:46: error: clear speaks of "pressure", when of "temperature"; both must be the same signal',
      '26:36: error: unknown key "5m) > 3"; a comma between braces ends the text: put quotes around it',
    ],
  },
  {
    name: 'more windows are kept for late readings than there is memory',
    text: `gateway: g
sources:
  oven: { port: /dev/a }
signals:
  temperature: { from: oven.temp }
  heart_rate: { from: oven.hr, lateness: 3d }
windows:
  - { every: 1s, of: [temperature], compute: [mean], lateness: 3h }
  - { every: 100ms, of: [temperature], compute: [mean], lateness: 1m }
  - { every: 20s, of: [heart_rate], compute: [mean] }
`,
    problems: [
      '8:64: error: a lateness of 3h keeps 10800 windows of 1s for each series; lower the lateness to 10000s or make the window longer',
      '9:14: error: a lateness of 3h keeps 108000 windows of 100ms for each series; lower the lateness to 1000s or make the window longer',
      '10:14: error: a lateness of 3d keeps 12960 windows of 20s for each series; lower the lateness to 200000s or make the window longer',
    ],
  },
  {
    name: 'one window too many of the same length',
    text: `${sound}  - { every: 60s, of: all, compute: [max] }
`,
    problems: ['8:5: error: a window 1m stands above; put its signals and statistics together'],
  },
  {
    name: 'sources and actions do not say what they are',
    text: `gateway: g
sources:
  a: { prt: /dev/a }
  b: {}
  c: 5
  d: { port: 7 }
  e: { bus: /dev/b }
signals:
  t: { from: [a.t, b.t, c.t, d.t, e.t] }
windows:
  - { every: 1m, of: all, compute: [mean] }
actions:
  horn: { lamp: -1 }
  bell: { ring: 1 }
`,
    problems: [
      '3:6: error: "a" does not say what it is, did you mean "port"?',
      '4:6: error: "b" does not say what it is; one of: port, bus',
      '5:6: error: "c" does not say what it is; one of: port, bus',
      '6:14: error: Invalid input: expected string, received number',
      '7:6: error: "registers" is missing: expected record',
      '13:17: error: Too small: expected number to be >=0',
      '14:9: error: "bell" does not say what it is; known here: lamp',
    ],
  },
  {
    name: 'sections have the wrong shape',
    text: `gateway: [g]
hub: ftp://x
data: ''
sources: [oven]
signals: temperature
windows: { every: 1m }
alerts: []
actions: horn
settings: none
`,
    problems: [
      '1:1: warning: no sources: this gateway would read nothing',
      '1:10: error: Invalid input: expected string, received array',
      '2:6: error: the hub is an address like mqtts://hub.factory.lan or mqtt://10.0.0.5:1883',
      '3:7: error: Too small: expected string to have >=1 characters',
      '4:10: error: "sources" is a map of names: write each as "name: { … }"',
      '5:10: error: "signals" is a map of names: write each as "name: { … }"',
      '6:10: error: "windows" is a list: each entry starts with "- "',
      '7:9: error: "alerts" is a map of names: write each as "name: { … }"',
      '8:10: error: "actions" is a map of names: write each as "name: { … }"',
      '9:11: error: Invalid input: expected object, received string',
    ],
  },
  {
    name: 'names would be something else in a topic',
    text: `gateway: line/3
sources:
  "a b": { port: /dev/a }
signals:
  +: { from: oven.temp }
windows:
  - { every: 1m, of: all, compute: [mean] }
`,
    problems: [
      '1:10: error: a name starts with a letter, digit or _ and has at most 64 letters, digits, _, - and .',
      '3:3: error: "a b": a name starts with a letter, digit or _ and has at most 64 letters, digits, _, - and .',
      '5:3: error: "+": a name starts with a letter, digit or _ and has at most 64 letters, digits, _, - and .',
      '5:14: error: no source "oven"; known here: a b',
    ],
  },
  {
    name: 'entries lack what they need',
    text: `gateway: g
sources:
  oven: { port: /dev/a }
signals:
  temperature: { unit: °C }
  pressure:
  humidity: { from: [] }
  light: { from: oven }
windows:
  - { of: all, compute: [mean] }
  - { every: 1m, compute: [mean] }
  - { every: 2m, of: all }
  - { every: 3m, of: all, compute: [] }
  - { every: 4m, of: all, compute: [median, p96] }
`,
    problems: [
      '3:3: warning: no signal reads source "oven"; all it says would be dead letters',
      '5:16: error: a signal says where it comes from: one of from, formula',
      '6:12: error: Invalid input: expected object, received null',
      '7:21: error: Too small: expected array to have >=1 items',
      '8:18: error: write it as source.channel, such as tempering.temp',
      '10:5: error: a window says what kind it is: one of every, session, count',
      '11:5: error: "of" is missing',
      '12:5: error: "compute" is missing: expected array',
      '13:36: error: Too small: expected array to have >=1 items',
      `14:37: error: "median" is none of: ${statistics.join(', ')}, did you mean "mean"?`,
      `14:45: error: "p96" is none of: ${statistics.join(', ')}, did you mean "p90"?`,
    ],
  },
  {
    name: 'an alias has no anchor above it',
    text: `gateway: g
sources: *oven
`,
    problems: [
      '2:10: error: the YAML cannot be read: Unresolved alias (the anchor must be set before the alias): oven',
    ],
  },
  {
    name: 'aliases multiply beyond all bounds',
    text: yamlBomb,
    problems: ['1:1: error: the YAML cannot be read: Excessive alias count indicates a resource exhaustion attack'],
  },
];

test('the sound lines that bad files start with have no problems', () => {
  expect(problemsIn(sound)).toStrictEqual([]);
});

test.each(badFiles)('$name: every mistake is said at its place, all at once', ({ text, problems }) => {
  expect(problemsIn(text)).toStrictEqual(problems);
});

test('an alias is checked where it is used', () => {
  const text = `${sound}alerts:
  first: &same { when: temperature > 34, severity: critcal }
  second: *same
`;
  const message = 'error: "critcal" is none of: info, warning, critical, did you mean "critical"?';
  expect(problemsIn(text)).toStrictEqual([`9:52: ${message}`, `10:11: ${message}`]);
});

test('a name that JavaScript knows otherwise is a name like any other', () => {
  const text = `gateway: g
sources: { __proto__: { port: /dev/a } }
signals: { constructor: { from: __proto__.x }, 2nd: { from: __proto__.toString } }
windows: [{ every: 1m, of: [constructor, 2nd], compute: [mean] }]
alerts: { valueOf: { when: 2nd > 3 } }
`;
  const { file, problems } = readGatewayFile(text, kinds);
  expect(problems).toStrictEqual([]);
  expect([...(file?.sources.keys() ?? [])]).toStrictEqual(['__proto__']);
  expect(file?.alerts.get('valueOf')?.when).toBe('2nd > 3');
});

test('clear is refused exactly where some value would satisfy when and clear', () => {
  const quarter = fc.integer({ min: -8, max: 8 }).map((n) => n / 4);
  const condition = fc
    .tuple(fc.constantFrom(...operators), quarter)
    .map(([operator, limit]) => `temperature ${operator} ${limit}`);
  const unlimited = sound.replace(', range: -20..120', '');
  const eighths = Array.from({ length: 65 }, (_, i) => (i - 32) / 8);
  fc.assert(
    fc.property(condition, condition, (when, clear) => {
      const both = [when, clear].map((text) => parseComparison(text) as Comparison);
      const overlap = eighths.some((value) => both.every((one) => holds(one, value)));
      const problems = problemsIn(`${unlimited}alerts:\n  a: { when: ${when}, clear: ${clear} }\n`);
      expect(problems.map((problem) => problem.replace(/^.*: error: /, '').slice(0, 13))).toStrictEqual(
        overlap ? ['clear is true'] : [],
      );
    }),
    { numRuns: 500 },
  );
});

test('a condition is refused exactly where no value of the range satisfies it', () => {
  const limit = fc.integer({ min: -4, max: 4 });
  const halves = Array.from({ length: 41 }, (_, i) => (i - 20) / 2);
  fc.assert(
    fc.property(fc.constantFrom(...operators), limit, limit, limit, (operator, limit, a, b) => {
      const [low, high] = [Math.min(a, b) - 0.5, Math.max(a, b) + 0.5];
      const possible = halves.some((v) => v >= low && v <= high && holds({ operator, limit }, v));
      const text = `${sound.replace('-20..120', `${low}..${high}`)}alerts:\n  a: { when: temperature ${operator} ${limit} }\n`;
      expect(problemsIn(text)).toHaveLength(possible ? 0 : 1);
    }),
  );
});

test('a file damaged anywhere, in any way, is answered with problems inside the file, never with an exception', () => {
  const snippet = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.constantFrom(
      '',
      '*a',
      '&a ',
      '<<: ',
      '? ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '"',
      '\n',
      '\t',
      ': ',
      '!!set ',
      '---\n',
      'null',
      '~',
      '|\n',
    ),
  );
  const damage = fc.record({ at: fc.nat({ max: good.length }), cut: fc.nat({ max: 12 }), put: snippet });
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
      const text = damages.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), good);
      const { file, problems } = readGatewayFile(text, kinds);
      expect(file === undefined).toBe(problems.some(({ severity }) => severity === 'error'));
      const lines = text.split('\n');
      for (const { line, column, message } of problems) {
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
        expect(message).not.toMatch(/undefined|\[object/);
      }
    }),
    { numRuns: 500 },
  );
});
