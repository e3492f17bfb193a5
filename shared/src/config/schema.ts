// The gateway file's schema: the one truth from which come the types, the checks, the JSON Schema for editors and the
// reference in docs/gateway-file.md. Sources and actions bring their own part: see kinds.ts.

import * as z from 'zod';
import { parseComparison, type Comparison } from '../alert/comparison.ts';
import { severities } from '../model/alert.ts';
import { statistics } from '../model/pane.ts';
import { namePattern } from '../wire/topics.ts';
import { parseDuration, parseRange, parseRate, parseSize } from '../model/duration.ts';
import { knownUnits, unitMeant } from '../model/units.ts';

/** Text that `parse` understands, as the value `parse` makes of it. `undefined` from `parse` is refused with `expected`. */
function written<T>(parse: (text: string) => T | undefined, expected: string, example: string) {
  return z
    .string()
    .meta({ description: expected, examples: [example] })
    .transform((text, context): T => {
      const value = parse(text);
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: `"${text}" is not ${expected}; write it like ${example}` });
      return z.NEVER;
    });
}

export const duration = written(parseDuration, 'a duration (ms, s, m, h, d or w)', '10s');
export const positiveDuration = duration.refine((ms) => ms > 0, { message: 'the duration must be longer than zero' });
export const byteSize = written(parseSize, 'a size (B, kB, MB, GB, TB, KiB, MiB or GiB)', '256 MB');
const byteRate = written(parseRate, 'a size a second', '64 kB/s');
const range = written(parseRange, 'a range low..high, low first', '-20..120');

export const name = z.string().regex(namePattern, {
  message: 'a name starts with a letter, digit or _ and has at most 64 letters, digits, _, - and .',
});

const unit = z
  .string()
  .meta({ description: 'Unit of the signal.', examples: ['°C', 'bar', '%'] })
  .refine((text) => (knownUnits as readonly string[]).includes(text), {
    error: ({ input }) => {
      const meant = unitMeant(String(input));
      const hint = meant === undefined ? `known units: ${knownUnits.join(', ')}` : `did you mean ${meant}?`;
      return `"${String(input)}" is not a unit Weir knows; ${hint}`;
    },
  });

const condition = z.string().meta({
  description: 'A [condition](alerts.md#conditions).',
  examples: ['temperature > 34'],
});

const sensitivity = written(parseFrequency, 'so many alarms in a time', '1 per week');

const samples = written(parseSamples, 'so many of the last readings, 32 at most', '3 of 5');

/** @returns alarms a week */
function parseFrequency(text: string): number | undefined {
  const [, count, unit] = /^\s*(\d+(?:\.\d+)?)\s+per\s+(hour|day|week|month|year)\s*$/.exec(text) ?? [];
  const weeks = { hour: 1 / 168, day: 1 / 7, week: 1, month: 365.25 / 84, year: 365.25 / 7 };
  const perWeek = unit === undefined ? NaN : Number(count) / weeks[unit as keyof typeof weeks];
  return perWeek > 0 ? perWeek : undefined;
}

function parseSamples(text: string): { atLeast: number; of: number } | undefined {
  const [, least, most] = /^\s*(\d+)\s+of\s+(\d+)\s*$/.exec(text) ?? [];
  const [atLeast, of] = [Number(least), Number(most)];
  return atLeast >= 1 && atLeast <= of && of <= 32 ? { atLeast, of } : undefined;
}

export const hubParts = z.strictObject({
  url: z.string().describe('mqtt:// or mqtts:// address of the hub.'),
  keyFile: z.string().optional().describe('File with the key that `weir-hub gateway add` printed.'),
  rate: byteRate
    .refine((bytes) => bytes >= 1000, { message: 'the rate must be 1 kB/s or more' })
    .optional()
    .describe('Most that panes and raw readings take of the link. Alerts do not wait for it. Default: no limit.'),
  drain: z
    .enum(['oldest', 'newest'])
    .optional()
    .describe(
      'Of a long backlog, what the hub gets first; [newest](delivery.md) sends some of it twice. Default oldest.',
    ),
});

