// What goes out comes back; what should not have come in is a WireError, whatever its bytes.

import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { alertStates, severities, silences, type Operation, type Transition } from '../model/alert.ts';
import { nominalSizeMs, statistics, stepMs, timings, type Pane, type WindowSpec } from '../model/pane.ts';
import { qualities } from '../model/quality.ts';
import { specOf, windowOf } from '../testing/plans.ts';
import {
  WireError,
  decodeAck,
  decodeBatch,
  decodeCommand,
  decodeFrame,
  decodeStatus,
  encodeAck,
  encodeBatch,
  encodeCommand,
  encodeFrame,
  encodeStatus,
  type Batch,
  type RawReadings,
  type Ask,
  type RawRequest,
} from './codec.ts';
import { BatchSchema, CommandSchema, FrameSchema, TransitionSchema } from './weir_pb.js';

const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}$/);
const plain = { noNullPrototype: true } as const;
const series = fc.record({ device: name, signal: name }, plain);
const windows: readonly WindowSpec[] = [
  windowOf(10),
  windowOf(1000, statistics),
  windowOf(60_000, ['mean', 'p95']),
  specOf({ kind: 'tumbling', sizeMs: 86_400_000, zone: 'America/Argentina/Buenos_Aires' }),
  specOf({ kind: 'hopping', sizeMs: 3_600_000, slideMs: 60_000 }, { compute: ['mean', 'stddev'] }),
  specOf({ kind: 'hopping', sizeMs: 1000, slideMs: 7 }, { compute: [] }),
  specOf({ kind: 'session', gapMs: 600_000 }, { compute: ['mean', 'max', 'duration'] }),
  specOf({ kind: 'session', gapMs: 0.5 }),
  specOf({ kind: 'count', size: 100 }),
];
/** Small ones, as most are, and up to what a count can be. */
const count = fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 2 ** 32 }));
const time = fc.integer({ min: -2.5e14, max: 2.5e14 }).map((eighths) => eighths / 8);
/** Fractions as fine as a double has them, and dates as far off as there are. */
const instant = fc.oneof(
  time,
  fc.double({ min: 1.7e12, max: 1.8e12, noNaN: true }),
  fc.constantFrom(1e15, -1e15, 8e15),
);
const positive = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e9, noNaN: true }));

/** Where windows of this kind can be. */
function boundsIn({ shape }: WindowSpec): fc.Arbitrary<Pick<Pane, 'start' | 'end'>> {
  if (shape.kind !== 'hopping' && (shape.kind !== 'tumbling' || shape.zone !== undefined)) {
    return fc.tuple(instant, positive).map(([start, lengthMs]) => ({ start, end: start + lengthMs }));
  }
  const [sizeMs, step] = [nominalSizeMs(shape), stepMs(shape)];
  // + 0: what the codec makes of -0.
  const startOf = (time: number): number => Math.floor(time / step) * step - (sizeMs % step) + 0;
  return instant.map(startOf).map((start) => ({ start, end: start + sizeMs }));
}

const pane = fc.constantFrom(...windows).chain((window) =>
  fc
    .record(
      {
        series,
        window: fc.constant({ id: window.id, shape: window.shape, compute: window.compute }),
        bounds: boundsIn(window),
        timing: fc.constantFrom(...timings),
        revision: count,
        retracted: fc.boolean(),
        counts: fc.tuple(count, count, count),
        values: fc.tuple(...window.compute.map(() => fc.double())),
      },
      plain,
    )
    .map(({ bounds, counts: [count, a, b], ...rest }): Pane => {
      if (rest.retracted) return { ...rest, ...bounds, count: 0, accounted: 0, fresh: 0 };
      return { ...rest, ...bounds, count, accounted: Math.max(a, b), fresh: Math.min(a, b) };
    }),
);
/** One window object for each window, as panes of one pipeline have. */
const panes = fc.array(pane).map((some) => {
  const shared = new Map(some.map(({ window }) => [window.id, window]));
  return some.map((pane) => ({ ...pane, window: shared.get(pane.window.id) ?? pane.window }));
});
const transition = fc.record<Transition>(
  {
    rule: name,
    series,
    state: fc.constantFrom(...alertStates),
    severity: fc.constantFrom(...severities),
    time,
    since: time,
    value: fc.double(),
    reason: fc.string(),
    quiet: fc.constantFrom(...silences),
    by: fc.string(),
    comment: fc.string(),
  },
  plain,
);
const rawReadings: fc.Arbitrary<RawReadings> = fc
  .record(
    {
      request: fc.string({ maxLength: 20 }),
      last: fc.boolean(),
      shortfall: fc.string({ maxLength: 50 }),
      series,
      readings: fc.array(fc.tuple(instant, fc.double(), fc.constantFrom(...qualities))),
    },
    plain,
  )
  .map(({ readings, ...rest }) => ({
    ...rest,
    times: Float64Array.from(readings, ([time]) => time),
    values: Float64Array.from(readings, ([, value]) => value),
    qualities: readings.map(([, , quality]) => quality),
  }));
