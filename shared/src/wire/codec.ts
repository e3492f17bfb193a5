// Panes and transitions to bytes and back: a Frame is one record of the outbox and one entry on the wire.
//
// Panes are grouped by window and written column by column; those of one window and start keep their order. What comes back
// is checked: a frame that decodes but does not make sense throws WireError, and the hub quarantines it.

import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { severities, type Transition } from '../model/alert.ts';
import {
  hasFixedLength,
  nominalSizeMs,
  statistics,
  stepMs,
  timings,
  type Pane,
  type WindowShape,
} from '../model/pane.ts';
import { namePattern } from './topics.ts';
import { AckSchema, BatchSchema, FrameSchema, PaneBlockSchema, StatusSchema, TransitionSchema } from './weir_pb.js';
import type { Ack, Batch, PaneBlock, Shape, ShapeSchema, Status, Transition as WireTransition } from './weir_pb.js';

export type { Ack, Batch, Status };

/** What a date can hold (ECMAScript: 100,000,000 days around 1970). */
const maxDateMs = 8.64e15;

const onTime = timings.indexOf('on_time');

/** What an IANA time zone is called. Whether there is one of that name is for who has to know its days. */
const zonePattern = /^[A-Za-z0-9_+\-/]{1,64}$/;

/** What arrived is not what the protocol says. `message` names the field. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export interface FrameContent {
  readonly panes: readonly Pane[];
  readonly transitions: readonly Transition[];
}

export function encodeFrame({ panes, transitions }: FrameContent): Uint8Array {
  const byWindow = Map.groupBy(panes, (pane) => pane.window);
  const blocks = [...byWindow].flatMap(([window, group]) =>
    [...Map.groupBy(group, (pane) => blockOf(pane)).values()].map((part) => toBlock(window, part)),
  );
  return toBinary(
    FrameSchema,
    create(FrameSchema, {
      panes: blocks,
      transitions: transitions.map((t) =>
        create(TransitionSchema, {
          rule: t.rule,
          series: { device: t.series.device, signal: t.series.signal },
          state: t.state,
          severity: t.severity,
          timeMs: t.time,
          sinceMs: t.since,
          value: t.value,
        }),
      ),
    }),
  );
}

/** @throws WireError when the bytes are no frame, or one that makes no sense */
export function decodeFrame(bytes: Uint8Array): FrameContent {
  const frame = decode(FrameSchema, bytes, 'frame');
  return { panes: frame.panes.flatMap(fromBlock), transitions: frame.transitions.map(fromTransition) };
}

export function encodeBatch(batch: { incarnation: string; firstSeq: number; entries: Uint8Array[] }): Uint8Array {
  return toBinary(BatchSchema, create(BatchSchema, batch));
}

/** @throws WireError */
export function decodeBatch(bytes: Uint8Array): Batch {
  const batch = decode(BatchSchema, bytes, 'batch');
  if (!Number.isSafeInteger(batch.firstSeq) || batch.firstSeq < 1)
    throw new WireError(`batch: first_seq ${batch.firstSeq}`);
  if (batch.incarnation.length < 8 || batch.incarnation.length > 64) throw new WireError('batch: no incarnation');
  return batch;
}

export function encodeAck(ack: { incarnation: string; lane: string; seq: number }): Uint8Array {
  return toBinary(AckSchema, create(AckSchema, ack));
}

/** @throws WireError */
export function decodeAck(bytes: Uint8Array): Ack {
  const ack = decode(AckSchema, bytes, 'ack');
  if (!Number.isSafeInteger(ack.seq) || ack.seq < 0) throw new WireError(`ack: seq ${ack.seq}`);
  return ack;
}

export type StatusFields = Omit<
  Status,
  '$typeName' | '$unknown' | 'health' | 'deadLetters' | 'signals' | 'seriesLosses'
> & {
  health: { part: string; up: boolean; detail: string; sinceMs: number }[];
  deadLetters: { reason: string; where: string; arrivalMs: number; detail: string; sample: string }[];
  signals: { name: string; unit: string }[];
  seriesLosses: { device: string; signal: string; reason: string; count: number }[];
};

export function encodeStatus(status: Partial<StatusFields>): Uint8Array {
  return toBinary(StatusSchema, create(StatusSchema, status));
}

/** @throws WireError */
export function decodeStatus(bytes: Uint8Array): Status {
  return decode(StatusSchema, bytes, 'status');
}

function decode<D extends DescMessage>(schema: D, bytes: Uint8Array, what: string): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new WireError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The distance of window starts that stand at whole steps; undefined where starts and ends have to be said. */
function stepOf(shape: WindowShape): number | undefined {
  return hasFixedLength(shape) ? stepMs(shape) : undefined;
}

/** Steps from the first start are 32-bit: panes of a clock from 1970 stand in another block than today's. */
function blockOf({ start, window }: Pane): number {
  const step = stepOf(window.shape);
  return step === undefined ? 0 : Math.floor(start / (step * 2 ** 31));
}