export const hubSchema = z
  .union([z.string().transform((url): z.output<typeof hubParts> => ({ url })), hubParts])
  .refine(({ url }) => isUrl(url, ['mqtt:', 'mqtts:']), {
    message: 'the hub is an address like mqtts://hub.factory.lan or mqtt://10.0.0.5:1883',
    path: ['url'],
  })
  .describe('Where panes and alerts go. Without it the gateway works alone.');

export const thingSchema = z
  .strictObject({
    port: z.int().min(1).max(65_535).describe('TCP port.'),
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('Address to listen at; `0.0.0.0` is every address of the gateway. Default 127.0.0.1.'),
  })
  .describe('The gateway as a Thing of the Web of Things, for whoever reads it over HTTP.');

const channel = z.string().regex(/^[^.\s]+\.\S+$/, { message: 'write it as source.channel, such as tempering.temp' });

const onWhen = z
  .string()
  .meta({ description: 'operator (> >= < <= == !=) and number', examples: ['>= 1'] })
  .transform((text, context): Pick<Comparison, 'operator' | 'limit'> => {
    const parsed = parseComparison(`value ${text}`);
    if (typeof parsed !== 'string') return { operator: parsed.operator, limit: parsed.limit };
    context.addIssue({ code: 'custom', message: `"${text}" is not an operator and a number, such as >= 1` });
    return z.NEVER;
  });

/** Exactly one of the keys must be there. */
function exactlyOne(keys: readonly string[], what: string) {
  return (value: object, context: z.core.$RefinementCtx): void => {
    const found = keys.filter((key) => Object.hasOwn(value, key));
    if (found.length === 1) return;
    const message =
      found.length === 0 ? `${what}: one of ${keys.join(', ')}` : `${found.join(' and ')} exclude each other; keep one`;
    context.addIssue({ code: 'custom', message });
  };
}

const finite = z.number();

export const signalSchema = z
  .strictObject({
    from: z
      .union([channel.transform((one) => [one]), z.array(channel).min(1)])
      .optional()
      .describe(
        '`source.channel`, or a list of them: a field of the JSON line, a column of the CSV, or what `{signal}` stands for in the topic.',
      ),
    formula: z
      .string()
      .optional()
      .meta({
        description:
          'Instead of `from`: arithmetic of other signals of the same device, [as written below](#formulas).',
        examples: ['temperature - (100 - humidity) / 5'],
      }),
    with: z
      .record(z.string(), z.string())
      .optional()
      .describe('Names in the formula for `signal`, or for `device/signal` where the devices differ.'),
    align: duration
      .optional()
      .describe(
        'Inputs of the formula from the same piece of time belong together. Default 0s: the very same event time.',
      ),
    device: name.optional().describe('Device of what the formula gives; needed where an input names its own.'),
    unit: unit.optional(),
    convert: unit
      .optional()
      .meta({ description: 'The unit the source speaks, converted to `unit`.', examples: ['°F'] }),
    calibrate: z
      .strictObject({ gain: finite.default(1), offset: finite.default(0) })
      .optional()
      .describe('`{ gain, offset }`: what is converted, times `gain`, plus `offset`.'),
    range: range.optional().describe('Readings outside are dead letters.'),
    maxStep: z
      .number()
      .positive()
      .optional()
      .describe('Most the value can change in a second, in its unit; a reading further away is uncertain.'),
    stuck: positiveDuration.optional().describe('A value that has been the same for so long is uncertain.'),
    missing: positiveDuration
      .optional()
      .describe(
        'A series silent for so long is shown as missing. Default: three times `expect` (5s at least, and no less than its own `lateness`), where that is said.',
      ),
    expect: positiveDuration
      .optional()
      .describe('How often a reading is expected: what `completeness` is measured by, and when a series is missing.'),
    uncertain: z
      .enum(['count', 'use'])
      .default('count')
      .describe('Whether uncertain readings are only counted, or used in statistics and alerts. Default count.'),
    repeats: z
      .boolean()
      .default(false)
      .describe(
        'Whether the source may say the same reading (event time and value) again, to be counted once. Default false.',
      ),
    on: onWhen.optional().describe('When the signal counts as on: what `duty` is the share of. Default `!= 0`.'),
    lateness: duration
      .optional()
      .describe('How late a reading may come and still correct its windows. Default: that of the windows.'),
    disorder: duration.optional().describe('How far event times jump back and forth. Default: `settings.disorder`.'),
  })
  .superRefine(exactlyOne(['from', 'formula'], 'a signal says where it comes from'));

