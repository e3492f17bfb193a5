// Public series with labelled anomalies, and how detectors are scored on them. They lie beside the project for its developers
// and are not part of it.
//
// NAB (Numenta Anomaly Benchmark 1.1, Lavin and Ahmad 2015) by its own rule: the first min(15 %, 750) rows of a series are not
// scored; of the detections in a labelled window only the first counts, the more the earlier; every flagged row outside
// costs; one threshold serves all series, the best one.
//
// Merlion's synthetic series by events: an alarm is a flagged row with no alarm in the 50 rows before it; an event is found when an
// alarm falls between its start and its end, or 50 rows after its start when it is shorter (a change of trend is labelled
// with one row); alarms elsewhere are false.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LabelledSeries {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** First and last row of each labelled window. */
  readonly windows: readonly (readonly [first: number, last: number])[];
}

export interface NabProfile {
  /** Cost of a flagged row outside of the windows, and of a window that is missed. */
  readonly falsePositive: number;
  readonly falseNegative: number;
}

export const nabProfiles = {
  standard: { falsePositive: 0.11, falseNegative: 1 },
  lowFP: { falsePositive: 0.22, falseNegative: 1 },
  lowFN: { falsePositive: 0.11, falseNegative: 2 },
} as const satisfies Record<string, NabProfile>;

const shared = join(import.meta.dirname, '../../../shared/data');
const nabFolder = join(shared, 'nab');
const merlionFolder = join(shared, 'merlion');
const holdOffRows = 50;

export const haveNab = existsSync(join(nabFolder, 'windows.json'));
export const haveMerlion = existsSync(merlionFolder);

export function nabSeries(): LabelledSeries[] {
  const windows: unknown = JSON.parse(readFileSync(join(nabFolder, 'windows.json'), 'utf8'));
  if (typeof windows !== 'object' || windows === null) throw new Error('windows.json is no map');
  return Object.entries(windows).map(([name, spans]: [string, unknown]) => {
    const { rows } = table(join(nabFolder, 'data', name));
    const rowAt = new Map(rows.map(([time = ''], row) => [time, row]));
    const place = (text: unknown): number => rowAt.get(String(text).slice(0, 19)) ?? NaN;
    const bounds = Array.isArray(spans) ? spans : [];
    return {
      name,
      times: Float64Array.from(rows, ([time = '']) => Date.parse(`${time.replace(' ', 'T')}Z`)),
      values: Float64Array.from(rows, ([, value]) => Number(value)),
      windows: bounds.map((span: unknown) => {
        const [from, to] = Array.isArray(span) ? span : [];
        return [place(from), place(to)] as const;
      }),
    };
  });
}

export function merlionSeries(): LabelledSeries[] {
  const files = readdirSync(merlionFolder).filter((file) => file.endsWith('.csv'));
  return files.map((name) => {
    const { head, rows } = table(join(merlionFolder, name));
    const label = head.indexOf('anomaly');
    const isAnomaly = rows.map((row) => Number(row[label]) === 1);
    const starts = isAnomaly.flatMap((is, row) => (is && isAnomaly[row - 1] !== true ? [row] : []));
    return {
      name,
      times: Float64Array.from(rows, ([time]) => Number(time) * 1000),
      values: Float64Array.from(rows, ([, value]) => Number(value)),
      windows: starts.map((start) => {
        const end = isAnomaly.indexOf(false, start);
        return [start, (end === -1 ? isAnomaly.length : end) - 1] as const;
      }),
    };
  });
}

function table(path: string): { head: string[]; rows: string[][] } {
  const [head = [], ...rows] = readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map((line) => line.split(','));
  return { head, rows };
}

interface ScoredRow {
  readonly score: number;
  /** What flagging it earns in a window, or costs outside. */
  readonly weight: number;
  /** -1 outside. */
  readonly window: number;
}

/** @param scores one a row of each series @param threshold the best one when left out @returns 100 for perfect, 0 for silent */
export function nabScore(
  series: readonly LabelledSeries[],
  scores: readonly Float64Array[],
  { falsePositive, falseNegative }: NabProfile,
  threshold?: number,
): number {
  const { rows, windows } = scoredRows(series, scores);
  rows.sort((a, b) => b.score - a.score);
  const best = new Float64Array(windows).fill(-falseNegative);
  let total = -falseNegative * windows;
  let highest = total;
  for (const [index, { score, weight, window }] of rows.entries()) {
    if (threshold !== undefined && score < threshold) break;
    const had = best[window];
    if (had === undefined) total += weight * falsePositive;
    else if (weight > had) {
      total += weight - had;
      best[window] = weight;
    }
    // Rows of the same score are flagged together.
    if (rows[index + 1]?.score !== score) highest = Math.max(highest, total);
  }
  const reached = threshold === undefined ? highest : total;
  return (100 * (reached + falseNegative * windows)) / (windows + falseNegative * windows);
}

function scoredRows(all: readonly LabelledSeries[], scores: readonly Float64Array[]) {
  const rows: ScoredRow[] = [];
  let windows = 0;
  for (const [index, { values, windows: bounds }] of all.entries()) {
    for (let row = Math.min(Math.floor(0.15 * values.length), 750); row < values.length; row++) {
      const score = scores[index]?.[row] ?? NaN;
      const inside = bounds.findIndex(([first, last]) => row >= first && row <= last);
      const [first = 0, last = 0] = bounds[inside] ?? bounds.findLast((bound) => bound[1] < row) ?? [];
      if (inside !== -1) {
        const weight = sigmoid(-(last - row + 1) / (last - first + 1)) / sigmoid(-1);
        rows.push({ score, weight, window: windows + inside });
      } else rows.push({ score, weight: last > 0 ? sigmoid((row - last) / (last - first)) : -1, window: -1 });
    }
    windows += bounds.length;
  }
  return { rows, windows };
}

function sigmoid(x: number): number {
  return x > 3 ? -1 : 2 / (1 + Math.exp(5 * x)) - 1;
}

/** Harmonic mean of the share of events found and the share of alarms that are right. */
export function eventF1(series: readonly LabelledSeries[], scores: readonly Float64Array[], threshold: number): number {
  let found = 0;
  let missed = 0;
  let wrong = 0;
  for (const [index, { windows }] of series.entries()) {
    const events = windows.map(([first, last]) => [first, Math.max(last, first + holdOffRows - 1)] as const);
    const hit = new Set<number>();
    let alarm = -Infinity;
    for (const [row, score] of (scores[index] ?? []).entries()) {
      if (score < threshold || row - alarm < holdOffRows) continue;
      alarm = row;
      const here = events.flatMap(([first, last], event) => (row >= first && row <= last ? [event] : []));
      if (here.length === 0) wrong += 1;
      for (const event of here) hit.add(event);
    }
    found += hit.size;
    missed += events.length - hit.size;
  }
  return found === 0 ? 0 : (2 * found) / (2 * found + missed + wrong);
}
