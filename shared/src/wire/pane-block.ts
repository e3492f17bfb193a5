// Panes of one window to bytes and back, column by column: regular times, small counts and decimal values need a byte or
// two each that way, and what repeats or is usual needs nothing.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { readColumn, writeColumn } from '../model/columns.ts';
import type { Series } from '../model/series.ts';
import { hasFixedLength, nominalSizeMs, statistics, timings, type Pane, type WindowShape } from '../model/pane.ts';
import { fromWhole, hasOff, mostDigits, toWhole } from './decimal-statistics.ts';
import { lengthened, shortened } from './series-list.ts';
import { PaneBlockSchema, SeriesSchema } from './weir_pb.js';
import type { PaneBlock, Shape, ShapeSchema } from './weir_pb.js';
import { fail, oneOf, WireError } from './wire-error.ts';

/** More is no agent's; it bounds what a few bytes decode to. */
export const maxRows = 10_000;

/** What a date can hold (ECMAScript: 100,000,000 days around 1970). */
const maxDateMs = 8.64e15;

/** What an IANA time zone is called. Whether there is one of that name is for who has to know its days. */
const zonePattern = /^[A-Za-z0-9_+\-/]{1,64}$/;

const columnsOfEach = ['series', 'start', 'timing', 'revision', 'retracted', 'count', 'accounted', 'fresh'] as const;

const onTime = timings.indexOf('on_time');
/** Columns that are left out where every pane has this: their bits in `usual`, part of the format. */
const usual = {
  timing: { bit: 1, of: (): number => onTime },
  revision: { bit: 2, of: (): number => 0 },
  retracted: { bit: 4, of: (): number => 0 },
  accounted: { bit: 8, of: ({ count }: Pane): number => count },
  fresh: { bit: 16, of: ({ accounted }: Pane): number => accounted },
} as const;

const allUsual = Object.values(usual).reduce((sum, { bit }) => sum + bit, 0);

let scratch = new Float64Array(1024);

export function toPaneBlock({ id, shape, compute }: Pane['window'], panes: readonly Pane[]): PaneBlock {
  const indexes = new Map<string, number>();
  const series: Pick<Series, 'device' | 'signal'>[] = [];
  const block = create(PaneBlockSchema, {
    window: id,
    shape: toShape(shape),
    compute: [...compute],
    rows: panes.length,
  });
  const indexOf = ({ series: { device, signal } }: Pane): number => {
    const key = `${device}/${signal}`;
    let index = indexes.get(key);
    if (index === undefined) {
      indexes.set(key, (index = indexes.size));
      series.push({ device, signal });
    }
    return index;
  };
  const to = new ByteWriter(64 + panes.length * 8);
  const column = (numberOf: (pane: Pane) => number): void => {
    if (scratch.length < panes.length) scratch = new Float64Array(panes.length);
    for (const [row, pane] of panes.entries()) scratch[row] = numberOf(pane);
    writeColumn(to, scratch, panes.length);
  };
  const unusual = (name: keyof typeof usual, numberOf: (pane: Pane) => number): void => {
    const { bit, of } = usual[name];
    if (panes.every((pane) => numberOf(pane) === of(pane))) block.usual += bit;
    else column(numberOf);
  };
  column(indexOf);
  column(({ start }) => start);
  if (!hasFixedLength(shape)) column(({ end }) => end);
  unusual('timing', ({ timing }) => timings.indexOf(timing));
  unusual('revision', ({ revision }) => revision);
  unusual('retracted', ({ retracted }) => (retracted ? 1 : 0));
  column(({ count }) => count);
  unusual('accounted', ({ accounted }) => accounted);
  unusual('fresh', ({ fresh }) => fresh);
  const columns = {
    compute,
    counts: Float64Array.from(panes, ({ count }) => count),
    values: compute.map((_, index) => Float64Array.from(panes, ({ values }) => values[index] ?? NaN)),
  };
  const whole = toWhole(columns);
  for (const values of columns.values) writeColumn(to, values, panes.length);
  if (whole !== undefined) {
    block.decimals = whole.digits + 1;
    if (hasOff(columns)) writeColumn(to, whole.off, panes.length);
  }
  block.series = shortened(series).map((one) => create(SeriesSchema, one));
  block.columns = to.take();
  return block;
}

