// Panes and transitions as lines of JSON, and transitions for a person. What is as one would expect is not said: that a pane
// is on time, that it is there.

import type { Transition } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';

export function paneLine({ series, window, start, end, timing, revision, retracted, count, values }: Pane): string {
  const statistics = window.compute.map((statistic, index) => [statistic, values[index]] as const);
  return JSON.stringify({
    pane: `${series.device}/${series.signal}`,
    window: window.id,
    start: isoTime(start),
    end: isoTime(end),
    ...(timing === 'on_time' ? {} : { timing }),
    revision,
    ...(retracted ? { retracted } : { count, ...Object.fromEntries(statistics) }),
  });
}

export function transitionLine(t: Transition): string {
  const { rule, series, state, severity, value, reason, quiet } = t;
  return JSON.stringify({
    alert: rule,
    state,
    severity,
    series: `${series.device}/${series.signal}`,
    time: isoTime(t.time),
    since: isoTime(t.since),
    value,
    ...(reason === '' ? {} : { reason }),
    ...(quiet === '' ? {} : { quiet }),
  });
}

export function describeTransition(t: Transition): string {
  const value = Number.isNaN(t.value) ? '' : ` = ${t.value}`;
  const reason = t.reason === '' ? '' : `: ${t.reason}`;
  const quiet = t.quiet === '' ? '' : ` (nobody told: ${t.quiet})`;
  return `${isoTime(t.time)} ${t.rule} ${t.state} (${t.severity}) ${t.series.device}/${t.series.signal}${value}${reason}${quiet}`;
}

/** What is to be said of rules whose detectors only learnt. @returns undefined when there are none */
export function learningLine(rules: readonly string[]): string | undefined {
  if (rules.length === 0) return undefined;
  return `still learning, so nothing was strange to it: ${rules.join(', ')} (learn: says for how long, by default 1d)`;
}

/** How long something took, in its two largest units: `5m 12s`. @param ms Infinity where it goes on */
export function lasting(ms: number): string {
  if (!Number.isFinite(ms)) return 'goes on';
  const parts = [
    ['d', 86_400_000, Infinity],
    ['h', 3_600_000, 24],
    ['m', 60_000, 60],
    ['s', 1000, 60],
    ['ms', 1, 1000],
  ] as const;
  const words = parts.flatMap(([unit, size, base]) => {
    const count = Math.floor(Math.max(0, Math.round(ms)) / size) % base;
    return count === 0 ? [] : [`${count}${unit}`];
  });
  return words.slice(0, 2).join(' ') || '0s';
}

/** The last instant a date can hold is said for what lies behind it: a window may begin before and end after it. */
export function isoTime(ms: number): string {
  return new Date(Math.max(-maxDateMs, Math.min(maxDateMs, ms))).toISOString();
}

const maxDateMs = 8.64e15;