const content = fc.record(
  { panes, transitions: fc.array(transition), raw: fc.array(rawReadings, { maxLength: 4 }) },
  plain,
);

/** Panes come back grouped by window: their order among windows carries no meaning, that within a series and window does. */
function byKey(panes: readonly Pane[]): Record<string, readonly Pane[]> {
  return Object.fromEntries(
    Map.groupBy(panes, (p) => `${p.window.id} ${p.series.device} ${p.series.signal} ${p.start}`),
  );
}

test('panes, transitions and raw readings come back as they were, revisions of one pane in their order', () => {
  fc.assert(
    fc.property(content, (before) => {
      const after = decodeFrame(encodeFrame(before));
      expect(after.transitions).toStrictEqual(before.transitions);
      expect(after.raw).toStrictEqual(before.raw);
      expect(after.panes).toHaveLength(before.panes.length);
      expect(byKey(after.panes)).toStrictEqual(byKey(before.panes));
    }),
  );
});

test('a frame may hold any of the three, or nothing', () => {
  expect(decodeFrame(encodeFrame({}))).toStrictEqual({ panes: [], transitions: [], raw: [] });
  expect(decodeFrame(encodeFrame({ panes: [paneOf({})] })).panes).toHaveLength(1);
});

function paneOf(pane: Partial<Pane>): Pane {
  const { id, shape, compute } = windows[0] ?? windowOf(10);
  const series = { device: 'oven', signal: 'temperature' };
  const { start = 0 } = pane;
  const counts = { revision: 0, count: 1, accounted: 1, fresh: 1, values: [1] };
  const window = { id, shape, compute };
  return { series, window, start, end: start + 10, timing: 'on_time', retracted: false, ...counts, ...pane };
}

test('what is undefined stays NaN', () => {
  const { panes } = decodeFrame(encodeFrame({ panes: [paneOf({ values: [NaN] })], transitions: [] }));
  expect(panes[0]?.values).toStrictEqual([NaN]);
});

test('a clock from 1970 and one of today go into one frame, also in the shortest windows', () => {
  const panes = [0, 1.8e12, -2.5e14, 1.8e12 + 10].map((start) => paneOf({ start }));
  const after = decodeFrame(encodeFrame({ panes, transitions: [] })).panes.map(({ start }) => start);
  expect(after.toSorted((a, b) => a - b)).toStrictEqual([-2.5e14, 0, 1.8e12, 1.8e12 + 10]);
});

test.each([
  ['10ms', windows[0], 6],
  ['3600000ms/60000ms', windows[4], 6],
  ['session-600000ms', windows[6], 8],
])('the panes of %s cost their numbers, not their names again and again', (id, window = windowOf(10), bytes) => {
  expect(window.id).toBe(id);
  const spec = { ...window, compute: ['mean', 'max'] as const };
  const panes = Array.from({ length: 1000 }, (_, i) => {
    const start = 1.7e12 + i * (stepMs(window.shape) || 1e6);
    const values = [20 + (i % 7) / 10, 21 + (i % 5) / 10];
    return paneOf({ window: spec, start, end: start + (nominalSizeMs(window.shape) || 5e5), values });
  });
  expect(encodeFrame({ panes }).length / panes.length).toBeLessThan(bytes);
});

const good = {
  rule: 'too_hot',
  series: { device: 'oven', signal: 'temperature' },
  state: 'firing',
  severity: 'warning',
  timeMs: 1,
  sinceMs: 0,
  value: 35,
};

function transitionFrame(wrong: object): Uint8Array {
  const transitions = [create(TransitionSchema, { ...good, ...wrong })];
  return toBinary(FrameSchema, create(FrameSchema, { transitions }));
}

test('the transition the following tests damage is a good one', () => {
  expect(decodeFrame(transitionFrame({})).transitions).toHaveLength(1);
});

test.each<[string, RegExp, object]>([
  ['an unknown state', /state "maybe"/, { state: 'maybe' }],
  ['an unknown severity', /severity "fatal"/, { severity: 'fatal' }],
  ['a rule without a name', /rule ""/, { rule: '' }],
  ['a time that is NaN', /time/, { timeMs: NaN }],
  ['an infinite beginning', /time/, { sinceMs: -Infinity }],
  ['a device that is a path', /series/, { series: { device: '../x', signal: 'a' } }],
  ['no series at all', /series/, { series: undefined }],
])('a transition with %s is refused, and the error names it', (_, message, wrong) => {
  expect(() => decodeFrame(transitionFrame(wrong))).toThrow(WireError);
  expect(() => decodeFrame(transitionFrame(wrong))).toThrow(message);
});