/** @throws WireError */
export function fromPaneBlock(block: PaneBlock): Pane[] {
  if (block.window.length === 0 || block.window.length > 64) throw new WireError('panes: window name');
  const { rows } = block;
  if (rows > maxRows) throw new WireError(`panes: ${rows} in one block, at most ${maxRows}`);
  const shape = fromShape(block.shape);
  const compute = block.compute.map((name) => oneOf(statistics, name, 'panes: compute'));
  if (new Set(compute).size < compute.length) throw new WireError('panes: compute says one twice');
  const window: Pane['window'] = { id: block.window, shape, compute };
  const series = lengthened(block.series);
  const { ends, values, ...columns } = readColumns(block, shape);
  const sizeMs = nominalSizeMs(shape);
  return Array.from({ length: rows }, (_, row) => {
    const cell = (name: (typeof columnsOfEach)[number]): number => columns[name][row] ?? NaN;
    const count = (name: (typeof columnsOfEach)[number]): number => {
      const value = cell(name);
      return Number.isSafeInteger(value) && value >= 0 ? value : fail(`panes: ${name} ${value}`);
    };
    const start = cell('start');
    return sensible({
      series: series[cell('series')] ?? fail(`panes: series ${cell('series')} of ${series.length}`),
      window,
      start,
      end: ends === undefined ? start + sizeMs : (ends[row] ?? NaN),
      timing: timings[cell('timing')] ?? fail(`panes: timing ${cell('timing')}`),
      revision: count('revision'),
      retracted: cell('retracted') !== 0,
      count: count('count'),
      accounted: count('accounted'),
      fresh: count('fresh'),
      values: values.map((column) => column[row] ?? NaN),
    });
  });
}

type Columns = Record<(typeof columnsOfEach)[number], Float64Array> & {
  readonly ends: Float64Array | undefined;
  readonly values: readonly Float64Array[];
};

function readColumns({ columns, rows, compute, usual: leftOut, decimals }: PaneBlock, shape: WindowShape): Columns {
  if (leftOut > allUsual) throw new WireError(`panes: usual ${leftOut}`);
  if (decimals > mostDigits + 1) throw new WireError(`panes: decimals ${decimals}`);
  const from = new ByteReader(columns);
  const next = (): Float64Array => readColumn(from, rows);
  const nextOr = ({ bit }: { readonly bit: number }, column: () => Float64Array): Float64Array =>
    (leftOut & bit) === 0 ? next() : column();
  const all = (number: number) => (): Float64Array => new Float64Array(rows).fill(number);
  try {
    const [series, start] = [next(), next()];
    const ends = hasFixedLength(shape) ? undefined : next();
    const timing = nextOr(usual.timing, all(onTime));
    const revision = nextOr(usual.revision, all(0));
    const retracted = nextOr(usual.retracted, all(0));
    const count = next();
    const accounted = nextOr(usual.accounted, () => count);
    const fresh = nextOr(usual.fresh, () => accounted);
    const values = compute.map(next);
    if (decimals > 0) {
      const whole = { compute, counts: count, values };
      fromWhole(whole, decimals - 1, hasOff(whole) ? next() : new Float64Array(rows));
    }
    if (!from.done) throw new WireError('panes: more columns than there should be');
    return { series, start, ends, timing, revision, retracted, count, accounted, fresh, values };
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError)
      throw new WireError(`panes: columns: ${error.message}`);
    throw error;
  }
}

function toShape(shape: WindowShape): MessageInitShape<typeof ShapeSchema> {
  switch (shape.kind) {
    case 'tumbling':
      return { kind: { case: 'tumbling', value: { sizeMs: shape.sizeMs, zone: shape.zone ?? '' } } };
    case 'hopping':
      return { kind: { case: 'hopping', value: { sizeMs: shape.sizeMs, slideMs: shape.slideMs } } };
    case 'session':
      return { kind: { case: 'session', value: { gapMs: shape.gapMs } } };
    case 'count':
      return { kind: { case: 'count', value: { size: shape.size } } };
  }
}

function fromShape(shape: Shape | undefined): WindowShape {
  switch (shape?.kind.case) {
    case 'tumbling': {
      const { sizeMs, zone } = shape.kind.value;
      if (zone !== '' && !zonePattern.test(zone)) throw new WireError(`panes: zone "${zone.slice(0, 80)}"`);
      return { kind: 'tumbling', sizeMs: whole('size', sizeMs), zone: zone === '' ? undefined : zone };
    }
    case 'hopping': {
      const { sizeMs, slideMs } = shape.kind.value;
      return { kind: 'hopping', sizeMs: whole('size', sizeMs), slideMs: whole('slide', slideMs) };
    }
    case 'session': {
      const { gapMs } = shape.kind.value;
      return { kind: 'session', gapMs: gapMs > 0 && gapMs < Infinity ? gapMs : fail(`panes: gap ${gapMs}`) };
    }
    case 'count':
      return { kind: 'count', size: whole('size', shape.kind.value.size) };
    case undefined:
      throw new WireError('panes: shape of a kind nobody knows');
  }
}

function sensible(pane: Pane): Pane {
  const { start, end, retracted, count, accounted, fresh } = pane;
  if (!(Math.abs(start) <= maxDateMs)) throw new WireError(`panes: start ${start}`);
  if (!(end >= start && end <= maxDateMs)) throw new WireError(`panes: end ${end} of a start ${start}`);
  if (fresh > accounted) throw new WireError(`panes: fresh ${fresh} of ${accounted} accounted`);
  if (retracted && count + accounted > 0) throw new WireError('panes: retracted, with readings in it');
  return pane;
}

function whole(what: string, value: number): number {
  return Number.isSafeInteger(value) && value > 0 ? value : fail(`panes: ${what} ${value}`);
}
