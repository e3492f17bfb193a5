// `npm run sim -- --seeds 10000`: so many runs, on every core. `npm run sim -- --seed N`: one run; with `--trace` told as it happens.

import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { simulate, type Outcome } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const shown = 5;

// Every wait that is called off would note where it was.
if (!values.trace) Error.stackTraceLimit = 0;

const outcomeSchema = z.object({
  seed: z.number(),
  violations: z.array(z.string()),
  virtualMs: z.number(),
  readings: z.number(),
  faults: z.number(),
});

if (process.send !== undefined) process.on('message', (seed) => void run(Number(seed)));
else await runAll();

/** In a process of its own. */
async function run(seed: number): Promise<void> {
  process.send?.(await simulate({ seed }));
}

async function runAll(): Promise<void> {
  const first = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  const sum = { virtualMs: 0, readings: 0, faults: 0, failed: 0 };
  const take = ({ seed, violations, virtualMs, readings, faults }: Outcome): void => {
    sum.virtualMs += virtualMs;
    sum.readings += readings;
    sum.faults += faults;
    if (violations.length === 0) return;
    sum.failed += 1;
    console.log(`seed ${seed} failed; again with: npm run sim -- --seed ${seed} --trace`);
    for (const violation of violations.slice(0, shown)) console.log(`  ${violation}`);
  };
  const started = performance.now();
  if (count === 1) take(await simulate({ seed: first, ...(values.trace && { trace: (line) => console.log(line) }) }));
  else await spread(first, count, take);
  const seconds = (performance.now() - started) / 1000;
  const speed = Math.round(sum.virtualMs / 1000 / seconds);
  console.log(
    `${count} runs, ${sum.failed} failed; ${sum.readings} readings, ${sum.faults} faults, ${(sum.virtualMs / 3_600_000).toFixed(1)} h in ${seconds.toFixed(1)} s: ${speed} times as fast as real time`,
  );
  process.exitCode = sum.failed === 0 ? 0 : 1;
}

/** Each core gets the next seed when it is through with one. */
async function spread(first: number, count: number, take: (outcome: Outcome) => void): Promise<void> {
  let next = first;
  const worker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(import.meta.filename);
      const give = (): void => void (next < first + count ? child.send(next++) : child.disconnect());
      child.on('message', (message) => {
        take(outcomeSchema.parse(message));
        give();
      });
      child.on('error', reject);
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with code ${code}`))));
      give();
    });
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), count) }, worker));
}
