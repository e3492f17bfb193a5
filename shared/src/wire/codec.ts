// Panes and transitions to bytes and back: a Frame is one record of the outbox and one entry on the wire.
//
// Panes are grouped by window and written column by column. What comes back is checked: a frame that decodes but does not
// make sense throws WireError, and the hub quarantines it.

import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { severities, type Transition } from '../model/alert.ts';
import { statistics, type Pane, type WindowSpec } from '../model/pane.ts';
import { namePattern } from './topics.ts';
import { AckSchema, BatchSchema, FrameSchema, PaneBlockSchema, StatusSchema, TransitionSchema } from './weir_pb.js';
import type { Ack, Batch, PaneBlock, Status, Transition as WireTransition } from './weir_pb.js';

export type { Ack, Batch, Status };

/** What a date can hold (ECMAScript: 100,000,000 days around 1970). */
const maxDateMs = 8.64e15;

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

export type StatusFields = Omit<Status, '$typeName' | '$unknown' | 'health' | 'deadLetters' | 'signals'> & {
  health: { part: string; up: boolean; detail: string; sinceMs: number }[];
  deadLetters: { reason: string; where: string; arrivalMs: number; detail: string; sample: string }[];
  signals: { name: string; unit: string }[];
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

/** Steps from the first start are 32-bit: panes of a clock from 1970 stand in another block than today's. */
function blockOf({ start, window }: Pane): number {
  return Math.floor(start / (window.sizeMs * 2 ** 31));
}

function toBlock(window: WindowSpec, panes: readonly Pane[]): PaneBlock {
  const first = panes[0]?.start ?? 0;
  const indexes = new Map<string, number>();
  const block = create(PaneBlockSchema, {
    window: window.id,
    sizeMs: window.sizeMs,
    compute: [...window.compute],
    firstStartMs: first,
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
    block.startStep.push(Math.round((pane.start - first) / window.sizeMs));
    block.revision.push(pane.revision);
    block.count.push(pane.count);
    block.fresh.push(pane.fresh);
    block.values.push(...pane.values);
  }
  return block;
}

function fromBlock(block: PaneBlock): Pane[] {
  const { sizeMs, firstStartMs } = block;
  if (!(sizeMs > 0 && Number.isFinite(sizeMs) && Number.isFinite(firstStartMs)))
    throw new WireError('panes: size or start');
  if (block.window.length === 0 || block.window.length > 64) throw new WireError('panes: window name');
  const compute = block.compute.map((name) => oneOf(statistics, name, 'panes: compute'));
  const window: WindowSpec = { id: block.window, sizeMs, compute };
  const series = block.series.map(named);
  const rows = block.seriesIndex.length;
  const columns = [block.startStep, block.revision, block.count, block.fresh];
  if (columns.some((column) => column.length !== rows) || block.values.length !== rows * compute.length) {
    throw new WireError('panes: columns of different lengths');
  }
  return block.seriesIndex.map((index, row) => ({
    series: series[index] ?? fail(`panes: series ${index} of ${series.length}`),
    window,
    start: inTime(firstStartMs + (block.startStep[row] ?? 0) * sizeMs),
    revision: block.revision[row] ?? 0,
    count: block.count[row] ?? 0,
    fresh: block.fresh[row] ?? 0,
    values: block.values.slice(row * compute.length, (row + 1) * compute.length),
  }));
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

function inTime(start: number): number {
  return Math.abs(start) <= maxDateMs ? start : fail(`panes: start ${start}`);
}

function oneOf<T extends string>(known: readonly T[], name: string, where: string): T {
  return known.find((candidate) => candidate === name) ?? fail(`${where} "${name}"`);
}

function fail(message: string): never {
  throw new WireError(message);
}
