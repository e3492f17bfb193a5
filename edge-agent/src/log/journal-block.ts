// One journal record: everything the pipeline was told between two commits, in order, so that replaying the blocks puts
// the pipeline where it was.
//
//   version 2
//   tick f64                      arrival time of the tick that ended the block
//   interned {device, signal}*    series that got their number since the last block, in that order: whoever replays the
//                                 blocks numbers them alike, so that what is due together comes out in the same order
//   series {device, signal}*      names used in the block: a block needs nothing outside itself
//   readings*                     series index * 4 + quality | arrival, delta to the one before |
//                                 event time: delta * 2 in whole milliseconds, or 1 and an f64 | value f64
//   refusals {reason, count}*     what came in and was no reading
//   evicted readings, through     panes that give way because the outbox is full: readings, and up to which record
//   acted text*                   actions that are done: `action|transition`, not to be done again after a crash

import { ByteReader, ByteWriter } from '@weir/shared/model/bytes.ts';
import { qualities, type Quality } from '@weir/shared/model/quality.ts';
import { lossReasons, type LossReason, type Reading } from '@weir/shared/model/reading.ts';
import type { Eviction } from './outbox.ts';
import type { SeriesTable } from '@weir/shared/model/series.ts';

const version = 2;

export interface BlockReading {
  readonly device: string;
  readonly signal: string;
  readonly arrival: number;
  readonly time: number;
  readonly value: number;
  readonly quality: Quality;
}

export interface Block {
  readonly tick: number;
  readonly interned: readonly { readonly device: string; readonly signal: string }[];
  readonly readings: readonly BlockReading[];
  readonly refusals: ReadonlyMap<LossReason, number>;
  readonly evicted: Eviction;
  readonly acted: readonly string[];
}

/** Gathers one block while its readings go through the pipeline. */
export class BlockBuilder {
  readonly #series: SeriesTable;
  readonly #firstNew: number;
  readonly #rows = new ByteWriter(4096);
  readonly #local = new Map<number, number>();
  readonly #refusals = new Map<LossReason, number>();
  readonly #acted: string[] = [];
  #evicted: Eviction = { readings: 0, through: 0 };
  #readings = 0;
  #lastArrival = 0;
  #lastTime = 0;

  constructor(series: SeriesTable) {
    this.#series = series;
    this.#firstNew = series.size;
  }

  get readings(): number {
    return this.#readings;
  }

  get isEmpty(): boolean {
    return this.#readings === 0 && this.#refusals.size === 0 && this.#acted.length === 0 && this.#evicted.through === 0;
  }

  add(reading: Reading, arrival: number): void {
    let local = this.#local.get(reading.series);
    if (local === undefined) this.#local.set(reading.series, (local = this.#local.size));
    const rows = this.#rows;
    rows.varint(local * 4 + qualities.indexOf(reading.quality));
    rows.zigzag(Math.round(arrival) - this.#lastArrival);
    this.#lastArrival = Math.round(arrival);
    writeTime(rows, reading.time, this.#lastTime);
    if (Number.isSafeInteger(reading.time)) this.#lastTime = reading.time;
    rows.float(reading.value);
    this.#readings += 1;
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

  finish(tick: number): Uint8Array {
    const to = new ByteWriter(this.#rows.length + 1024);
    to.varint(version);
    to.float(tick);
    const interned = this.#series.all().slice(this.#firstNew);
    to.varint(interned.length);
    for (const { device, signal } of interned) {
      to.text(device);
      to.text(signal);
    }
    to.varint(this.#local.size);
    for (const id of this.#local.keys()) {
      const { device, signal } = this.#series.all()[id] ?? { device: '', signal: '' };
      to.text(device);
      to.text(signal);
    }
    to.varint(this.#readings);
    to.bytes(this.#rows.view());
    to.varint(this.#refusals.size);
    for (const [reason, count] of this.#refusals) {
      to.text(reason);
      to.varint(count);
    }
    to.varint(this.#evicted.readings);
    to.varint(this.#evicted.through);
    to.varint(this.#acted.length);
    for (const key of this.#acted) to.text(key);
    return to.take();
  }
}

/** @throws RangeError when the bytes are of another version; the checksum around them has ruled out damage */
export function decodeBlock(bytes: Uint8Array): Block {
  const from = new ByteReader(bytes);
  const found = from.varint();
  if (found !== version) throw new RangeError(`journal block version ${found}, this agent reads ${version}`);
  const tick = from.float();
  const interned = readNames(from);
  const names = readNames(from);
  const readings: BlockReading[] = [];
  let arrival = 0;
  let lastTime = 0;
  for (let left = from.varint(); left > 0; left--) {
    const head = from.varint();
    const { device, signal } = names[Math.floor(head / 4)] ?? { device: '', signal: '' };
    arrival += from.zigzag();
    const time = readTime(from, lastTime);
    if (Number.isSafeInteger(time)) lastTime = time;
    readings.push({ device, signal, arrival, time, value: from.float(), quality: qualities[head % 4] ?? 'bad' });
  }
  const refusals = new Map<LossReason, number>();
  for (let left = from.varint(); left > 0; left--) {
    const name = from.text();
    const count = from.varint();
    refusals.set(lossReasons.find((reason) => reason === name) ?? 'malformed', count);
  }
  const evicted = { readings: from.varint(), through: from.varint() };
  const acted: string[] = [];
  for (let left = from.varint(); left > 0; left--) acted.push(from.text());
  return { tick, interned, readings, refusals, evicted, acted };
}

function readNames(from: ByteReader): { device: string; signal: string }[] {
  const names: { device: string; signal: string }[] = [];
  for (let left = from.varint(); left > 0; left--) names.push({ device: from.text(), signal: from.text() });
  return names;
}

/** Deltas beyond this are written as f64: doubling them must stay a safe integer. */
const maxDelta = 2 ** 50;

function writeTime(to: ByteWriter, time: number, last: number): void {
  const delta = time - last;
  if (Number.isSafeInteger(time) && Math.abs(delta) < maxDelta) to.varint((delta < 0 ? -delta * 2 - 1 : delta * 2) * 2);
  else {
    to.varint(1);
    to.float(time);
  }
}

function readTime(from: ByteReader, last: number): number {
  const head = from.varint();
  if (head % 2 === 1) return from.float();
  const zigzag = head / 2;
  return last + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
}
