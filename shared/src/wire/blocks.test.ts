// What columns of panes and of raw readings must not be, whatever their bytes: each wrong block is a WireError that names it.

import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from '../model/bytes.ts';
import { writeColumn } from '../model/columns.ts';
import { decodeFrame, WireError } from './codec.ts';
import { FrameSchema, PaneBlockSchema, RawBlockSchema, type PaneBlock, type RawBlock } from './weir_pb.js';

const shapes = {
  none: undefined,
  unknown: {},
  tumbling: { kind: { case: 'tumbling' as const, value: { sizeMs: 60_000 } } },
  session: { kind: { case: 'session' as const, value: { gapMs: 60_000 } } },
};

/** Columns as numbers, each one pane. */
interface Numbers {
  readonly series: readonly number[];
  readonly start: readonly number[];
  readonly end?: readonly number[];
  readonly timing: readonly number[];
  readonly revision: readonly number[];
  readonly retracted: readonly number[];
  readonly count: readonly number[];
  readonly accounted: readonly number[];
  readonly fresh: readonly number[];
  readonly values: readonly (readonly number[])[];
}

function packed(columns: readonly (readonly number[])[]): Uint8Array {
  const to = new ByteWriter();
  for (const column of columns) writeColumn(to, Float64Array.from(column), column.length);
  return to.take();
}

function packedPanes({ series: indexes, start, end, timing, revision, retracted, ...rest }: Numbers): Uint8Array {
  const { count: counts, accounted, fresh, values } = rest;
  const bounds = end === undefined ? [start] : [start, end];
  return packed([indexes, ...bounds, timing, revision, retracted, counts, accounted, fresh, ...values]);
}

/** A block to be damaged: its numbers, and the rest of it. */
type Wrong = Omit<Exclude<MessageInitShape<typeof PaneBlockSchema>, PaneBlock>, 'columns'> & {
  readonly numbers?: Partial<Numbers>;
  readonly columns?: (good: Uint8Array) => Uint8Array;
};

const oneEach: Numbers = {
  series: [0],
  start: [0],
  timing: [1],
  revision: [0],
  retracted: [0],
  count: [1],
  accounted: [1],
  fresh: [1],
  values: [[20]],
};
const block = {
  window: '1m',
  shape: shapes.tumbling,
  compute: ['mean'],
  series: [{ device: 'oven', signal: 'temperature' }],
  rows: 1,
  numbers: oneEach,
};
/** Of a shape whose starts do not say where windows end. */
const session = { ...block, shape: shapes.session, numbers: { ...oneEach, start: [1.5], end: [2.5] } };

type Good = Omit<typeof block, 'shape'> & { readonly shape: (typeof shapes)['tumbling' | 'session'] };

function blockFrame(good: Good, { numbers = {}, columns = (it) => it, ...wrong }: Wrong): Uint8Array {
  const { numbers: all, ...fields } = good;
  const panes = [
    create(PaneBlockSchema, { ...fields, columns: packedPanes(all) }),
    create(PaneBlockSchema, { ...fields, ...wrong, columns: columns(packedPanes({ ...all, ...numbers })) }),
  ];
  return toBinary(FrameSchema, create(FrameSchema, { panes }));
}

test('the blocks the following tests damage are good ones', () => {
  expect(decodeFrame(blockFrame(block, {})).panes).toHaveLength(2);
  expect(decodeFrame(blockFrame(session, {})).panes).toHaveLength(2);
  expect(
    decodeFrame(blockFrame(block, { numbers: { retracted: [1], count: [0], accounted: [0], fresh: [0] } })).panes,
  ).toMatchObject([{ retracted: false }, { retracted: true }]);
});

const tumbling = (value: { sizeMs: number; zone?: string }): Wrong => ({
  shape: { kind: { case: 'tumbling', value } },
});
const hopping = (sizeMs: number, slideMs: number): Wrong => ({
  shape: { kind: { case: 'hopping', value: { sizeMs, slideMs } } },
});
const sessionOf = (gapMs: number): Wrong => ({ shape: { kind: { case: 'session', value: { gapMs } } } });
const countOf = (size: number): Wrong => ({ shape: { kind: { case: 'count', value: { size } } } });
const numbers = (wrong: Partial<Numbers>): Wrong => ({ numbers: wrong });