const wholeMs = positiveDuration.refine((ms) => Number.isInteger(ms), {
  message: 'a window is a whole number of milliseconds',
});

export const windowSchema = z
  .strictObject({
    every: wholeMs.optional().describe('Tumbling windows of this length.'),
    slide: wholeMs.optional().describe('With `every`: hopping windows, one ending every so often.'),
    zone: z
      .string()
      .optional()
      .meta({
        description: 'With `every`: aligned to local days, weeks or parts of a day, instead of UTC.',
        examples: ['Europe/Zurich'],
      }),
    session: positiveDuration.optional().describe('Session windows: from a reading until so long without one.'),
    count: z.int().min(1).max(1_000_000).optional().describe('Count windows: so many readings, in event-time order.'),
    of: z
      .union([z.literal('all'), z.string().transform((one) => [one]), z.array(z.string()).min(1)])
      .describe('`all`, a signal, or a list of signals.'),
    compute: z.array(z.enum(statistics)).min(1).describe('`count` is always there; [what each means](statistics.md).'),
    lateness: duration.optional().describe('How late a reading may come and still correct the window. Default 1h.'),
    early: positiveDuration.optional().describe('While a window is open, a pane of what is there so far, so often.'),
    lateEvery: positiveDuration.optional().describe('Corrections of closed windows go out at most so often.'),
  })
  .superRefine(exactlyOne(['every', 'session', 'count'], 'a window says what kind it is'));

const names = z.union([z.string().transform((one) => [one]), z.array(z.string()).min(1)]);

export const alertSchema = z
  .strictObject({
    when: condition.optional().describe('The [condition](alerts.md#conditions) that starts the alarm.'),
    anomaly: names
      .optional()
      .describe(
        'Instead of `when`: a signal, or a list of those that belong together; the alarm starts when a [detector](detectors/README.md) calls them strange.',
      ),
    silent: names
      .optional()
      .describe('Instead of `when`: a signal, or a list; the alarm starts when nothing was said of them for `for`.'),
    with: z
      .record(z.string(), z.string())
      .optional()
      .describe('Names in the conditions for `signal`, or for `device/signal` of another device.'),
    per: z
      .enum(['device', 'gateway'])
      .default('device')
      .describe('With `silent`: whether each device has its alarm, or all of them together one. Default device.'),
    detector: z.string().optional().describe('What tells strange from ordinary. Default [auto](detectors/auto.md).'),
    sensitivity: sensitivity.optional().describe('Of the detector: about so many alarms. Default 1 per week.'),
    learn: duration
      .optional()
      .describe(
        'For so long, in event time from its first reading on, the detector only learns and nothing is strange. Default 1d.',
      ),
    for: duration.optional().describe('On-delay: how long the condition must hold. Default 0s.'),
    samples: samples
      .optional()
      .describe('The condition must hold for so many of the last readings. Default: for the newest.'),
    clear: condition.optional().meta({
      description: 'The condition that ends the alarm. Default: that `when` holds no more.',
      examples: ['temperature < 33'],
    }),
    deadband: z
      .number()
      .positive({ error: 'a deadband is more than 0, in the unit of the signal' })
      .optional()
      .describe(
        'In place of `clear`: the alarm ends when the signal has come back over the limit by so much, in its unit.',
      ),
    keepFor: duration
      .optional()
      .describe(
        'Off-delay: the alarm ends when it could have ended for so long. Default 1m, 10m for an anomaly; 0s with `clear`, `deadband`, `silent`, `==` and `!=`.',
      ),
    severity: z.enum(severities).default('warning').describe('A critical alarm is committed to disk at once.'),
    latch: z.boolean().default(false).describe('Whether it stays until somebody acknowledges it. Default false.'),
    remind: positiveDuration.optional().describe('Re-alarm: told again so often until somebody acknowledges it.'),
    chatter: z
      .enum(['hold', 'tell'])
      .default('hold')
      .describe(
        'An alarm that keeps coming back is [held down](alerts.md#the-life-of-an-alarm), or told each time. Default hold.',
      ),
    suppressedBy: names
      .optional()
      .describe('Alarms that explain this one: while one of them is on, nobody is told. [How](alerts.md#suppression).'),
    onLate: z
      .enum(['record', 'fire'])
      .default('record')
      .describe(
        'What readings do that come late: only [be recorded](alerts.md#late), or sound the alarm. Default record.',
      ),
    lateAfter: duration
      .optional()
      .describe('A reading is late when it arrives so long after its event time. Default 5m.'),
    do: z.array(z.string()).default(['log']).describe('Actions to take. `log` is always there.'),
  })
  .superRefine(exactlyOne(['when', 'anomaly', 'silent'], 'an alarm says what starts it'));

