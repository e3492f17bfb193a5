// How well the detectors find what people have labelled, and what they cost. The series are public and lie beside the project
// for its developers; without them these cases are skipped.

import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { thresholdFor } from '@weir/shared/alert/strangeness.ts';
import type { DetectorKind } from '@weir/shared/detect/detector.ts';
import { detectorKinds } from '@weir/shared/detect/registry.ts';
import { factoryLine, haveHeartRate, heartRate, watch, wristbands } from '../support/injected-faults.ts';
import {
  eventF1,
  haveMerlion,
  haveNab,
  merlionSeries,
  nabProfiles,
  nabScore,
  nabSeries,
  type LabelledSeries,
} from '../support/labelled-series.ts';
import { median, type Bench, type BenchResult } from './bench.ts';

/** On the same public half, by the same scorer, from the scores their authors published. */
const published = {
  ARTime: 77.1,
  HTM: 69.2,
  'CAD OSE': 69.7,
  'kNN-CAD': 57.4,
  'random cut forest': 58.5,
  'windowed Gaussian': 44.9,
};
/** Merlion's series have an event every few hundred rows of five minutes: whoever watches them wants to hear this often. */
const merlionAlarmsPerWeek = 14;
const seriesCount = 1000;
const readingsEach = 2000;
const runs = 3;

export const detection: Bench = {
  name: 'detection',
  about: 'labelled series, scored as the benchmarks do (one threshold for all); speed on one core, median of 3 runs',
  async *run() {
    if (haveNab) yield* nab();
    else yield { skipped: 'nab-public: the Numenta Anomaly Benchmark is not here' };
    if (haveMerlion) yield* merlion();
    else yield { skipped: "merlion: Merlion's series are not here" };
    yield* falseAlarms();
    for (const kind of detectorKinds) yield* cost(kind);
  },
};

function* nab(): Generator<BenchResult> {
  const series = nabSeries();
  for (const kind of detectorKinds) {
    const scores = series.map((one) => scoresOf(kind, one));
    for (const [metric, profile] of Object.entries(nabProfiles))
      yield result(caseOf('nab-public', kind), metric, nabScore(series, scores, profile));
    // Fixed beforehand, not chosen to be the best: the threshold of the default sensitivity.
    const limit = thresholdFor(1);
    yield result(caseOf('nab-public', kind), 'atDefault', nabScore(series, scores, nabProfiles.standard, limit));
    // What luck is worth: every other series, at the same threshold.
    for (const [half, metric] of ['atDefaultEven', 'atDefaultOdd'].entries()) {
      const isIn = (_: unknown, index: number): boolean => index % 2 === half;
      const score = nabScore(series.filter(isIn), scores.filter(isIn), nabProfiles.standard, limit);
      yield result(caseOf('nab-public', kind), metric, score);
    }
  }
  for (const [name, score] of Object.entries(published))
    yield result(`nab-public published ${name}`, 'standard', score);
  let rows = 0;
  const periodic = series.map(({ values }) =>
    values.map((_, row) => (row >= Math.min(Math.floor(0.15 * values.length), 750) && rows++ % 400 === 0 ? 1 : 0)),
  );
  yield result('nab-public blind alarm', 'standard', nabScore(series, periodic, nabProfiles.standard));
}

function* merlion(): Generator<BenchResult> {
  const series = merlionSeries();
  for (const kind of detectorKinds) {
    const scores = series.map((one) => scoresOf(kind, one));
    yield result(caseOf('merlion', kind), 'eventF1', eventF1(series, scores, thresholdFor(merlionAlarmsPerWeek)));
    const limits = Array.from({ length: 99 }, (_, percent) => (percent + 1) / 100);
    yield result(caseOf('merlion', kind), 'bestF1', Math.max(...limits.map((limit) => eventF1(series, scores, limit))));
  }
}

/** The rules that docs/detectors recommends for any sensor. */
const watchedBy = (signal: string): string => `
  odd_${signal}: { anomaly: ${signal} }
  held_${signal}: { anomaly: ${signal}, detector: level }
  frozen_${signal}: { anomaly: ${signal}, detector: stuck }
  lost_${signal}: { silent: ${signal}, for: 15m }`;

/** Alarms where nothing was done to the sensors, and faults that were found. A silence is none: nothing came, and that is so. */
function* falseAlarms(): Generator<BenchResult | { readonly skipped: string }> {
  const sets = [...(haveHeartRate ? [heartRate()] : []), factoryLine(2026, 3), wristbands(2026, 4)];
  if (!haveHeartRate) yield { skipped: 'falseAlarms of the recorded heart rate: it is not here' };
  let [alarms, weeks] = [0, 0];
  for (const set of sets) {
    const { falseAlarms: byRule, sensorWeeks, found } = watch(set, watchedBy);
    const here = [...byRule].reduce((sum, [rule, count]) => sum + (rule.startsWith('lost_') ? 0 : count), 0);
    yield result(`falseAlarms ${set.name}`, 'perSensorWeek', here / sensorWeeks);
    for (const [fault, tries] of found) {
      const share = tries.filter((rules) => rules.length > 0).length / tries.length;
      yield result(`faults ${set.name}`, fault, share);
    }
    alarms += here;
    weeks += sensorWeeks;
  }
  yield result('falseAlarms', 'perSensorWeek', alarms / weeks);
}

/** `auto` is what users get: it has the plain names. */
function caseOf(name: string, { key }: DetectorKind): string {
  return key === 'auto' ? name : `${name} ${key}`;
}

function scoresOf(kind: DetectorKind, { times, values }: LabelledSeries): Float64Array {
  const detector = kind.make();
  return values.map((value, row) => detector.update(times[row] ?? 0, value));
}

async function* cost(kind: DetectorKind): AsyncGenerator<BenchResult> {
  const speeds: number[] = [];
  let bytes = NaN;
  for (let run = 0; run < runs; run++) {
    const before = await memory();
    const detectors = Array.from({ length: seriesCount }, () => kind.make());
    const begin = performance.now();
    for (let reading = 0; reading < readingsEach; reading++) {
      for (const [index, detector] of detectors.entries()) {
        const wave = 20 + 5 * Math.sin((reading + index) / 300);
        detector.update(reading * 1000, wave + ((reading * 7919 + index * 104_729) % 997) / 997);
      }
    }
    speeds.push((1000 * seriesCount * readingsEach) / (performance.now() - begin));
    // Later runs begin with the garbage of the one before.
    if (run === 0) bytes = ((await memory()) - before) / detectors.length;
    // Still needed: else they would be gone before they are counted.
    if (detectors.some((detector) => detector.explain() === '')) throw new Error('a detector has nothing to say');
  }
  yield result(kind.key, 'readingsPerSecond', median(speeds));
  yield result(kind.key, 'bytesPerSeries', bytes);
}

/** Heap and buffers, after the garbage is gone. */
async function memory(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  for (let i = 0; i < 3; i++) {
    if (typeof gc === 'function') gc();
    // Buffers are given back by other threads.
    await setTimeout(50);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function result(name: string, metric: string, value: number): BenchResult {
  return { bench: 'detection', case: name, metric, value };
}
