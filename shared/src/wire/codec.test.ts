// What goes out comes back; what should not have come in is a WireError, whatever its bytes.

import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { severities, type Transition } from '../model/alert.ts';
import { nominalSizeMs, statistics, stepMs, timings, type Pane, type WindowSpec } from '../model/pane.ts';
import { specOf, windowOf } from '../testing/plans.ts';
import {
  WireError,
  decodeAck,
  decodeBatch,
  decodeFrame,
  decodeStatus,
  encodeAck,
  encodeBatch,
  encodeFrame,
  encodeStatus,
  type FrameContent,
} from './codec.ts';
import { FrameSchema, PaneBlockSchema, TransitionSchema, type PaneBlock } from './weir_pb.js';

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
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
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
        revision: uint32,
        retracted: fc.boolean(),
        counts: fc.tuple(uint32, uint32, uint32),
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
    state: fc.constantFrom('firing', 'cleared'),
    severity: fc.constantFrom(...severities),
    time,
    since: time,
    value: fc.double(),
  },
  plain,
);
const content = fc.record<FrameContent>({ panes, transitions: fc.array(transition) }, plain);

/** Panes come back grouped by window: their order among windows carries no meaning, that within a series and window does. */
function byKey(panes: readonly Pane[]): Record<string, readonly Pane[]> {
  return Object.fromEntries(
    Map.groupBy(panes, (p) => `${p.window.id} ${p.series.device} ${p.series.signal} ${p.start}`),
  );
}

test('panes and transitions come back as they were, revisions of one pane in their order', () => {
  fc.assert(
    fc.property(content, (before) => {
      const after = decodeFrame(encodeFrame(before));
      expect(after.transitions).toStrictEqual(before.transitions);
      expect(after.panes).toHaveLength(before.panes.length);
      expect(byKey(after.panes)).toStrictEqual(byKey(before.panes));
    }),
  );
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
  ['10ms', windows[0], 16],
  ['3600000ms/60000ms', windows[4], 16],
  ['session-600000ms', windows[6], 31],
])('the panes of %s cost their numbers, not their names again and again', (id, window = windowOf(10), bytes) => {
  expect(window.id).toBe(id);
  const panes = Array.from({ length: 1000 }, (_, i) => {
    const start = 1.7e12 + i * (stepMs(window.shape) || 1e6);
    return paneOf({ window: { ...window, compute: ['mean'] }, start, end: start + nominalSizeMs(window.shape) });
  });
  const one = panes[0]?.window ?? window;
  const frame = encodeFrame({ panes: panes.map((pane) => ({ ...pane, window: one })), transitions: [] });
  expect(frame.length / panes.length).toBeLessThan(bytes);
});

const shapes = {
  none: undefined,
  unknown: {},
  tumbling: { kind: { case: 'tumbling' as const, value: { sizeMs: 60_000 } } },
  hopping: { kind: { case: 'hopping' as const, value: { sizeMs: 60_000, slideMs: 10_000 } } },
  session: { kind: { case: 'session' as const, value: { gapMs: 60_000 } } },
};
const block = {
  window: '1m',
  shape: shapes.tumbling,
  compute: ['mean'],
  series: [{ device: 'oven', signal: 'temperature' }],
  seriesIndex: [0],
  firstStartMs: 0,
  startStep: [0],
  timing: [1],
  revision: [0],
  count: [1],
  accounted: [1],
  fresh: [1],
  values: [20],
};
/** Of a shape that says starts and ends in full. */
const session = { ...block, shape: shapes.session, startStep: [], startMs: [1.5], endMs: [2.5] };
/** Columns of a block, to be taken for its own. */
type Wrong = Exclude<MessageInitShape<typeof PaneBlockSchema>, PaneBlock>;

function blockFrame(good: Wrong, wrong: Wrong): Uint8Array {
  const panes = [create(PaneBlockSchema, good), create(PaneBlockSchema, { ...good, ...wrong })];
  return toBinary(FrameSchema, create(FrameSchema, { panes }));
}