export const clockModes = ['auto', 'ntp', 'machine'] as const;
export type ClockMode = (typeof clockModes)[number];

export const settingsSchema = z.strictObject({
  commit: positiveDuration.default(500).describe('How often what came in is synced to disk. Default 500ms.'),
  disorder: duration.default(2000).describe('How far event times of one series jump back and forth. Default 2s.'),
  idleAfter: positiveDuration
    .default(30_000)
    .describe('A series silent for so long has its windows closed when they are over by the clock. Default 30s.'),
  maxAhead: duration
    .default(300_000)
    .describe(
      'A device whose readings are further in the future has a clock that runs ahead: they are [put back](time.md). Default 5m.',
    ),
  clock: z
    .enum(clockModes)
    .default('auto')
    .describe(
      "Who vouches for the time: a time service (`ntp`), the machine's clock (`machine`), or the service where there is one (`auto`). [How](time.md). Default auto.",
    ),
  lateMemory: byteSize
    .default(64e6)
    .describe('Bytes of closed windows kept for late readings; then the oldest are given up. Default 64 MB.'),
  maxSeries: z.int().min(1).max(1_000_000).default(10_000).describe('Devices times signals. Default 10000.'),
  journal: byteSize.default(256e6).describe('Bytes of raw readings kept on the gateway. Default 256 MB.'),
  outbox: byteSize
    .default(1e9)
    .describe('Bytes that may wait for the hub; near it what is old is [thinned](delivery.md). Default 1 GB.'),
  minFree: byteSize
    .default(64e6)
    .describe('Bytes of the disk the agent leaves free: it stops writing before the disk is full. Default 64 MB.'),
  card: byteSize
    .default(30e12)
    .describe('Bytes the memory card can be written in its life (its TBW): what its wear is told by. Default 30 TB.'),
  wearBudget: z
    .number()
    .positive()
    .optional()
    .describe('Years the card is to last: commits wait longer, up to 30s, to keep to it. Default: not looked at.'),
});

export type Signal = z.output<typeof signalSchema>;
export type Window = z.output<typeof windowSchema>;
export type Alert = z.output<typeof alertSchema>;
export type Settings = z.output<typeof settingsSchema>;
export type Hub = z.output<typeof hubSchema>;
export type Thing = z.output<typeof thingSchema>;

export function isUrl(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol);
}