const batch: Batch = {
  incarnation: '0123456789abcdef',
  firstSeq: 2 ** 40,
  entries: [
    { frame: Uint8Array.of(1, 2), span: 1, readings: 7 },
    { frame: new Uint8Array(), span: 1000, readings: 0 },
  ],
  readingsBefore: 2 ** 41,
};

test('batches, acks, commands and status come back as they were', () => {
  expect(decodeBatch(encodeBatch(batch))).toStrictEqual(batch);
  const ack = { incarnation: '0123456789abcdef', lane: 'panes', seq: 0 };
  expect(decodeAck(encodeAck(ack))).toMatchObject(ack);
  const oven = { device: 'oven', signal: 'temperature' };
  const operation = { kind: 'shelve', rule: 'too_hot', series: oven, since: 1.8e12, until: 1.9e12 } as const;
  const asks: Ask[] = [
    { kind: 'raw', request: { id: 'r-1', series: oven, from: 1.8e12, to: 1.8e12 + 0.25 } },
    { kind: 'operation', id: 'o-1', operation: { ...operation, by: 'Ada', comment: 'being cleaned' } },
    { kind: 'operation', id: 'o-2', operation: { ...all, kind: 'enable', rule: 'too_hot' } },
  ];
  for (const ask of asks) expect(decodeCommand(encodeCommand(ask))).toStrictEqual(ask);
  const status = {
    online: true,
    timeMs: 1.8e12,
    taken: 2 ** 40,
    lost: { too_late: 3 },
    flagged: { stuck: 10 },
    seriesLosses: [{ device: 'oven', signal: 'temperature', reason: 'too_late', count: 3 }],
    signals: [{ name: 't', unit: '°C' }],
    storage: { writtenBytes: 5, years: 12.5 },
    time: { state: 'holding', detail: 'no server answers' },
    imbalance: -2,
  };
  expect(decodeStatus(encodeStatus(status))).toMatchObject(status);
});

test('entries that stand for themselves and report nothing cost nothing to say so', () => {
  const plainBatch = (entries: Batch['entries']): number => encodeBatch({ ...batch, entries }).length;
  const entry = { frame: Uint8Array.of(1), span: 1, readings: 0 };
  expect(plainBatch([entry, entry]) - plainBatch([entry])).toBe(3);
  expect(decodeBatch(encodeBatch({ ...batch, entries: [entry, entry] })).entries).toStrictEqual([entry, entry]);
});

test.each([0, -1, 1.5, NaN, Infinity, 2 ** 53])('a batch whose first entry is number %d is refused', (firstSeq) => {
  expect(() => decodeBatch(encodeBatch({ ...batch, firstSeq }))).toThrow(WireError);
});

test.each(['', '0123456', 'x'.repeat(65)])('a batch of incarnation "%s" is refused', (incarnation) => {
  expect(() => decodeBatch(encodeBatch({ ...batch, incarnation }))).toThrow(WireError);
});

const twoEntries = { incarnation: '01234567', firstSeq: 1, entries: [Uint8Array.of(1), Uint8Array.of(2)] };

test.each<[string, RegExp, Exclude<MessageInitShape<typeof BatchSchema>, { $typeName: string }>]>([
  ['a span too few', /columns/, { spans: [1] }],
  ['a span too many', /columns/, { spans: [1, 1, 1] }],
  ['a span of nothing', /span 0/, { spans: [1, 0] }],
  ['readings of another entry', /columns/, { readings: [1, 2, 3] }],
  ['half a reading', /readings 0.5/, { readings: [0.5, 1] }],
  ['fewer readings than none', /readings -1/, { readings: [-1, 1] }],
  ['readings that are NaN', /readings NaN/, { readings: [NaN, 1] }],
  ['fewer readings before it than none', /readings_before -1/, { readingsBefore: -1 }],
  ['infinite readings before it', /readings_before Infinity/, { readingsBefore: Infinity }],
  ['more readings in all than a number can count', /sum/, { readingsBefore: 2 ** 53 - 2, readings: [1, 1] }],
  ['more entries than a number can count', /sequence/, { firstSeq: 2 ** 53 - 2, spans: [1, 1] }],
])('a batch with %s is refused, and the error names it', (_, message, wrong) => {
  const bytes = toBinary(BatchSchema, create(BatchSchema, { ...twoEntries, ...wrong }));
  expect(() => decodeBatch(bytes)).toThrow(WireError);
  expect(() => decodeBatch(bytes)).toThrow(message);
});