test('the blocks the following tests damage are good ones', () => {
  expect(decodeFrame(blockFrame(block, {})).panes).toHaveLength(2);
  expect(decodeFrame(blockFrame(session, {})).panes).toHaveLength(2);
});

const tumbling = (value: { sizeMs: number; zone?: string }): Wrong => ({
  shape: { kind: { case: 'tumbling', value } },
});
const hopping = (sizeMs: number, slideMs: number): Wrong => ({
  shape: { kind: { case: 'hopping', value: { sizeMs, slideMs } } },
});
const sessionOf = (gapMs: number): Wrong => ({ shape: { kind: { case: 'session', value: { gapMs } } } });
const countOf = (size: number): Wrong => ({ shape: { kind: { case: 'count', value: { size } } } });

test.each<[string, RegExp, Wrong]>([
  ['an index beyond the series', /series 1 of 1/, { seriesIndex: [1] }],
  ['a column too short', /columns/, { startStep: [] }],
  ['a column too long', /columns/, { fresh: [1, 2] }],
  ['revisions missing', /columns/, { revision: [] }],
  ['counts missing', /columns/, { count: [] }],
  ['accounts missing', /columns/, { accounted: [] }],
  ['timings of other panes', /columns/, { timing: [1, 2] }],
  ['retractions of other panes', /columns/, { retracted: [false, true] }],
  ['starts in full where steps are due', /columns of starts/, { startStep: [], startMs: [0], endMs: [60_000] }],
  ['starts in full beside the steps', /columns of starts/, { startMs: [0] }],
  ['ends beside the steps', /columns of starts/, { endMs: [60_000] }],
  ['a value missing', /columns/, { values: [] }],
  ['a value too many', /columns/, { values: [1, 2] }],
  ['values for a statistic that is not named', /columns/, { compute: [] }],
  ['a statistic nobody knows', /compute "median"/, { compute: ['median'] }],
  ['a statistic twice', /compute/, { compute: ['mean', 'mean'], values: [1, 2] }],
  ['no shape', /shape/, { shape: shapes.none }],
  ['a shape nobody knows', /shape/, { shape: shapes.unknown }],
  ['a size of zero', /size 0/, tumbling({ sizeMs: 0 })],
  ['a negative size', /size -1/, tumbling({ sizeMs: -1 })],
  ['an infinite size', /size Infinity/, tumbling({ sizeMs: Infinity })],
  ['a size that is NaN', /size NaN/, tumbling({ sizeMs: NaN })],
  ['a size of less than a millisecond', /size 0.5/, tumbling({ sizeMs: 0.5 })],
  ['a zone that is no name', /zone "a b"/, tumbling({ sizeMs: 60_000, zone: 'a b' })],
  ['a hopping size of zero', /size 0/, hopping(0, 10)],
  ['a slide of zero', /slide 0/, hopping(60_000, 0)],
  ['a slide of half a millisecond', /slide 0.5/, hopping(60_000, 0.5)],
  ['a start that is NaN', /start NaN/, { firstStartMs: NaN }],
  ['a start no date can hold', /start 2\./, { ...tumbling({ sizeMs: 1e14 }), startStep: [2 ** 31 - 1] }],
  ['an end no date can hold', /end 8\.64e\+?15|end 864/, { firstStartMs: 8.64e15 }],
  ['a timing nobody knows', /timing 3/, { timing: [3] }],
  ['more fresh readings than it accounts for', /fresh 2 of 1/, { fresh: [2] }],
  ['readings in what is retracted', /retracted/, { retracted: [true], accounted: [0], fresh: [0] }],
  ['accounted readings in what is retracted', /retracted/, { retracted: [true], count: [0] }],
  ['a window without a name', /window name/, { window: '' }],
  ['a window with too long a name', /window name/, { window: 'x'.repeat(65) }],
  ['a device without a name', /series/, { series: [{ device: '', signal: 'temperature' }] }],
  ['a signal whose name would be another topic', /series/, { series: [{ device: 'oven', signal: 'a/b' }] }],
])('%s is refused, and the error names it', (_, message, wrong) => {
  expect(() => decodeFrame(blockFrame(block, wrong))).toThrow(WireError);
  expect(() => decodeFrame(blockFrame(block, wrong))).toThrow(message);
});

