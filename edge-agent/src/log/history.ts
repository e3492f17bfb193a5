// Everything a gateway remembers, in the order in which it arrived: the black box, and behind it the journal. It is only looked at,
// and the agent may go on writing meanwhile.
//
// The journal is opened before the archive: what is packed in between is then in both, and the archive's last record says up
// to where. The other way round it could be in neither.

import { qualities } from '@weir/shared/model/quality.ts';
import { readClockFile } from '../time/clock-file.ts';
import { readArchive, readArchiveHead, type JournalPlace } from './archive-block.ts';
import { joinPath, type Disk } from './disk.ts';
import { decodeBlock, decodeBlockHead, type BlockReading } from './journal-block.ts';
import { Log, type Damage } from './log.ts';

export interface Stretch {
  /** Arrival times at which the agent began to listen: what was not heard before that was not silent. */
  readonly starts: readonly number[];
  readonly readings: readonly BlockReading[];
}

export interface HistoryOptions {
  /** Data folder of the agent. */
  readonly folder: string;
  readonly onDamage: (damage: Damage) => void;
  /** Told of blocks and records of another version, which are left out. */
  readonly onUnreadable: (reason: string) => void;
}

const noIncarnation = (): string => '0000000000000000';

export class History {
  readonly #options: HistoryOptions;
  readonly #journal: Log;
  readonly #archive: Log;
  /** Of blocks that were stamped before the time was known: by how much they are off. */
  readonly #moves: ReadonlyMap<string, number>;

  private constructor(options: HistoryOptions, journal: Log, archive: Log, moves: ReadonlyMap<string, number>) {
    this.#options = options;
    this.#journal = journal;
    this.#archive = archive;
    this.#moves = moves;
  }

  /** Rejects when the disk fails; a folder without anything in it is a history without readings. */
  static async open(disk: Disk, options: HistoryOptions): Promise<History> {
    const { folder, onDamage } = options;
    const common = { segmentBytes: 1e6, newIncarnation: noIncarnation, onDamage };
    const journal = await Log.open(disk, { ...common, folder: joinPath(folder, 'journal') });
    const archive = await Log.open(disk, { ...common, folder: joinPath(folder, 'blackbox') });
    const clock = await readClockFile(disk, joinPath(folder, 'clock'));
    return new History(options, journal, archive, clock?.moves ?? new Map<string, number>());
  }

  /** Arrival time of the last thing that is known; -Infinity when there is nothing. */
  async end(): Promise<number> {
    let end = -Infinity;
    for await (const { payload } of this.#journal.entries(this.#journal.last - 1)) {
      const head = this.#unlessOther(() => decodeBlockHead(payload));
      if (head !== undefined) end = head.tick + this.#moveOf(head.line);
    }
    if (end > -Infinity) return end;
    const newest = this.#archive.segments().at(-1);
    for await (const { payload } of this.#archive.entries((newest?.first ?? 1) - 1))
      end = Math.max(end, this.#unlessOther(() => readArchiveHead(payload))?.span.lastArrival ?? -Infinity);
    return end;
  }

  /** What arrived between two times, epoch milliseconds; something from before and after may come as well. */
  async *between(from: number, to: number): AsyncGenerator<Stretch> {
    const journal = this.#journal;
    let place: JournalPlace = { journal: journal.incarnation, block: 0, taken: 0 };
    for await (const { payload } of this.#archive.entries(this.#archive.trimmed)) {
      const head = this.#unlessOther(() => readArchiveHead(payload));
      if (head === undefined) continue;
      if (head.end.journal === journal.incarnation) place = head.end;
      if (head.span.lastArrival >= from && head.span.firstArrival <= to)
        yield { starts: head.starts, readings: inOrder(payload) };
    }
    for await (const { seq, payload } of journal.entries(Math.max(journal.trimmed, place.block - 1))) {
      const block = this.#unlessOther(() => decodeBlock(payload));
      if (block === undefined) continue;
      const moveMs = this.#moveOf(block.line);
      if (block.tick + moveMs < from || (block.readings[0]?.arrival ?? -Infinity) + moveMs > to) continue;
      const taken = seq === place.block ? place.taken : 0;
      const readings = block.readings.slice(taken).map((reading) => moved(reading, moveMs));
      const starts = taken > 0 || Number.isNaN(block.awake) ? [] : [block.awake + moveMs];
      if (readings.length > 0 || starts.length > 0) yield { starts, readings };
    }
  }

  #moveOf(line: string | undefined): number {
    return (line === undefined ? 0 : this.#moves.get(line)) ?? 0;
  }

  #unlessOther<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#options.onUnreadable(error.message);
      return undefined;
    }
  }
}

/** The readings of a record, series after series there, as they came. */
function inOrder(record: Uint8Array): BlockReading[] {
  const all: BlockReading[] = [];
  for (const { name, count, times, values, arrivals, qualities: marks } of readArchive(record)) {
    for (let i = 0; i < count; i++) {
      const [arrival = NaN, time = NaN, value = NaN] = [arrivals[i], times[i], values[i]];
      const quality = qualities[marks[i] ?? 2] ?? 'bad';
      all.push({ device: name.device, signal: name.signal, arrival, time, value, quality });
    }
  }
  return all.sort((a, b) => a.arrival - b.arrival);
}

function moved(reading: BlockReading, ms: number): BlockReading {
  if (ms === 0) return reading;
  const arrival = reading.arrival + ms;
  return { ...reading, arrival, time: reading.time === reading.arrival ? arrival : reading.time };
}
