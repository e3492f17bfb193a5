// The checkpoint: the pipeline's snapshot and how far into the journal it reaches. Replaced atomically; when it is missing,
// damaged or of another journal, recovery replays the whole journal instead.
//
//   magic "WEIRCKP1" | CRC-32 u32 of what follows | journal incarnation text | sequence number | unacted text (JSON) | plan text (JSON) | snapshot

import { crc32 } from 'node:zlib';
import { ByteReader, ByteWriter } from '@weir/shared/model/bytes.ts';
import { replaceFile, type Disk } from './disk.ts';
import type { Seq } from './log.ts';

export interface Checkpoint {
  readonly journalIncarnation: string;
  /** The last journal block the snapshot contains. */
  readonly seq: Seq;
  /** Actions that were still to be taken, as `Actions.unfinished` gives them. */
  readonly unacted: string;
  /** The plan the snapshot and the blocks behind it were made with, by `planToJson`. */
  readonly plan: string;
  readonly snapshot: Uint8Array;
}

const magic = new TextEncoder().encode('WEIRCKP1');

export async function writeCheckpoint(disk: Disk, path: string, checkpoint: Checkpoint): Promise<void> {
  const body = new ByteWriter(checkpoint.snapshot.length + 64);
  body.text(checkpoint.journalIncarnation);
  body.varint(checkpoint.seq);
  body.text(checkpoint.unacted);
  body.text(checkpoint.plan);
  body.blob(checkpoint.snapshot);
  const bytes = new Uint8Array(magic.length + 4 + body.length);
  bytes.set(magic);
  new DataView(bytes.buffer).setUint32(magic.length, crc32(body.view()), true);
  bytes.set(body.view(), magic.length + 4);
  await replaceFile(disk, path, bytes);
}

/** @returns the checkpoint; `undefined` when there is none; a sentence when there is one that cannot be used */
export async function readCheckpoint(disk: Disk, path: string): Promise<Checkpoint | string | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await disk.readAll(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const body = bytes.subarray(magic.length + 4);
  const intact =
    bytes.length > magic.length + 4 &&
    magic.every((byte, index) => bytes[index] === byte) &&
    crc32(body) === new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true);
  if (!intact) return 'the checkpoint is damaged; replaying the whole journal instead';
  const from = new ByteReader(body);
  return {
    journalIncarnation: from.text(),
    seq: from.varint(),
    unacted: from.text(),
    plan: from.text(),
    snapshot: from.blob(),
  };
}
