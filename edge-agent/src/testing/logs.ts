// What tests of logs share: opening, filling, reading everything.

import type { Disk } from '../log/disk.ts';
import { Log, type Damage, type Entry } from '../log/log.ts';

export const incarnation = '00000000000000aa';

export function openLog(
  disk: Disk,
  folder: string,
  segmentBytes = 200,
  onDamage: (damage: Damage) => void = () => undefined,
): Promise<Log> {
  return Log.open(disk, { folder, segmentBytes, newIncarnation: () => incarnation, onDamage });
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Everything after `after`, as `number: text`. */
export async function textsOf(log: Log, after = 0): Promise<string[]> {
  const texts: string[] = [];
  for await (const entry of log.entries(after)) texts.push(textOf(entry));
  return texts;
}

export function textOf({ seq, payload }: Entry): string {
  return `${seq}: ${new TextDecoder().decode(payload)}`;
}

/** Appends texts, each with its number in it, and syncs them. */
export async function fill(log: Log, count: number, text = 'record'): Promise<void> {
  for (let i = 0; i < count; i++) log.append(bytesOf(`${text} ${log.last + 1}`));
  await log.sync();
}
