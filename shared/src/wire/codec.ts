// What travels between a gateway and the hub, to bytes and back. A Frame is one record of the outbox and one entry on the
// wire: panes grouped by window (pane-block.ts), transitions, raw readings (raw-block.ts). What comes back is checked: a frame
// that decodes but does not make sense throws WireError, and the hub quarantines it.

import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { alertStates, operationKinds, severities, silences, type Operation, type Transition } from '../model/alert.ts';
import type { Pane } from '../model/pane.ts';
import type { Series } from '../model/series.ts';
import { fromPaneBlock, maxRows, toPaneBlock } from './pane-block.ts';
import { fromRawBlock, toRawBlock, type RawReadings } from './raw-block.ts';
import { namedSeries } from './series.ts';
import { namePattern } from './topics.ts';
import { AckSchema, BatchSchema, CommandSchema, FrameSchema, StatusSchema, TransitionSchema } from './weir_pb.js';
import type { Ack, Status, Transition as WireTransition } from './weir_pb.js';
import { fail, oneOf, WireError } from './wire-error.ts';

export { WireError } from './wire-error.ts';
export type { RawReadings } from './raw-block.ts';
export type { Ack, Status };

export interface FrameContent {
  readonly panes: readonly Pane[];
  readonly transitions: readonly Transition[];
  readonly raw: readonly RawReadings[];
}

export function encodeFrame({ panes = [], transitions = [], raw = [] }: Partial<FrameContent>): Uint8Array {
  const byWindow = Map.groupBy(panes, (pane) => pane.window);
  return toBinary(
    FrameSchema,
    create(FrameSchema, {
      panes: [...byWindow].map(([window, group]) => toPaneBlock(window, group)),
      transitions: transitions.map((t) =>
        create(TransitionSchema, {
          rule: t.rule,
          series: { device: t.series.device, signal: t.series.signal },
          state: t.state,
          severity: t.severity,
          timeMs: t.time,
          sinceMs: t.since,
          value: t.value,
          reason: t.reason,
          quiet: t.quiet,
          by: t.by,
          comment: t.comment,
        }),
      ),
      raw: raw.map(toRawBlock),
    }),
  );
}

/** @throws WireError when the bytes are no frame, or one that makes no sense */
export function decodeFrame(bytes: Uint8Array): FrameContent {
  const frame = decode(FrameSchema, bytes, 'frame');
  const rows = [...frame.panes, ...frame.raw].reduce((sum, block) => sum + block.rows, 0);
  if (rows > maxRows) throw new WireError(`frame: ${rows} rows, at most ${maxRows}`);
  return {
    panes: frame.panes.flatMap(fromPaneBlock),
    transitions: frame.transitions.map(fromTransition),
    raw: frame.raw.map(fromRawBlock),
  };
}

/** One record of an outbox lane on its way. */
export interface BatchEntry {
  readonly frame: Uint8Array;
  /** How many sequence numbers it stands for, 1 or more: its own, and those before it that were merged into it. */
  readonly span: number;
  /** Readings its panes report for the first time. */
  readonly readings: number;
}

export interface Batch {
  readonly incarnation: string;
  /** The first sequence number the first entry stands for. */
  readonly firstSeq: number;
  readonly entries: readonly BatchEntry[];
  /** Readings reported by everything the lane held before the first entry, in this incarnation. */
  readonly readingsBefore: number;
}

export function encodeBatch({ incarnation, firstSeq, entries, readingsBefore }: Batch): Uint8Array {
  return toBinary(
    BatchSchema,
    create(BatchSchema, {
      incarnation,
      firstSeq,
      readingsBefore,
      entries: entries.map(({ frame }) => frame),
      spans: entries.every(({ span }) => span === 1) ? [] : entries.map(({ span }) => span),
      readings: entries.every(({ readings }) => readings === 0) ? [] : entries.map(({ readings }) => readings),
    }),
  );
}