test.each<[string, RegExp, Wrong]>([
  ['an index beyond the series', /series 1 of 1/, numbers({ series: [1] })],
  ['an index between two series', /series 0.5 of 1/, numbers({ series: [0.5] })],
  ['a series before the first', /series -1 of 1/, numbers({ series: [-1] })],
  ['a column too few', /columns/, numbers({ values: [] })],
  ['a column too many', /more columns/, numbers({ values: [[1], [2]] })],
  ['a statistic without its column', /columns/, { compute: ['mean', 'max'] }],
  ['a column of no statistic', /more columns/, { compute: [] }],
  ['ends where the start says them', /more columns/, numbers({ end: [60_000] })],
  ['more panes than its columns have', /columns/, { rows: 2 }],
  ['fewer panes than its columns have', /columns/, { rows: 0 }],
  ['more panes than a frame may have', /10002 rows/, { rows: 10_001 }],
  ['a few bytes that say they are a million panes', /1000001 rows/, { rows: 1_000_000 }],
  ['no columns at all', /columns/, { columns: () => new Uint8Array() }],
  ['columns that end early', /columns/, { columns: (good) => good.subarray(0, good.length - 1) }],
  [
    'a column packed in a way nobody knows',
    /columns: column of an unknown/,
    { columns: (good) => Uint8Array.of(0x7f, ...good) },
  ],
  ['bytes behind its columns', /more columns/, { columns: (good) => Uint8Array.of(...good, 0) }],
  ['a statistic nobody knows', /compute "median"/, { compute: ['median'] }],
  ['a statistic twice', /compute/, { compute: ['mean', 'mean'], ...numbers({ values: [[1], [2]] }) }],
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
  ['a start that is NaN', /start NaN/, numbers({ start: [NaN] })],
  ['a start no date can hold', /start 8640000000000001/, numbers({ start: [8.64e15 + 1] })],
  ['an end no date can hold', /end 8640000000060000/, numbers({ start: [8.64e15] })],
  ['a timing nobody knows', /timing 3/, numbers({ timing: [3] })],
  ['a revision before the first', /revision -1/, numbers({ revision: [-1] })],
  ['half a reading', /count 0.5/, numbers({ count: [0.5] })],
  ['more readings than a number can count', /count 9007199254740992/, numbers({ count: [2 ** 53] })],
  ['an account that is NaN', /accounted NaN/, numbers({ accounted: [NaN] })],
  ['fewer fresh readings than none', /fresh -1/, numbers({ fresh: [-1] })],
  ['more fresh readings than it accounts for', /fresh 2 of 1/, numbers({ fresh: [2] })],
  ['readings in what is retracted', /retracted/, numbers({ retracted: [1], accounted: [0], fresh: [0] })],
  ['accounted readings in what is retracted', /retracted/, numbers({ retracted: [1], count: [0] })],
  ['a window without a name', /window name/, { window: '' }],
  ['a window with too long a name', /window name/, { window: 'x'.repeat(65) }],
  ['a device without a name', /series/, { series: [{ device: '', signal: 'temperature' }] }],
  ['a signal whose name would be another topic', /series/, { series: [{ device: 'oven', signal: 'a/b' }] }],
])('%s is refused, and the error names it', (_, message, wrong) => {
  expect(() => decodeFrame(blockFrame(block, wrong))).toThrow(WireError);
  expect(() => decodeFrame(blockFrame(block, wrong))).toThrow(message);
});

test.each<[string, RegExp, Wrong]>([
  ['ends missing', /columns/, { columns: () => packedPanes(oneEach) }],
  ['a start that is NaN', /start NaN/, numbers({ start: [NaN] })],
  ['a start no date can hold', /start -8640000000000001/, numbers({ start: [-8.64e15 - 1] })],
  ['an end that is NaN', /end NaN/, numbers({ end: [NaN] })],
  ['an infinite end', /end Infinity/, numbers({ end: [Infinity] })],
  ['an end before the start', /end 1.25/, numbers({ end: [1.25] })],
  ['a gap of zero', /gap 0/, sessionOf(0)],
  ['an infinite gap', /gap Infinity/, sessionOf(Infinity)],
  ['a gap that is NaN', /gap NaN/, sessionOf(NaN)],
  ['windows of no readings', /size 0/, countOf(0)],
  ['windows of half a reading', /size 0.5/, countOf(0.5)],
])('a session with %s is refused, and the error names it', (_, message, wrong) => {
  expect(() => decodeFrame(blockFrame(session, wrong))).toThrow(WireError);
  expect(() => decodeFrame(blockFrame(session, wrong))).toThrow(message);
});

