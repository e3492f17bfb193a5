// From tracks to the columns a chart draws: one shared time column, then for each device the lines it is drawn with.
//
// Windows of different devices need not start together (sessions never do). A device that has no pane at another's start
// is `undefined` there, which a line passes over; where panes of its own are missing it is `null`, which breaks the line:
// a dead sensor must not look like a calm one. Of windows that do not follow at a fixed step nobody can say that one is
// missing. Raw readings are one more line of their device, at times of their own.

import type { RawPoint } from './raw.ts';
import type { Point, Track } from './tracks.ts';
import { shownWindows } from './tracks.ts';

/** Above this many devices on one chart, bands and percentiles would hide the lines. */
export const maxDetailedDevices = 6;

/** Beside the statistics: the readings as they were made. */
export const rawLine = 'raw';

/** What a chart of one pane of no fixed step shows of the time axis. */
const leastMs = 1000;

export interface ChartData {
  readonly times: number[];
  /** For each track, for each of its statistics: as long as `times`. */
  readonly lines: readonly (readonly (number | null | undefined)[][])[];
  readonly fromMs: number;
  readonly toMs: number;
}

/** The statistic a series is read by: its mean, or the nearest thing its window computes. */
export function mainStatistic(compute: readonly string[]): string {
  return ['mean', 'p50', 'max', 'min'].find((statistic) => compute.includes(statistic)) ?? compute[0] ?? 'count';
}

/** The lines of a device: the main one, then the band's two edges, then the percentile; fewer where devices are many. */
export function drawnStatistics(compute: readonly string[], devices: number, percentile: boolean): string[] {
  const main = mainStatistic(compute);
  const drawn = [main];
  if (devices > maxDetailedDevices) return drawn;
  if (hasBand(compute)) drawn.push('max', 'min');
  if (percentile && main !== 'p95' && compute.includes('p95')) drawn.push('p95');
  return drawn;
}

export function hasBand(compute: readonly string[]): boolean {
  return mainStatistic(compute) !== 'max' && compute.includes('min') && compute.includes('max');
}

export function statisticOf(point: Point, statistic: string): number | null {
  return statistic === 'count' ? point.count : (point.values[statistic] ?? null);
}

/**
 * @param statistics for each track, the statistics it is drawn with, and `rawLine`
 * @param raw the raw readings of devices, oldest first
 */
export function alignTracks(
  tracks: readonly Track[],
  statistics: readonly (readonly string[])[],
  raw: ReadonlyMap<string, readonly RawPoint[]> = new Map(),
): ChartData {
  const newest = Math.max(...tracks.map((track) => track.points.at(-1)?.start ?? -Infinity));
  const stepMs = Math.max(...tracks.map((track) => track.window.stepMs));
  const oldest = stepMs === 0 ? -Infinity : newest - shownWindows * stepMs;
  const shown = tracks.map((track) => {
    const points = track.points.filter((point) => point.start >= oldest);
    const readings = (raw.get(track.device) ?? []).filter((reading) => reading.time >= oldest);
    return { points, readings, step: track.window.stepMs, gaps: gapStarts(points, track.window.stepMs) };
  });
  const starts = new Set<number>();
  for (const { points, readings, step, gaps } of shown) {
    for (const reading of readings) starts.add(reading.time);
    for (const point of points) starts.add(point.start);
    // The line breaks at the first pane that is missing, so that place needs a column.
    for (const start of gaps) starts.add(start + step);
  }
  const times = [...starts].sort((a, b) => a - b);
  const columnOf = new Map(times.map((time, column) => [time, column]));
  const lines = shown.map(({ points, readings, gaps }, index) =>
    (statistics[index] ?? []).map((statistic) =>
      statistic === rawLine
        ? fillRaw(readings, columnOf, times.length)
        : fillLine(points, gaps, statistic, columnOf, times.length),
    ),
  );
  const fromMs = times[0] ?? 0;
  return { times, lines, fromMs, toMs: Math.max(times.at(-1) ?? fromMs, fromMs + (stepMs || leastMs)) };
}

/** The starts of the panes after which at least one is missing. */
function gapStarts(points: readonly Point[], stepMs: number): Set<number> {
  const gaps = new Set<number>();
  if (stepMs === 0) return gaps;
  for (let index = 1; index < points.length; index += 1) {
    const before = points[index - 1]?.start ?? 0;
    if ((points[index]?.start ?? 0) - before > 1.5 * stepMs) gaps.add(before);
  }
  return gaps;
}

function fillLine(
  points: readonly Point[],
  gaps: ReadonlySet<number>,
  statistic: string,
  columnOf: ReadonlyMap<number, number>,
  length: number,
): (number | null | undefined)[] {
  const line = Array.from<number | null | undefined>({ length });
  for (const [index, point] of points.entries()) {
    const column = columnOf.get(point.start) ?? 0;
    line[column] = statisticOf(point, statistic);
    const following = points[index + 1];
    if (following !== undefined && gaps.has(point.start)) {
      line.fill(null, column + 1, columnOf.get(following.start) ?? column + 1);
    }
  }
  return line;
}

function fillRaw(
  readings: readonly RawPoint[],
  columnOf: ReadonlyMap<number, number>,
  length: number,
): (number | null | undefined)[] {
  const line = Array.from<number | null | undefined>({ length });
  for (const { time, value } of readings) line[columnOf.get(time) ?? 0] = value;
  return line;
}

/** Columns with a value and none on either side: a line cannot show them, a dot can. */
export function lonelyColumns(line: readonly (number | null | undefined)[]): number[] {
  const lonely: number[] = [];
  let run: number[] = [];
  for (let column = 0; column <= line.length; column += 1) {
    const value = column < line.length ? line[column] : null;
    if (value === undefined) continue;
    if (value !== null) {
      run.push(column);
      continue;
    }
    if (run.length === 1) lonely.push(...run);
    run = [];
  }
  return lonely;
}

/** Some air above and below; a flat line sits in the middle; what never goes below zero is not drawn below it. */
export function valueRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const air = min === max ? Math.max(Math.abs(max) * 0.05, 0.5) : (max - min) * 0.12;
  const low = min - air;
  return [min >= 0 && low < 0 ? 0 : low, max + air];
}
