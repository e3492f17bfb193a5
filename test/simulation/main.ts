// `npm run sim -- --seeds 10000`: so many runs, on all cores. `npm run sim -- --seed N`: one run, with `--trace` told as it happens.

import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});

// Every wait that is called off would note where it was.
if (!values.trace) Error.stackTraceLimit = 0;
const started = performance.now();
let [virtualMs, failed, readings] = [0, 0, 0];
const first = Number(values.seed ?? values.from);
const last = values.seed === undefined ? first + Number(values.seeds) - 1 : first;
for (let seed = first; seed <= last; seed++) {
  const outcome = await simulate({ seed, ...(values.trace && { trace: (line: string) => console.log(line) }) });
  virtualMs += outcome.virtualMs;
  readings += outcome.readings;
  if (outcome.violations.length === 0) continue;
  failed += 1;
  console.log(`seed ${seed} failed; again with: npm run sim -- --seed ${seed} --trace`);
  for (const violation of outcome.violations.slice(0, 5)) console.log(`  ${violation}`);
}
const seconds = (performance.now() - started) / 1000;
console.log(
  `${last - first + 1} runs, ${failed} failed; ${readings} readings, ${(virtualMs / 3_600_000).toFixed(1)} h in ${seconds.toFixed(1)} s: ${Math.round(virtualMs / 1000 / seconds)} times as fast as real time`,
);
process.exitCode = failed === 0 ? 0 : 1;