/** All alarms of a rule, by nobody in particular. */
const all = { series: undefined, since: undefined, until: NaN, by: '', comment: '' };

const request: RawRequest = { id: 'r-1', series: { device: 'oven', signal: 'temperature' }, from: 0, to: 1 };

test.each<[string, RegExp, Partial<RawRequest>]>([
  ['no name', /id/, { id: '' }],
  ['too long a name', /id/, { id: 'x'.repeat(65) }],
  ['a beginning that is NaN', /from NaN/, { from: NaN }],
  ['an infinite end', /to Infinity/, { to: Infinity }],
  ['a device that is a path', /series/, { series: { device: '../x', signal: 'a' } }],
])('a request for raw readings with %s is refused, and the error names it', (_, message, wrong) => {
  expect(() => decodeCommand(encodeCommand({ kind: 'raw', request: { ...request, ...wrong } }))).toThrow(WireError);
  expect(() => decodeCommand(encodeCommand({ kind: 'raw', request: { ...request, ...wrong } }))).toThrow(message);
});

test.each<[string, RegExp, Partial<Operation>]>([
  ['a rule that is no name', /rule/, { rule: '../x' }],
  ['no end of the shelving', /until when/, { kind: 'shelve' }],
  ['a device that is a path', /series/, { series: { device: '../x', signal: 'a' } }],
])('an operation with %s is refused, and the error names it', (_, message, wrong) => {
  const operation: Operation = { kind: 'acknowledge', rule: 'too_hot', ...all, ...wrong };
  expect(() => decodeCommand(encodeCommand({ kind: 'operation', id: 'o-1', operation }))).toThrow(WireError);
  expect(() => decodeCommand(encodeCommand({ kind: 'operation', id: 'o-1', operation }))).toThrow(message);
});

test('an operation nobody knows is refused', () => {
  const ask = { case: 'operation', value: { id: 'o-1', kind: 'explode', rule: 'too_hot' } } as const;
  expect(() => decodeCommand(toBinary(CommandSchema, create(CommandSchema, { ask })))).toThrow(/kind/);
});

test('a command of a kind nobody knows, and one without a series, is refused', () => {
  expect(() => decodeCommand(toBinary(CommandSchema, create(CommandSchema, {})))).toThrow(/kind/);
  const bare = create(CommandSchema, { ask: { case: 'raw', value: { id: 'r-1' } } });
  expect(() => decodeCommand(toBinary(CommandSchema, bare))).toThrow(/series/);
});

test.each([-1, 1.5, NaN, Infinity, 2 ** 53])(
  'an ack of entry %d is refused: it would free what is not stored',
  (seq) => {
    expect(() => decodeAck(encodeAck({ incarnation: '01234567', lane: 'panes', seq }))).toThrow(WireError);
  },
);

/** `ok`, or the name of the error. */
function outcome(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string {
  try {
    decode(bytes);
    return 'ok';
  } catch (error) {
    return error instanceof WireError ? 'WireError' : String(error);
  }
}

const damaged = fc
  .tuple(
    content,
    fc.double({ min: 0, max: 1 }),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 5 }),
  )
  .map(([before, share, changes]) => {
    const bytes = encodeFrame(before);
    const cut = bytes.slice(0, Math.ceil(bytes.length * share));
    for (const [at, byte] of changes) if (cut.length > 0) cut[at % cut.length] = byte;
    return cut;
  });

const decoders = [decodeFrame, decodeBatch, decodeAck, decodeCommand, decodeStatus];

test('hostile bytes, random, cut off or changed, are decoded or a WireError, and nothing else', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (bytes) => {
      for (const decode of decoders) seen.add(outcome(decode, bytes));
      expect([...seen].filter((one) => one !== 'ok' && one !== 'WireError')).toStrictEqual([]);
    }),
    { numRuns: 500 },
  );
  expect(seen).toStrictEqual(new Set(['ok', 'WireError']));
});

test('whatever is decoded from hostile bytes makes sense: it can be encoded and decoded again', () => {
  fc.assert(
    fc.property(damaged, (bytes) => {
      fc.pre(outcome(decodeFrame, bytes) === 'ok');
      const { panes, transitions, raw } = decodeFrame(bytes);
      const again = decodeFrame(encodeFrame({ panes, transitions, raw }));
      expect([again.panes.length, again.raw]).toStrictEqual([panes.length, raw]);
      for (const { start, end, fresh, accounted, values, window } of panes) {
        expect(Number.isFinite(start)).toBe(true);
        expect(end).toBeGreaterThanOrEqual(start);
        expect(fresh).toBeLessThanOrEqual(accounted);
        expect(values).toHaveLength(window.compute.length);
      }
    }),
  );
});
