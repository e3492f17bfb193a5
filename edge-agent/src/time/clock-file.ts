// What has to be known of the time across restarts: a small JSON file, replaced as a whole.
//
//   machine   which start of the machine this was (boot.ts)
//   line      the time line that was running then: what provisional blocks in the journal name
//   origin    how it goes on, as long as the machine is not started anew
//   time      the latest time known
//   moves     lines that were provisional, and by how much what is stamped by them is to be moved
//
// A move is written here before anything is moved: a crash on the way moves the rest by exactly as much.

import * as z from 'zod';
import { replaceFile, type Disk } from '../log/disk.ts';
import { bases, type Origin } from './timeline.ts';

/** Lines whose move is remembered: their blocks are behind a checkpoint long before. */
const maxMoves = 16;

export interface ClockFile {
  readonly machine: string;
  readonly line: string;
  readonly origin: Origin;
  readonly time: number;
  /** By line, milliseconds. */
  readonly moves: ReadonlyMap<string, number>;
}

const schema = z.object({
  machine: z.string(),
  line: z.string(),
  origin: z.object({
    originMs: z.number(),
    basis: z.enum(bases).optional(),
    begin: z.number(),
    floor: z.number().nullable(),
  }),
  time: z.number().nullable(),
  moves: z.record(z.string(), z.number()),
});

/** @returns undefined when there is none that can be used: the agent then starts without knowing the time */
export async function readClockFile(disk: Disk, path: string): Promise<ClockFile | undefined> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(await disk.readAll(path)));
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) return undefined;
  const { machine, line, origin, time, moves } = parsed.data;
  return {
    machine,
    line,
    origin: { ...origin, basis: origin.basis, floor: origin.floor ?? -Infinity },
    time: time ?? -Infinity,
    moves: new Map(Object.entries(moves)),
  };
}

export async function writeClockFile(disk: Disk, path: string, file: ClockFile): Promise<void> {
  const moves = Object.fromEntries([...file.moves].slice(-maxMoves));
  await replaceFile(disk, path, new TextEncoder().encode(`${JSON.stringify({ ...file, moves }, null, 1)}\n`));
}