/** @throws WireError */
export function decodeBatch(bytes: Uint8Array): Batch {
  const { incarnation, firstSeq, entries, spans, readings, readingsBefore } = decode(BatchSchema, bytes, 'batch');
  if (!Number.isSafeInteger(firstSeq) || firstSeq < 1) throw new WireError(`batch: first_seq ${firstSeq}`);
  if (incarnation.length < 8 || incarnation.length > 64) throw new WireError('batch: no incarnation');
  for (const column of [spans, readings]) {
    if (column.length > 0 && column.length !== entries.length)
      throw new WireError('batch: columns of different lengths');
  }
  const whole = (what: string, value: number, least: number): number =>
    Number.isSafeInteger(value) && value >= least ? value : fail(`batch: ${what} ${value}`);
  const batch = {
    incarnation,
    firstSeq,
    readingsBefore: whole('readings_before', readingsBefore, 0),
    entries: entries.map((frame, index) => ({
      frame,
      span: whole('span', spans[index] ?? 1, 1),
      readings: whole('readings', readings[index] ?? 0, 0),
    })),
  };
  const sum = (start: number, of: (entry: BatchEntry) => number): number =>
    batch.entries.reduce((total, entry) => total + of(entry), start);
  whole(
    'last sequence number',
    sum(firstSeq, ({ span }) => span),
    1,
  );
  whole(
    'sum of readings',
    sum(readingsBefore, ({ readings: some }) => some),
    0,
  );
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

/** The hub asks for the raw readings of a series whose event time is at `from` or later, and before `to`. */
export interface RawRequest {
  /** At most 64 characters. */
  readonly id: string;
  readonly series: Pick<Series, 'device' | 'signal'>;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
}

/** What the hub asks of a gateway. */
export type Ask =
  | { readonly kind: 'raw'; readonly request: RawRequest }
  | { readonly kind: 'operation'; readonly id: string; readonly operation: Operation };

export function encodeCommand(ask: Ask): Uint8Array {
  return toBinary(CommandSchema, create(CommandSchema, { ask: ask.kind === 'raw' ? rawAsk(ask) : operationAsk(ask) }));
}

function rawAsk({ request: { id, series, from, to } }: Ask & { kind: 'raw' }) {
  const { device, signal } = series;
  return { case: 'raw', value: { id, series: { device, signal }, fromMs: from, toMs: to } } as const;
}

function operationAsk({ id, operation }: Ask & { kind: 'operation' }) {
  const { kind, rule, series, since, until, by, comment } = operation;
  const named = series === undefined ? {} : { series: { device: series.device, signal: series.signal } };
  const episode = since === undefined ? {} : { sinceMs: since };
  const end = Number.isNaN(until) ? {} : { untilMs: until };
  return { case: 'operation', value: { id, kind, rule, ...named, ...episode, ...end, by, comment } } as const;
}

/** @throws WireError also when it is a command this version does not know */
export function decodeCommand(bytes: Uint8Array): Ask {
  const { ask } = decode(CommandSchema, bytes, 'command');
  if (ask.case === undefined) throw new WireError('command: of a kind nobody here knows');
  if (ask.value.id.length === 0 || ask.value.id.length > 64) throw new WireError('command: id');
  if (ask.case === 'raw') {
    const { id, series, fromMs, toMs } = ask.value;
    if (!Number.isFinite(fromMs) || !Number.isFinite(toMs)) throw new WireError(`command: from ${fromMs} to ${toMs}`);
    return { kind: 'raw', request: { id, series: namedSeries(series), from: fromMs, to: toMs } };
  }
  const { id, kind, rule, series, sinceMs, untilMs = NaN, by, comment } = ask.value;
  const operation: Operation = {
    kind: oneOf(operationKinds, kind, 'operation: kind'),
    rule: namePattern.test(rule) ? rule : fail(`operation: rule "${rule}"`),
    series: series === undefined ? undefined : namedSeries(series),
    since: sinceMs,
    until: untilMs,
    by,
    comment,
  };
  if (operation.kind === 'shelve' && !Number.isFinite(untilMs)) throw new WireError('operation: shelve until when?');
  return { kind: 'operation', id, operation };
}

export type StatusFields = MessageInitShape<typeof StatusSchema>;

export function encodeStatus(status: StatusFields): Uint8Array {
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

function fromTransition(t: WireTransition): Transition {
  if (!Number.isFinite(t.timeMs) || !Number.isFinite(t.sinceMs)) throw new WireError('transition: time');
  return {
    rule: namePattern.test(t.rule) ? t.rule : fail(`transition: rule "${t.rule}"`),
    series: namedSeries(t.series),
    state: oneOf(alertStates, t.state, 'transition: state'),
    severity: oneOf(severities, t.severity, 'transition: severity'),
    time: t.timeMs,
    since: t.sinceMs,
    value: t.value,
    reason: t.reason,
    quiet: oneOf(silences, t.quiet, 'transition: quiet'),
    by: t.by,
    comment: t.comment,
  };
}
