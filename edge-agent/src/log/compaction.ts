// Writing a compacted segment: into a file with a temporary name, synced, to be renamed by the log when it is whole.

import { joinPath, type Disk, type DiskFile } from './disk.ts';
import {
  encodeRecord,
  encodeSegmentHeader,
  endMark,
  saltOf,
  segmentName,
  type Entry,
  type Seq,
  type SegmentName,
} from './segment.ts';
import { StoredSegment } from './stored-segment.ts';

const writeBytes = 256 * 1024;

/** What a file is called until it is whole. */
export function unfinished(path: string): string {
  return `${path}.new`;
}

/** @returns the segment as it will be under its name; rejects when the disk fails or an entry does not belong */
export async function writeCompacted(
  disk: Disk,
  folder: string,
  name: SegmentName & Required<Pick<SegmentName, 'compacted'>>,
  before: Seq,
  entries: Iterable<Entry> | AsyncIterable<Entry>,
): Promise<StoredSegment> {
  const segment = StoredSegment.made(joinPath(folder, segmentName(name)), name, before);
  const salt = saltOf(name.incarnation);
  const path = unfinished(segment.path);
  await disk.remove(path);
  const out = new Buffered(await disk.create(path));
  try {
    await out.write(encodeSegmentHeader(name, before));
    let next = name.first;
    for await (const { seq, payload } of entries) {
      if (!(seq >= next) || seq > name.compacted.last)
        throw new RangeError(`record ${seq} does not belong between ${next} and ${name.compacted.last}`);
      next = seq + 1;
      const record = encodeRecord(seq, payload, salt);
      segment.recordAt(seq, segment.bytes, record.length);
      segment.bytes += record.length;
      await out.write(record);
    }
    const end = encodeRecord(endMark(name.compacted.last), new Uint8Array(0), salt);
    segment.bytes += end.length;
    segment.passed(segment.bytes);
    segment.settled = true;
    await out.write(end);
    await out.finish();
  } finally {
    await out.close();
  }
  return segment;
}

/** Few large writes instead of many small ones. */
class Buffered {
  readonly #file: DiskFile;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= writeBytes) await this.#flush();
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #flush(): Promise<void> {
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    await this.#file.append(Buffer.concat(parts));
  }
}
