// What goes out comes back; what should not have come in is a WireError, whatever its bytes.

import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { severities, type Transition } from '../model/alert.ts';
import { statistics, type Pane, type WindowSpec } from '../model/pane.ts';
import { windowOf } from '../testing/plans.ts';
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
import { FrameSchema, PaneBlockSchema, TransitionSchema } from './weir_pb.js';

const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}$/);
const plain = { noNullPrototype: true } as const;
const series = fc.record({ device: name, signal: name }, plain);
const windows: readonly WindowSpec[] = [windowOf(10), windowOf(1000, statistics), windowOf(60_000, ['p95', 'mean'])];
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const time = fc.integer({ min: -2.5e14, max: 2.5e14 }).map((eighths) => eighths / 8);

const pane = fc.constantFrom(...windows).chain((window) =>
  fc.record<Pane>(
    {
      series,
      window: fc.constant(window),
      start: fc.integer({ min: -1e14, max: 1e14 }).map((ms) => Math.floor(ms / window.sizeMs) * window.sizeMs + 0),
      revision: uint32,
      count: uint32,
      fresh: uint32,
      values: fc.tuple(...window.compute.map(() => fc.double())),
    },
    plain,
  ),
);
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
const content = fc.record<FrameContent>({ panes: fc.array(pane), transitions: fc.array(transition) }, plain);

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
  const window = windows[0] ?? windowOf(10);
  const series = { device: 'oven', signal: 'temperature' };
  return { series, window, start: 0, revision: 0, count: 1, fresh: 1, values: [1], ...pane };
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

test('the panes of one window cost a dozen bytes each, not their names again and again', () => {
  const panes = Array.from({ length: 1000 }, (_, i) => paneOf({ start: i * 10 }));
  expect(encodeFrame({ panes, transitions: [] }).length / panes.length).toBeLessThan(16);
});

const block = {
  window: '1m',
  sizeMs: 60_000,
  compute: ['mean'],
  series: [{ device: 'oven', signal: 'temperature' }],
  seriesIndex: [0],
  firstStartMs: 0,
  startStep: [0],
  revision: [0],
  count: [1],
  fresh: [1],
  values: [20],
};

function blockFrame(wrong: Partial<typeof block>): Uint8Array {
  const panes = [create(PaneBlockSchema, block), create(PaneBlockSchema, { ...block, ...wrong })];
  return toBinary(FrameSchema, create(FrameSchema, { panes }));
}

test('the block the following tests damage is a good one', () => {
  expect(decodeFrame(blockFrame({})).panes).toHaveLength(2);
});

test.each<[string, RegExp, Partial<typeof block>]>([
  ['an index beyond the series', /series 1 of 1/, { seriesIndex: [1] }],
  ['a column too short', /columns/, { startStep: [] }],
  ['a column too long', /columns/, { fresh: [1, 2] }],
  ['revisions missing', /columns/, { revision: [] }],
  ['counts missing', /columns/, { count: [] }],
  ['a value missing', /columns/, { values: [] }],
  ['a value too many', /columns/, { values: [1, 2] }],
  ['values for a statistic that is not named', /columns/, { compute: [] }],
  ['a statistic nobody knows', /compute "median"/, { compute: ['median'] }],
  ['a size of zero', /size/, { sizeMs: 0 }],
  ['a negative size', /size/, { sizeMs: -1 }],
  ['an infinite size', /size/, { sizeMs: Infinity }],
  ['a size that is NaN', /size/, { sizeMs: NaN }],
  ['a start that is NaN', /start/, { firstStartMs: NaN }],
  ['a start no date can hold', /start/, { sizeMs: 1e300, startStep: [2 ** 31 - 1] }],
  ['a window without a name', /window name/, { window: '' }],
  ['a window with too long a name', /window name/, { window: 'x'.repeat(65) }],
  ['a device without a name', /series/, { series: [{ device: '', signal: 'temperature' }] }],
  ['a signal whose name would be another topic', /series/, { series: [{ device: 'oven', signal: 'a/b' }] }],
])('%s is refused, and the error names it', (_, message, wrong) => {
  expect(() => decodeFrame(blockFrame(wrong))).toThrow(WireError);
  expect(() => decodeFrame(blockFrame(wrong))).toThrow(message);
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
      for (const { start, values, window } of panes) {
        expect(Number.isFinite(start)).toBe(true);
        expect(values).toHaveLength(window.compute.length);
      }
    }),
  );
});
