// Which modules of a kernel have to be loaded, and in which order: as depmod would find out, for a few of them.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * @param folder `/usr/lib/modules/RELEASE` @param wanted names; one that is built into the kernel is passed over
 * @returns paths of the files, what others need first
 */
export function modulesFor(folder: string, wanted: readonly string[]): readonly string[] {
  const paths = new Map(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ko.xz'))
      .map((path) => [canonical(basename(path, '.ko.xz')), join(folder, path)]),
  );
  const ordered = new Set<string>();
  const add = (name: string): void => {
    const path = paths.get(canonical(name));
    if (path === undefined || ordered.has(path)) return;
    const [, needs = ''] = /\0?depends=([^\0]*)\0/.exec(unpacked(path).toString('latin1')) ?? [];
    for (const needed of needs.split(',').filter((text) => text !== '')) add(needed);
    ordered.add(path);
  };
  for (const name of wanted) add(name);
  return [...ordered];
}

export function unpacked(path: string): Buffer {
  return execFileSync('xz', ['-dc', path], { maxBuffer: 64 * 1024 * 1024 });
}

function canonical(name: string): string {
  return name.replaceAll('-', '_');
}
