// Writing segments: every write is synced before anybody is told of it.

import { joinPath, type Disk, type DiskFile } from './disk.ts';
import { encodeSegmentHeader, segmentName, type Seq } from './segment.ts';
import type { SegmentList } from './segment-list.ts';
import { StoredSegment } from './stored-segment.ts';

export interface Unwritten {
  readonly seq: Seq;
  readonly record: Uint8Array;
}

export interface WriterOptions {
  readonly folder: string;
  readonly segmentBytes: number;
}

export class SegmentWriter {
  /** The last number of a record that is on disk; later ones may have been passed over. 0 when nobody knows. */
  written: Seq = 0;
  readonly #disk: Disk;
  readonly #options: WriterOptions;
  readonly #incarnation: string;
  readonly #segments: SegmentList;
  readonly #synced: (seq: Seq) => void;
  #file: DiskFile | undefined;

  /** @param synced told of the last record written, in one step with the segment that has it now: a reader sees both or neither */
  constructor(
    disk: Disk,
    options: WriterOptions,
    incarnation: string,
    segments: SegmentList,
    synced: (seq: Seq) => void,
  ) {
    this.#disk = disk;
    this.#options = options;
    this.#incarnation = incarnation;
    this.#segments = segments;
    this.#synced = synced;
  }

  /** Writes and syncs as many records from `start` on as fit into one segment. @returns how many */
  async write(records: readonly Unwritten[], start: number): Promise<number> {
    const first = records[start];
    if (first === undefined) return 0;
    const { file, segment } = await this.#segmentFor(first);
    const chosen: Uint8Array[] = [];
    let end = segment.bytes;
    for (let index = start; index < records.length; index++) {
      const { record } = records[index] ?? first;
      if (chosen.length > 0 && end + record.length > this.#options.segmentBytes) break;
      end += record.length;
      chosen.push(record);
    }
    await file.append(Buffer.concat(chosen, end - segment.bytes));
    await file.sync();
    for (const { seq, record } of records.slice(start, start + chosen.length)) {
      segment.recordAt(seq, segment.bytes, record.length);
      segment.bytes += record.length;
      this.written = seq;
    }
    this.#synced(this.written);
    return chosen.length;
  }

  /** Nobody knows what the file holds after a failure: the next write begins a fresh segment. */
  abandon(): void {
    const file = this.#file;
    this.#file = undefined;
    file?.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #segmentFor({ seq, record }: Unwritten): Promise<{ file: DiskFile; segment: StoredSegment }> {
    const current = this.#segments.newest;
    if (this.#file !== undefined && current !== undefined) {
      if (current.bytes + record.length <= this.#options.segmentBytes) return { file: this.#file, segment: current };
    }
    await this.close();
    // A segment of an earlier run is never appended to: its end may be torn. One that held nothing gives up its name, also
    // when it is there only because making it failed half-way.
    const name = { first: seq, incarnation: this.#incarnation };
    const path = joinPath(this.#options.folder, segmentName(name));
    await this.#disk.remove(path);
    if (current?.path === path) this.#segments.dropNewest();
    const file = await this.#disk.create(path);
    this.#file = file;
    const segment = StoredSegment.made(path, name, this.written);
    this.#segments.add(segment);
    await file.append(encodeSegmentHeader(name, this.written));
    await this.#disk.syncFolder(this.#options.folder);
    return { file, segment };
  }
}
