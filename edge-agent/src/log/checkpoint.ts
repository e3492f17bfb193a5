// The checkpoint: the pipeline's snapshot and how far into the journal it reaches. Replaced atomically, and the former one is kept
// beside it as `.old`: when the newest is damaged or missing, recovery goes on from there and replays a little more. When
// both are, or are of another journal, it replays the whole journal instead.
//
//   magic "WEIRCKP1" | CRC-32 u32 of what follows | journal incarnation text | sequence number | unacted text (JSON) | plan text (JSON) | snapshot
//
// Steps: write `.new`, sync it; rename the present one to `.old`; rename `.new` to the present one; sync the folder. Wherever
// that stops, at least one of the two is whole. A present one that is damaged does not take the place of the former.

import { crc32 } from 'node:zlib';
import { ByteReader, ByteWriter } from '@weir/shared/model/bytes.ts';
import { isGone, isMediumError, replaceFile, type Disk } from './disk.ts';
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

export function formerCheckpoint(path: string): string {
  return `${path}.old`;
}

/**
 * @returns the last journal block that neither this checkpoint nor the former one needs: up to there the journal may be trimmed; 0
 * when there is no former one of the same journal
 */
export async function writeCheckpoint(disk: Disk, path: string, checkpoint: Checkpoint): Promise<Seq> {
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

  const present = await readOne(disk, path);
  const keep = typeof present === 'object';
  const former = keep ? present : await readOne(disk, formerCheckpoint(path));
  await replaceFile(disk, path, bytes, keep ? formerCheckpoint(path) : undefined);
  const reaches = typeof former === 'object' && former.journalIncarnation === checkpoint.journalIncarnation;
  return reaches ? Math.min(former.seq, checkpoint.seq) : 0;
}

/**
 * @param onDamage told in a sentence when the newest one cannot be used and the former one is
 * @returns the checkpoint; `undefined` when there is none; a sentence when there is one that cannot be used
 */
export async function readCheckpoint(
  disk: Disk,
  path: string,
  onDamage?: (sentence: string) => void,
): Promise<Checkpoint | string | undefined> {
  const newest = await readOne(disk, path);
  if (typeof newest === 'object') return newest;
  const former = await readOne(disk, formerCheckpoint(path));
  if (typeof former === 'object') {
    onDamage?.(`the newest checkpoint is ${newest ?? 'missing'}; going on from the one before`);
    return former;
  }
  const state = newest ?? former;
  return state && `the checkpoint is ${state}; replaying the whole journal instead`;
}

/** @returns what is wrong with it, in a word, when there is one that cannot be used */
async function readOne(disk: Disk, path: string): Promise<Checkpoint | 'damaged' | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await disk.readAll(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    if (isMediumError(error)) return 'damaged';
    throw error;
  }
  const body = bytes.subarray(magic.length + 4);
  const intact =
    bytes.length > magic.length + 4 &&
    magic.every((byte, index) => bytes[index] === byte) &&
    crc32(body) === new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true);
  if (!intact) return 'damaged';
  const from = new ByteReader(body);
  return {
    journalIncarnation: from.text(),
    seq: from.varint(),
    unacted: from.text(),
    plan: from.text(),
    snapshot: from.blob(),
  };
}
