// The pipeline alone, on one core: readings in, panes and transitions out, drained as the agent drains. Every case runs in
// a process of its own, so that none profits or suffers from what the compiler has learned of another.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { median, type Bench } from './bench.ts';
import { engineCases } from './engine-cases.ts';

const runs = 5;

const resultSchema = z.record(z.string(), z.number());

export const engine: Bench = {
  name: 'engine',
  about: `readings of one each second and series through gate and windows, median of ${runs} runs a case; docs/performance.md says what limits it`,
  async *run() {
    for (const { name } of engineCases) {
      const measured: Record<string, number>[] = [];
      for (let i = 0; i < runs; i++) measured.push(await measureAlone(name));
      for (const metric of Object.keys(measured[0] ?? {})) {
        yield { bench: 'engine', case: name, metric, value: median(measured.map((run) => run[metric] ?? NaN)) };
      }
    }
  },
};

async function measureAlone(name: string): Promise<Record<string, number>> {
  const script = join(import.meta.dirname, 'engine-case.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, name]);
  return resultSchema.parse(JSON.parse(stdout));
}
