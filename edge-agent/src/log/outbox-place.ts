// Where a lane stands when it is opened, from what is in its log and what was remembered beside it.

import type { Log, Seq } from './log.ts';
import type { LaneMarks } from './outbox-marks.ts';
import { decodeOutboxRecord, type OutboxRecord } from './outbox-record.ts';

const bytesAtOnce = 256 * 1024;

/** A sequence number, and the readings reported up to and with it. */
export interface Place {
  readonly seq: Seq;
  readonly through: number;
}

/** The newest record of this version, if there is one. */
export async function newestRecord(log: Log): Promise<OutboxRecord | undefined> {
  for (const { first, last } of log.segments().toReversed()) {
    let newest: OutboxRecord | undefined;
    for (let position = first - 1; position < last;) {
      const entries = await log.read(position, bytesAtOnce);
      for (const entry of entries) if (entry.seq <= last) newest = decodeOutboxRecord(entry) ?? newest;
      position = entries.at(-1)?.seq ?? last;
    }
    if (newest !== undefined) return newest;
  }
  return undefined;
}

/** How far the hub is known to be, and what was reported by then. */
export async function ackedPlace(log: Log, marks: LaneMarks | undefined, newest: Place): Promise<Place> {
  if (marks !== undefined && marks.acked >= log.trimmed) return { seq: marks.acked, through: marks.ackedThrough };
  // Nothing has ever gone.
  if (log.trimmed === 0) return { seq: 0, through: 0 };
  for (let position = log.trimmed; ;) {
    const entries = await log.read(position, 1);
    const [record] = entries.flatMap((entry) => decodeOutboxRecord(entry) ?? []);
    if (record !== undefined) return { seq: log.trimmed, through: record.readingsThrough - record.readings };
    if (entries.length === 0) return { seq: log.trimmed, through: newest.through };
    position = entries.at(-1)?.seq ?? position;
  }
}