test('two blocks may not have more panes together than a frame may have', () => {
  const rows = Array.from({ length: 6000 }, () => 0);
  const many = Object.fromEntries(Object.keys(oneEach).map((name) => [name, name === 'values' ? [rows] : rows]));
  const full = { ...block, rows: rows.length, numbers: { ...oneEach, ...many } };
  expect(() => decodeFrame(blockFrame(full, {}))).toThrow(/12000 rows/);
});

/** A raw block to be damaged. */
type WrongRaw = Omit<Exclude<MessageInitShape<typeof RawBlockSchema>, RawBlock>, 'columns'> & {
  readonly numbers?: readonly (readonly number[])[];
};

const rawBlock = {
  request: 'r-1',
  last: true,
  shortfall: '',
  series: { device: 'oven', signal: 'temperature' },
  rows: 2,
};

function rawFrame({
  numbers: columns = [
    [0, 0.25],
    [20, NaN],
    [0, 1],
  ],
  ...wrong
}: WrongRaw): Uint8Array {
  const raw = [create(RawBlockSchema, { ...rawBlock, ...wrong, columns: packed(columns) })];
  return toBinary(FrameSchema, create(FrameSchema, { raw }));
}

test('the raw block the following tests damage is a good one', () => {
  expect(decodeFrame(rawFrame({})).raw).toMatchObject([{ request: 'r-1', qualities: ['good', 'uncertain'] }]);
});

test.each<[string, RegExp, WrongRaw]>([
  [
    'a time that is NaN',
    /time NaN/,
    {
      numbers: [
        [0, NaN],
        [1, 2],
        [0, 0],
      ],
    },
  ],
  [
    'an infinite time',
    /time Infinity/,
    {
      numbers: [
        [Infinity, 0],
        [1, 2],
        [0, 0],
      ],
    },
  ],
  [
    'a quality nobody knows',
    /quality 3/,
    {
      numbers: [
        [0, 1],
        [1, 2],
        [0, 3],
      ],
    },
  ],
  [
    'half a quality',
    /quality 0.5/,
    {
      numbers: [
        [0, 1],
        [1, 2],
        [0, 0.5],
      ],
    },
  ],
  [
    'a column too few',
    /columns/,
    {
      numbers: [
        [0, 1],
        [1, 2],
      ],
    },
  ],
  [
    'a column too many',
    /more columns/,
    {
      numbers: [
        [0, 1],
        [1, 2],
        [0, 0],
        [0, 0],
      ],
    },
  ],
  ['more readings than its columns have', /columns/, { rows: 3 }],
  ['fewer readings than its columns have', /more columns/, { rows: 0 }],
  ['more readings than a frame may have', /10001 rows/, { rows: 10_001 }],
  ['no series', /series/, { series: undefined }],
  ['a device that is a path', /series/, { series: { device: '../x', signal: 'a' } }],
  ['too long a name of what it answers', /request/, { request: 'x'.repeat(65) }],
])('raw readings with %s are refused, and the error names it', (_, message, wrong) => {
  expect(() => decodeFrame(rawFrame(wrong))).toThrow(WireError);
  expect(() => decodeFrame(rawFrame(wrong))).toThrow(message);
});

test('columns of hostile bytes are decoded or a WireError, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 300 }), (columns, rows) => {
      const panes = blockFrame(block, { rows, columns: () => columns });
      const raw = create(FrameSchema, { raw: [create(RawBlockSchema, { ...rawBlock, rows, columns })] });
      expect([panes, toBinary(FrameSchema, raw)].map((bytes) => outcome(bytes))).toSatisfy((outcomes: string[]) =>
        outcomes.every((one) => one === 'ok' || one === 'WireError'),
      );
    }),
    { numRuns: 1000 },
  );
});

/** `ok`, or the name of the error. */
function outcome(bytes: Uint8Array): string {
  try {
    decodeFrame(bytes);
    return 'ok';
  } catch (error) {
    return error instanceof WireError ? 'WireError' : String(error);
  }
}
