// The windows of a gateway file: what they are called, what they become in the plan, and what can be wrong with them.

import { statistics, stepMs, type WindowShape, type WindowSpec } from '../model/pane.ts';
import { zoneProblem } from '../stream/alignment.ts';
import { sliceMs } from '../stream/hopping.ts';
import { formatDuration } from '../model/duration.ts';
import type { GatewayFile } from './gateway-file.ts';
import type { Signal, Window } from './schema.ts';
import type { YamlFile } from './yaml-file.ts';

/** Closed windows (or slices of them) kept for late readings, per series and window. */
const maxWindowsWithinLateness = 10_000;

/** Lateness of a window that says nothing. */
const defaultLatenessMs = 3_600_000;

/** What a reading takes that an order-dependent statistic has to keep, packed, in bytes; measured by `npm run bench`. */
const bytesPerKeptReading = 5;

/** How late a reading of a signal may come: one number, because a late reading corrects all of its windows or none. */
export function latenessOf(id: string, signal: Signal, windows: Iterable<Window>): number {
  const own = [...windows].filter((window) => covers(window, id)).map((window) => window.lateness ?? defaultLatenessMs);
  return signal.lateness ?? (own.length === 0 ? defaultLatenessMs : Math.max(...own));
}

export function covers(window: Window, signal: string): boolean {
  return window.of === 'all' || window.of.includes(signal);
}

export function windowSpec(window: Window): WindowSpec {
  const shape = shapeOf(window);
  return {
    id: windowId(shape),
    shape,
    compute: statistics.filter((statistic) => window.compute.includes(statistic)),
    earlyEveryMs: window.early ?? 0,
    lateEveryMs: window.lateEvery ?? 0,
  };
}

function shapeOf({ every, slide, zone, session, count }: Window): WindowShape {
  if (session !== undefined) return { kind: 'session', gapMs: session };
  if (count !== undefined) return { kind: 'count', size: count };
  const sizeMs = every ?? NaN;
  if (slide !== undefined && slide !== sizeMs) return { kind: 'hopping', sizeMs, slideMs: slide };
  return { kind: 'tumbling', sizeMs, zone };
}

function windowId(shape: WindowShape): string {
  switch (shape.kind) {
    case 'tumbling':
      return formatDuration(shape.sizeMs) + (shape.zone === undefined ? '' : `@${shape.zone}`);
    case 'hopping':
      return `${formatDuration(shape.sizeMs)}/${formatDuration(shape.slideMs)}`;
    case 'session':
      return `session-${formatDuration(shape.gapMs)}`;
    case 'count':
      return `count-${shape.size}`;
  }
}

export function checkWindow(index: number, window: Window, file: GatewayFile, yaml: YamlFile): void {
  const at = ['windows', index];
  checkShape(window, at, yaml);
  checkLateness(window, at, file, yaml);
  checkCompute(window, at, file, yaml);
}

function checkShape({ every, slide, zone, early }: Window, at: (string | number)[], yaml: YamlFile): void {
  for (const [key, value] of Object.entries({ slide, zone })) {
    if (value !== undefined && every === undefined) yaml.add(`${key} goes with every`, [...at, key]);
  }
  if (every === undefined) return;
  if (slide !== undefined) {
    if (slide > every) {
      yaml.add(`between windows of ${formatDuration(every)} that end every ${formatDuration(slide)} readings would fall out; make slide shorter than every`, [...at, 'slide']); // prettier-ignore
    } else if (every / sliceMs(every, slide) > maxWindowsWithinLateness) {
      yaml.add(`windows of ${formatDuration(every)} every ${formatDuration(slide)} are made of ${every / sliceMs(every, slide)} pieces; take a longer slide, or one that divides every`, [...at, 'slide']); // prettier-ignore
    }
    if (zone !== undefined) yaml.add('slide and zone exclude each other; hopping windows follow UTC', [...at, 'zone']);
    if (early !== undefined) {
      yaml.add('hopping windows have no early panes; a smaller slide is what shows them sooner', [...at, 'early']);
    }
  }
  const problem = zone === undefined ? undefined : zoneProblem(every, zone);
  if (problem !== undefined) yaml.add(problem, [...at, 'zone']);
}

function checkLateness(window: Window, at: (string | number)[], file: GatewayFile, yaml: YamlFile): void {
  const covered = [...file.signals].filter(([id]) => covers(window, id));
  const latenesses = covered.map(([id, signal]) => latenessOf(id, signal, file.windows.values()));
  const lateness = latenesses.length === 0 ? (window.lateness ?? defaultLatenessMs) : Math.max(...latenesses);
  const step = stepMs(shapeOf(window));
  const where = [...at, window.lateness === lateness ? 'lateness' : 'every'];
  if (step > 0 && lateness / step > maxWindowsWithinLateness) {
    const kept = Math.round(lateness / step);
    const most = formatDuration(step * maxWindowsWithinLateness);
    yaml.add(
      `a lateness of ${formatDuration(lateness)} keeps ${kept} windows of ${formatDuration(step)} for each series; ` +
        `lower the lateness to ${most} or make the window longer`,
      where,
    );
  }
  if (!window.compute.some((statistic) => needsReadings.includes(statistic))) return;
  for (const [id, signal] of covered) {
    if (signal.expect === undefined) continue;
    const bytes = (latenessOf(id, signal, file.windows.values()) / signal.expect) * bytesPerKeptReading;
    if (bytes <= file.settings.lateMemory) continue;
    yaml.add(
      `keeping the readings of ${formatDuration(lateness)} for ${needsReadings.filter((s) => window.compute.includes(s)).join(', ')} ` +
        `takes about ${Math.round(bytes / 1e6)} MB for each series of ${id}, more than settings.lateMemory; lower the lateness`,
      where,
    );
  }
}

const needsReadings = statistics.filter((statistic) =>
  ['time_mean', 'integral', 'duty', 'increase', 'rate', 'changes'].includes(statistic),
);

function checkCompute(window: Window, at: (string | number)[], file: GatewayFile, yaml: YamlFile): void {
  const place = window.compute.indexOf('completeness');
  const covered = [...file.signals].filter(([id]) => covers(window, id));
  if (place === -1 || covered.length === 0) return;
  const without = covered.filter(([, signal]) => signal.expect === undefined).map(([id]) => id);
  const all = without.length === covered.length;
  if (without.length === 0 || (window.of === 'all' && !all)) return;
  yaml.add(`completeness is measured by how often a reading is expected; say expect: of ${without.join(', ')}`, [
    ...at,
    'compute',
    place,
  ]);
}
