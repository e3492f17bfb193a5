// One journal record: everything the pipeline was told between two commits, in order, so that replaying the blocks puts
// the pipeline where it was.
//
//   version 4                     3 is the same without the last two parts
//   line text                     empty, or the time line whose stamps are provisional (time/time-keeper.ts)
//   jump                          by how many milliseconds the arrival clock was put ahead before the first reading
//   tick                          arrival time of the tick that ended the block: zigzag * 2 in whole milliseconds, or 1 and f64
//   parts                         which of those below there are
//   names {device, signal}*       of all series of the block: it needs nothing outside itself (block-names.ts)
//   interned                      how many of these got their number since the last block, in that order, and come first: whoever
//                                 replays the blocks numbers them alike, so that what is due together comes out in the same order
//   readings                      how many, and their columns (block-readings.ts)
//   refusals {reason, count}*     what came in and was no reading
//   evicted readings, through     panes that give way because the outbox is full: readings, and up to which record
//   acted text*                   actions that are done: `action|transition`, not to be done again after a crash
//   awake                         arrival time at which the agent began to listen, before the first reading: f64
//   operations text*              what operators did to alarms, after the last reading and before the tick: JSON

import { ByteReader, ByteWriter } from '@weir/shared/model/bytes.ts';
import { operationKinds, type Operation } from '@weir/shared/model/alert.ts';
import { qualities, type Quality } from '@weir/shared/model/quality.ts';
import { lossReasons, type LossReason, type Reading } from '@weir/shared/model/reading.ts';
import type { SeriesTable } from '@weir/shared/model/series.ts';
import * as z from 'zod';
import { readNames, writeNames, type SeriesName } from './block-names.ts';
import { noReadings, readReadings, writeReadings, type ReadingColumns } from './block-readings.ts';
import type { Eviction } from './outbox.ts';

const version = 4;
const readable: ReadonlySet<number> = new Set([3, version]);
const partBits = { names: 1, readings: 2, refusals: 4, evicted: 8, acted: 16, awake: 32, operations: 64 } as const;

/** JSON has neither undefined nor NaN. */
export const operationSchema = z
  .object({
    kind: z.enum(operationKinds),
    rule: z.string(),
    series: z
      .object({ device: z.string(), signal: z.string() })
      .optional()
      .transform((series) => series),
    since: z
      .number()
      .optional()
      .transform((since) => since),
    until: z
      .number()
      .nullable()
      .transform((until) => until ?? NaN),
    by: z.string(),
    comment: z.string(),
  })
  .transform((operation): Operation => ({ ...operation, series: operation.series, since: operation.since }));

export interface BlockReading {
  readonly device: string;
  readonly signal: string;
  readonly arrival: number;
  readonly time: number;
  readonly value: number;
  readonly quality: Quality;
}

/** What can be said of a block without reading all of it. */
export interface BlockHead {
  /** The time line its stamps are of, when they are provisional. */
  readonly line: string | undefined;
  /** The arrival clock was put ahead by so much before the first reading. */
  readonly jumpMs: number;
  readonly tick: number;
}

interface BlockBody {
  readonly interned: readonly SeriesName[];
  readonly refusals: ReadonlyMap<LossReason, number>;
  readonly evicted: Eviction;
  readonly acted: readonly string[];
  /** NaN in all blocks but the first of a run. */
  readonly awake: number;
  readonly operations: readonly Operation[];
}

export interface Block extends BlockHead, BlockBody {
  readonly readings: readonly BlockReading[];
}

/** A block without an object for each reading. */
export interface PackedBlock extends BlockHead, BlockBody {
  readonly names: readonly SeriesName[];
  readonly columns: ReadingColumns;
}

/** Gathers one block while its readings go through the pipeline. */
export class BlockBuilder {
  readonly #series: SeriesTable;
  readonly #firstNew: number;
  readonly #refusals = new Map<LossReason, number>();
  readonly #acted: string[] = [];
  #evicted: Eviction = { readings: 0, through: 0 };
  #jumpMs = 0;
  #awake = NaN;
  readonly #operations: Operation[] = [];
  #readings = 0;
  #ids = new Uint32Array(64);
  #arrivals = new Float64Array(64);
  #times = new Float64Array(64);
  #values = new Float64Array(64);
  #qualities = new Uint8Array(64);