function toBlock({ id, shape, compute }: Pane['window'], panes: readonly Pane[]): PaneBlock {
  const step = stepOf(shape);
  const first = step === undefined ? 0 : (panes[0]?.start ?? 0);
  const indexes = new Map<string, number>();
  const block = create(PaneBlockSchema, {
    window: id,
    shape: toShape(shape),
    compute: [...compute],
    firstStartMs: first,
    timing: panes.some(({ timing }) => timing !== 'on_time') ? panes.map(({ timing }) => timings.indexOf(timing)) : [],
    retracted: panes.some(({ retracted }) => retracted) ? panes.map(({ retracted }) => retracted) : [],
  });
  for (const pane of panes) {
    const { device, signal } = pane.series;
    const key = `${device}/${signal}`;
    let index = indexes.get(key);
    if (index === undefined) {
      indexes.set(key, (index = indexes.size));
      block.series.push({ $typeName: 'weir.v1.Series', device, signal });
    }
    block.seriesIndex.push(index);
    if (step === undefined) {
      block.startMs.push(pane.start);
      block.endMs.push(pane.end);
    } else block.startStep.push(Math.round((pane.start - first) / step));
    block.revision.push(pane.revision);
    block.count.push(pane.count);
    block.accounted.push(pane.accounted);
    block.fresh.push(pane.fresh);
    block.values.push(...pane.values);
  }
  return block;
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

function fromBlock(block: PaneBlock): Pane[] {
  if (block.window.length === 0 || block.window.length > 64) throw new WireError('panes: window name');
  const shape = fromShape(block.shape);
  const compute = block.compute.map((name) => oneOf(statistics, name, 'panes: compute'));
  if (new Set(compute).size < compute.length) throw new WireError('panes: compute says one twice');
  const window: Pane['window'] = { id: block.window, shape, compute };
  const series = block.series.map(named);
  const { starts, ends } = boundsOf(block, shape);
  const rows = block.seriesIndex.length;
  const columns = [block.revision, block.count, block.accounted, block.fresh];
  const sparse = [block.timing, block.retracted].filter((column) => column.length > 0);
  if (
    [...columns, ...sparse].some((column) => column.length !== rows) ||
    block.values.length !== rows * compute.length
  ) {
    throw new WireError('panes: columns of different lengths');
  }
  return block.seriesIndex.map((index, row) =>
    sensible({
      series: series[index] ?? fail(`panes: series ${index} of ${series.length}`),
      window,
      start: starts[row] ?? NaN,
      end: ends[row] ?? NaN,
      timing: timings[block.timing[row] ?? onTime] ?? fail(`panes: timing ${block.timing[row]}`),
      revision: block.revision[row] ?? 0,
      retracted: block.retracted[row] ?? false,
      count: block.count[row] ?? 0,
      accounted: block.accounted[row] ?? 0,
      fresh: block.fresh[row] ?? 0,
      values: block.values.slice(row * compute.length, (row + 1) * compute.length),
    }),
  );
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

/** Where the window of each row begins and ends. */
function boundsOf(block: PaneBlock, shape: WindowShape): { starts: readonly number[]; ends: readonly number[] } {
  const { firstStartMs, startStep, startMs, endMs } = block;
  const step = stepOf(shape);
  const rows = block.seriesIndex.length;
  const steps = step === undefined ? 0 : rows;
  if (startStep.length !== steps || startMs.length !== rows - steps || endMs.length !== rows - steps) {
    throw new WireError('panes: columns of starts and ends of different lengths, or not of this shape');
  }
  if (step === undefined) return { starts: startMs, ends: endMs };
  const sizeMs = nominalSizeMs(shape);
  const starts = startStep.map((count) => firstStartMs + count * step);
  return { starts, ends: starts.map((start) => start + sizeMs) };
}

function sensible(pane: Pane): Pane {
  const { start, end, retracted, count, accounted, fresh } = pane;
  if (!(Math.abs(start) <= maxDateMs)) throw new WireError(`panes: start ${start}`);
  if (!(end >= start && end <= maxDateMs)) throw new WireError(`panes: end ${end} of a start ${start}`);
  if (fresh > accounted) throw new WireError(`panes: fresh ${fresh} of ${accounted} accounted`);
  if (retracted && count + accounted > 0) throw new WireError('panes: retracted, with readings in it');
  return pane;
}

function fromTransition(t: WireTransition): Transition {
  if (!Number.isFinite(t.timeMs) || !Number.isFinite(t.sinceMs)) throw new WireError('transition: time');
  return {
    rule: namePattern.test(t.rule) ? t.rule : fail(`transition: rule "${t.rule}"`),
    series: named(t.series ?? { device: '', signal: '' }),
    state: oneOf(['firing', 'cleared'] as const, t.state, 'transition: state'),
    severity: oneOf(severities, t.severity, 'transition: severity'),
    time: t.timeMs,
    since: t.sinceMs,
    value: t.value,
  };
}

function named({ device, signal }: { device: string; signal: string }): { device: string; signal: string } {
  if (!namePattern.test(device) || !namePattern.test(signal)) throw new WireError(`series "${device}/${signal}"`);
  return { device, signal };
}

function whole(what: string, value: number): number {
  return Number.isSafeInteger(value) && value > 0 ? value : fail(`panes: ${what} ${value}`);
}

function oneOf<T extends string>(known: readonly T[], name: string, where: string): T {
  return known.find((candidate) => candidate === name) ?? fail(`${where} "${name}"`);
}

function fail(message: string): never {
  throw new WireError(message);
}