test.each<[string, RegExp, Wrong]>([
  ['starts missing', /columns of starts/, { startMs: [] }],
  ['ends missing', /columns of starts/, { endMs: [] }],
  ['steps where starts in full are due', /columns of starts/, { startStep: [0], startMs: [], endMs: [] }],
  ['steps beside starts in full', /columns of starts/, { startStep: [0] }],
  ['a start that is NaN', /start NaN/, { startMs: [NaN] }],
  ['a start no date can hold', /start -8640000000000001/, { startMs: [-8.64e15 - 1] }],
  ['an end that is NaN', /end NaN/, { endMs: [NaN] }],
  ['an infinite end', /end Infinity/, { endMs: [Infinity] }],
  ['an end before the start', /end 1.25/, { endMs: [1.25] }],
  ['a gap of zero', /gap 0/, sessionOf(0)],
  ['an infinite gap', /gap Infinity/, sessionOf(Infinity)],
  ['a gap that is NaN', /gap NaN/, sessionOf(NaN)],
  ['windows of no readings', /size 0/, countOf(0)],
  ['windows of half a reading', /size 0.5/, countOf(0.5)],
])('a session with %s is refused, and the error names it', (_, message, wrong) => {
  expect(() => decodeFrame(blockFrame(session, wrong))).toThrow(WireError);
  expect(() => decodeFrame(blockFrame(session, wrong))).toThrow(message);
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

test('batches, acks and status come back as they were', () => {
  const batch = {
    incarnation: '0123456789abcdef',
    firstSeq: 2 ** 40,
    entries: [Uint8Array.of(1, 2), new Uint8Array()],
  };
  expect(decodeBatch(encodeBatch(batch))).toMatchObject(batch);
  const ack = { incarnation: '0123456789abcdef', lane: 'panes', seq: 0 };
  expect(decodeAck(encodeAck(ack))).toMatchObject(ack);
  const status = {
    online: true,
    timeMs: 1.8e12,
    taken: 2 ** 40,
    lost: { too_late: 3 },
    flagged: { stuck: 10 },
    seriesLosses: [{ device: 'oven', signal: 'temperature', reason: 'too_late', count: 3 }],
    signals: [{ name: 't', unit: '°C' }],
  };
  expect(decodeStatus(encodeStatus(status))).toMatchObject(status);
});

test.each([0, -1, 1.5, NaN, Infinity, 2 ** 53])('a batch whose first entry is number %d is refused', (firstSeq) => {
  expect(() => decodeBatch(encodeBatch({ incarnation: '01234567', firstSeq, entries: [] }))).toThrow(WireError);
});

test.each(['', '0123456', 'x'.repeat(65)])('a batch of incarnation "%s" is refused', (incarnation) => {
  expect(() => decodeBatch(encodeBatch({ incarnation, firstSeq: 1, entries: [] }))).toThrow(WireError);
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

test('hostile bytes, random, cut off or changed, are decoded or a WireError, and nothing else', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (bytes) => {
      for (const decode of [decodeFrame, decodeBatch, decodeAck, decodeStatus]) seen.add(outcome(decode, bytes));
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
      const { panes, transitions } = decodeFrame(bytes);
      expect(decodeFrame(encodeFrame({ panes, transitions })).panes).toHaveLength(panes.length);
      for (const { start, end, fresh, accounted, values, window } of panes) {
        expect(Number.isFinite(start)).toBe(true);
        expect(end).toBeGreaterThanOrEqual(start);
        expect(fresh).toBeLessThanOrEqual(accounted);
        expect(values).toHaveLength(window.compute.length);
      }
    }),
  );
});