  constructor(series: SeriesTable) {
    this.#series = series;
    this.#firstNew = series.size;
  }

  get readings(): number {
    return this.#readings;
  }

  get isEmpty(): boolean {
    const nothingCame = this.#readings === 0 && this.#refusals.size === 0;
    return (
      nothingCame &&
      this.#operations.length === 0 &&
      this.#acted.length === 0 &&
      this.#evicted.through === 0 &&
      this.#jumpMs === 0
    );
  }

  /** @param arrival is rounded to a whole millisecond */
  add(reading: Reading, arrival: number): void {
    const at = this.#readings;
    if (at === this.#ids.length) this.#grow();
    this.#ids[at] = reading.series;
    this.#arrivals[at] = Math.round(arrival);
    this.#times[at] = reading.time;
    this.#values[at] = reading.value;
    this.#qualities[at] = reading.quality === 'good' ? 0 : qualities.indexOf(reading.quality);
    this.#readings = at + 1;
  }

  refuse(reason: LossReason, count: number): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + count);
  }

  /** At most once a block. */
  evict(eviction: Eviction): void {
    this.#evicted = eviction;
  }

  acted(key: string): void {
    this.#acted.push(key);
  }

  /** The agent begins to listen; before anything is added. @param now arrival time */
  awake(now: number): void {
    this.#awake = now;
  }

  operate(operation: Operation): void {
    this.#operations.push(operation);
  }

  /** The arrival clock was put ahead, before anything was added. */
  jump(ms: number): void {
    this.#jumpMs += ms;
  }

  /** @param line the time line, when what it stamps is provisional */
  finish(tick: number, line?: string): Uint8Array {
    const interned = this.#series.size - this.#firstNew;
    const { names, series } = this.#named();
    const { readings, through } = this.#evicted;
    const parts =
      (names.length > 0 ? partBits.names : 0) +
      (this.#readings > 0 ? partBits.readings : 0) +
      (this.#refusals.size > 0 ? partBits.refusals : 0) +
      (readings > 0 || through > 0 ? partBits.evicted : 0) +
      (this.#acted.length > 0 ? partBits.acted : 0) +
      (Number.isNaN(this.#awake) ? 0 : partBits.awake) +
      (this.#operations.length > 0 ? partBits.operations : 0);
    const to = new ByteWriter(256 + this.#readings * 4);
    to.varint(version);
    to.text(line ?? '');
    to.varint(this.#jumpMs);
    writeTick(to, tick);
    to.varint(parts);
    if (names.length > 0) {
      writeNames(to, names);
      to.varint(interned);
    }
    if (this.#readings > 0) {
      to.varint(this.#readings);
      writeReadings(to, this.#columns(series), { seriesCount: names.length, base: tick });
    }
    if (this.#refusals.size > 0) {
      to.varint(this.#refusals.size);
      for (const [reason, count] of this.#refusals) {
        to.text(reason);
        to.varint(count);
      }
    }
    if ((parts & partBits.evicted) !== 0) {
      to.varint(readings);
      to.varint(through);
    }
    if (this.#acted.length > 0) {
      to.varint(this.#acted.length);
      for (const key of this.#acted) to.text(key);
    }
    if (!Number.isNaN(this.#awake)) to.float(this.#awake);
    if (this.#operations.length > 0) {
      to.varint(this.#operations.length);
      for (const operation of this.#operations) to.text(JSON.stringify(operation));
    }
    return to.take();
  }

  /** The series of the block, those that are new first, and the index among them of each reading's. */
  #named(): { names: SeriesName[]; series: Uint32Array } {
    const names: SeriesName[] = this.#series.all().slice(this.#firstNew);
    const indexes = new Map<number, number>();
    const series = new Uint32Array(this.#readings);
    for (let i = 0; i < series.length; i++) {
      const id = this.#ids[i] ?? 0;
      let index = id >= this.#firstNew ? id - this.#firstNew : indexes.get(id);
      if (index === undefined) {
        index = names.length;
        indexes.set(id, index);
        names.push(this.#series.all()[id] ?? { device: '', signal: '' });
      }
      series[i] = index;
    }
    return { names, series };
  }

  #columns(series: Uint32Array): ReadingColumns {
    return {
      count: this.#readings,
      series,
      arrivals: this.#arrivals,
      times: this.#times,
      values: this.#values,
      qualities: this.#qualities,
    };
  }

  #grow(): void {
    const size = this.#ids.length * 4;
    const [ids, arrivals, times, values, marks] = [
      this.#ids,
      this.#arrivals,
      this.#times,
      this.#values,
      this.#qualities,
    ];
    (this.#ids = new Uint32Array(size)).set(ids);
    (this.#arrivals = new Float64Array(size)).set(arrivals);
    (this.#times = new Float64Array(size)).set(times);
    (this.#values = new Float64Array(size)).set(values);
    (this.#qualities = new Uint8Array(size)).set(marks);
  }
}

/** @throws RangeError when the bytes are of another version */
export function decodeBlockHead(bytes: Uint8Array): BlockHead {
  return readHead(new ByteReader(bytes));
}

/** @throws RangeError when the bytes are of another version; the checksum around them has ruled out damage */
export function decodePackedBlock(bytes: Uint8Array): PackedBlock {
  const from = new ByteReader(bytes);
  const head = readHead(from);
  const parts = from.varint();
  const has = (bit: number): boolean => (parts & bit) !== 0;
  const names = has(partBits.names) ? readNames(from) : [];
  const interned = names.slice(0, has(partBits.names) ? from.varint() : 0);
  const columns = has(partBits.readings)
    ? readReadings(from, { count: from.varint(), seriesCount: names.length, base: head.tick })
    : noReadings;
  const refusals = new Map<LossReason, number>();
  for (let left = has(partBits.refusals) ? from.varint() : 0; left > 0; left--) {
    const name = from.text();
    const count = from.varint();
    refusals.set(lossReasons.find((reason) => reason === name) ?? 'malformed', count);
  }
  const evicted = has(partBits.evicted)
    ? { readings: from.varint(), through: from.varint() }
    : { readings: 0, through: 0 };
  const acted: string[] = [];
  for (let left = has(partBits.acted) ? from.varint() : 0; left > 0; left--) acted.push(from.text());
  const awake = has(partBits.awake) ? from.float() : NaN;
  const operations: Operation[] = [];
  for (let left = has(partBits.operations) ? from.varint() : 0; left > 0; left--)
    operations.push(operationSchema.parse(JSON.parse(from.text())));
  return { ...head, names, interned, columns, refusals, evicted, acted, awake, operations };
}

/** @throws RangeError when the bytes are of another version; the checksum around them has ruled out damage */
export function decodeBlock(bytes: Uint8Array): Block {
  const { names, columns, ...rest } = decodePackedBlock(bytes);
  const { count, series, arrivals, times, values } = columns;
  const readings: BlockReading[] = [];
  for (let i = 0; i < count; i++) {
    const { device, signal } = names[series[i] ?? 0] ?? { device: '', signal: '' };
    const [arrival = NaN, time = NaN, value = NaN] = [arrivals[i], times[i], values[i]];
    readings.push({ device, signal, arrival, time, value, quality: qualities[columns.qualities[i] ?? 2] ?? 'bad' });
  }
  return { ...rest, readings };
}

function readHead(from: ByteReader): BlockHead {
  const found = from.varint();
  if (!readable.has(found)) throw new RangeError(`journal block version ${found}, this agent reads ${version}`);
  return { line: from.text() || undefined, jumpMs: from.varint(), tick: readTick(from) };
}

/** Ticks beyond this are written as f64: twice their zigzag must stay a safe integer. */
const maxTick = 2 ** 50;

function writeTick(to: ByteWriter, tick: number): void {
  if (Number.isSafeInteger(tick) && Math.abs(tick) < maxTick && !Object.is(tick, -0)) {
    to.varint((tick < 0 ? -tick * 2 - 1 : tick * 2) * 2);
  } else {
    to.varint(1);
    to.float(tick);
  }
}

function readTick(from: ByteReader): number {
  const head = from.varint();
  if (head % 2 === 1) return from.float();
  const zigzag = head / 2;
  return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
}
