// The plainest computation of windows over all readings at once: what the stream is held against.

import type { Statistic, WindowShape } from '../model/pane.ts';

export interface Row {
  readonly time: number;
  readonly value: number;
}

export interface BatchWindow {
  readonly start: number;
  readonly end: number;
  readonly rows: readonly Row[];
}

/** Windows with their readings in order; UTC only. */
export function batchWindows(rows: readonly Row[], shape: WindowShape): BatchWindow[] {
  const sorted = rows.toSorted((a, b) => a.time - b.time || a.value - b.value);
  switch (shape.kind) {
    case 'tumbling':
      return gridWindows(sorted, shape.sizeMs, shape.sizeMs);
    case 'hopping':
      return gridWindows(sorted, shape.sizeMs, shape.slideMs);
    case 'session': {
      const sessions: Row[][] = [];
      for (const row of sorted) {
        const last = sessions.at(-1);
        if (last === undefined || row.time - (last.at(-1)?.time ?? NaN) >= shape.gapMs) sessions.push([row]);
        else last.push(row);
      }
      return sessions.map((group) => windowOf(group, shape.gapMs));
    }
    case 'count': {
      // Readings of one event time stay together.
      const windows: Row[][] = [];
      for (const row of sorted) {
        const last = windows.at(-1);
        if (last === undefined || (last.length >= shape.size && last.at(-1)?.time !== row.time)) windows.push([row]);
        else last.push(row);
      }
      return windows.map((group) => windowOf(group, 0));
    }
  }
}

function windowOf(rows: Row[], tailMs: number): BatchWindow {
  return { start: rows[0]?.time ?? NaN, end: (rows.at(-1)?.time ?? NaN) + tailMs, rows };
}

function gridWindows(sorted: readonly Row[], sizeMs: number, slideMs: number): BatchWindow[] {
  const starts = new Set<number>();
  for (const { time } of sorted) {
    const last = Math.floor(time / slideMs) * slideMs;
    for (let start = last; start > time - sizeMs; start -= slideMs) starts.add(start);
  }
  return [...starts].map((start) => {
    const rows = sorted.filter(({ time }) => time >= start && time < start + sizeMs);
    return { start, end: start + sizeMs, rows };
  });
}

/** @param isOn for `duty` @param expectMs for `completeness` */
export function batchStatistic(
  statistic: Statistic,
  { end, rows }: BatchWindow,
  { shape, isOn, expectMs }: { shape: WindowShape; isOn: (value: number) => boolean; expectMs: number },
): number {
  const values = rows.map(({ value }) => value);
  const count = values.length;
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const mean = sum(values) / count;
  const variance = count < 2 ? NaN : sum(values.map((value) => (value - mean) ** 2)) / (count - 1);
  const atRank = (q: number): number => values.toSorted((a, b) => a - b)[Math.floor(q * (count - 1))] ?? NaN;
  const [first, last] = [rows[0] ?? { time: NaN, value: NaN }, rows.at(-1) ?? { time: NaN, value: NaN }];
  const until = shape.kind === 'tumbling' || shape.kind === 'hopping' ? end : last.time;
  const held = rows.map(({ time, value }, index) => ({ value, ms: (rows[index + 1]?.time ?? until) - time }));
  const integral = sum(held.map(({ value, ms }) => value * ms));
  const steps = rows.slice(1).map(({ value }, index) => ({ value, before: rows[index]?.value ?? NaN }));
  const increase = sum(steps.map(({ value, before }) => (value < before ? value : value - before)));
  const spanMs = last.time - first.time;
  switch (statistic) {
    case 'sum':
      return sum(values);
    case 'mean':
      return mean;
    case 'stddev':
      return Math.sqrt(variance);
    case 'variance':
      return variance;
    case 'rms':
      return Math.sqrt(sum(values.map((value) => value * value)) / count);
    case 'min':
      return atRank(0);
    case 'max':
      return atRank(1);
    case 'range':
      return atRank(1) - atRank(0);
    case 'first':
      return first.value;
    case 'last':
      return last.value;
    case 'time_mean':
      return until === first.time ? last.value : integral / (until - first.time);
    case 'integral':
      return integral / 1000;
    case 'duty':
      return until === first.time
        ? Number(isOn(last.value))
        : sum(held.filter(({ value }) => isOn(value)).map(({ ms }) => ms)) / (until - first.time);
    case 'increase':
      return increase;
    case 'rate':
      return spanMs === 0 ? NaN : (increase / spanMs) * 1000;
    case 'changes':
      return steps.filter(({ value, before }) => value !== before).length;
    case 'duration':
      return spanMs / 1000;
    case 'completeness':
      return count / ('sizeMs' in shape ? shape.sizeMs / expectMs : spanMs / expectMs + 1);
    case 'uncertain':
      return 0;
    case 'p5':
    case 'p25':
    case 'p50':
    case 'p75':
    case 'p90':
    case 'p95':
    case 'p99':
      return atRank(Number(statistic.slice(1)) / 100);
  }
}
