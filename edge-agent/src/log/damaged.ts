// Damaged segments are kept aside instead of deleted, for whoever wants to know what happened: in `damaged/` beside their log, a few
// and not many bytes of them.

import { joinPath, type Disk } from './disk.ts';
import { parseSegmentName } from './segment.ts';

export const damagedFolder = 'damaged';
const maxFiles = 4;
const maxBytes = 32 * 1024 * 1024;

/**
 * Moves a file of the folder aside, and deletes of those moved before what is too much: other logs' and the lowest numbers first.
 * Deletes it when it cannot be moved: its room is needed. Rejects when that fails too.
 */
export async function moveAside(disk: Disk, folder: string, file: string): Promise<void> {
  const aside = joinPath(folder, damagedFolder);
  try {
    await disk.makeFolder(aside);
    await disk.rename(joinPath(folder, file), joinPath(aside, file));
    await deleteExcess(disk, aside, parseSegmentName(file)?.incarnation);
  } catch {
    await disk.remove(joinPath(folder, file));
  }
}

async function deleteExcess(disk: Disk, aside: string, incarnation: string | undefined): Promise<void> {
  const age = (file: string): number => {
    const name = parseSegmentName(file);
    return name?.incarnation === incarnation ? (name?.first ?? 0) : 0;
  };
  const newestFirst = (await disk.list(aside)).toSorted((a, b) => age(b) - age(a));
  let bytes = 0;
  for (const [index, file] of newestFirst.entries()) {
    const path = joinPath(aside, file);
    bytes += await disk.size(path);
    if (index >= maxFiles || bytes > maxBytes) await disk.remove(path);
  }
}
