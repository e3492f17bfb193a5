// What a CPU profile says of the functions themselves: the share of time in each, the largest first.

import type { Profiler } from 'node:inspector/promises';

export interface SelfTime {
  /** 0..1 */
  readonly share: number;
  /** Function, file and line. */
  readonly where: string;
}

export function selfTimes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): SelfTime[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  let total = 0;
  for (const [index, id] of samples.entries()) {
    const delta = timeDeltas[index] ?? 0;
    const where = names.get(id) ?? '';
    times.set(where, (times.get(where) ?? 0) + delta);
    total += delta;
  }
  return [...times].map(([where, time]) => ({ share: time / total, where })).toSorted((a, b) => b.share - a.share);
}

function nameOf({ functionName, url, lineNumber }: Profiler.Profile['nodes'][number]['callFrame']): string {
  const file = url.split('/').at(-1) ?? '';
  return file === '' ? functionName : `${functionName} ${file}:${lineNumber + 1}`;
}
