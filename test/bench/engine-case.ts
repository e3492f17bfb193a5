// Measures one case of the engine bench and prints it as JSON. Started by engine.ts with --expose-gc. With --profile it prints
// where the time goes instead:
//
//   node --expose-gc test/bench/engine-case.ts tumbling-p95 --profile

import { Session } from 'node:inspector/promises';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { engineCases } from './engine-cases.ts';
import { allocatedPerReading, closedWindow, footprint, speed } from './engine-measure.ts';
import { selfTimes } from './self-times.ts';

const one = engineCases.find(({ name }) => name === process.argv[2]);
if (one === undefined) throw new Error(`no case ${process.argv[2]}`);

if (process.argv.includes('--profile')) {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  speed(one);
  const { profile } = await session.post('Profiler.stop');
  for (const { share, where } of selfTimes(profile).slice(0, 15)) {
    console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${where}`);
  }
  process.exit();
}

let gcMs = 0;
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) gcMs += entry.duration;
});
observer.observe({ entryTypes: ['gc'] });
const began = performance.now();
const readingsPerSecond = speed(one);
const elapsedMs = performance.now() - began;
// Entries are handed over in a turn of their own.
await setTimeout(50);
observer.disconnect();
const gcShare = gcMs / elapsedMs;
const isTumbling = one.windows.every(({ shape }) => shape.kind === 'tumbling');
const bytesPerClosedWindow = isTumbling ? { bytesPerClosedWindow: closedWindow(one) } : {};
// Readings of a count window wait for the watermark: what they allocate is their waiting.
const isCount = one.windows.some(({ shape }) => shape.kind === 'count');
const bytesAllocated = isCount ? {} : { bytesAllocatedPerReading: await allocatedPerReading(one) };
console.log(
  JSON.stringify({ readingsPerSecond, gcShare, ...bytesAllocated, ...footprint(one), ...bytesPerClosedWindow }),
);
