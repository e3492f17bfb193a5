// Panes, transitions and folders for tests, with what matters given and the rest plausible.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unremarkable, type Transition } from '@weir/shared/model/alert.ts';
import { nominalSizeMs, stepMs, type Pane, type Statistic, type WindowShape } from '@weir/shared/model/pane.ts';
import { decodeFrame, encodeFrame, type Batch, type BatchEntry } from '@weir/shared/wire/codec.ts';

export const tenSeconds = tumbling('10s', 10_000, ['mean', 'min', 'max']);
export const oneMinute = tumbling('1m', 60_000, ['mean']);

export const baseTime = Date.UTC(2026, 0, 1);

export function tumbling(id: string, sizeMs: number, compute: readonly Statistic[]): Pane['window'] {
  return windowOf(id, { kind: 'tumbling', sizeMs, zone: undefined }, compute);
}

export function windowOf(id: string, shape: WindowShape, compute: readonly Statistic[] = ['mean']): Pane['window'] {
  return { id, shape, compute };
}

/** What is not said: the `index`th pane of its window after `baseTime`, on time, all its readings fresh and accounted for. */
export function pane(fields: Partial<Pane> & { device?: string; signal?: string; index?: number } = {}): Pane {
  const { device = 'press', signal = 'temperature', index = 0, window = tenSeconds, count = 10, ...rest } = fields;
  const { fresh = count, accounted = fresh === 0 ? 0 : count } = rest;
  const start = rest.start ?? baseTime + index * stepMs(window.shape);
  return {
    series: { device, signal },
    window,
    end: start + nominalSizeMs(window.shape),
    timing: 'on_time',
    revision: 0,
    retracted: false,
    count,
    values: [20.5, 19, 22].slice(0, window.compute.length),
    ...rest,
    start,
    accounted,
    fresh,
  };
}

/** That there is no such pane any more. */
export function retraction(of: Pane): Pane {
  const nothing = { count: 0, accounted: 0, fresh: 0, values: of.values.map(() => Number.NaN) };
  return { ...of, ...nothing, revision: of.revision + 1, retracted: true };
}

export function transition(fields: Partial<Transition> = {}): Transition {
  return {
    rule: 'too_hot',
    series: { device: 'press', signal: 'temperature' },
    state: 'firing',
    severity: 'critical',
    time: baseTime + 10_000,
    since: baseTime,
    value: 34.5,
    ...unremarkable,
    ...fields,
  };
}

export function frame(panes: readonly Pane[], transitions: readonly Transition[] = []): Uint8Array {
  return encodeFrame({ panes, transitions });
}

/** A batch as an agent makes it: what each frame reports is counted, where it can be read. */
export interface Frames extends Omit<Batch, 'entries' | 'readingsBefore'> {
  readonly entries: readonly (Uint8Array | BatchEntry)[];
  readonly readingsBefore?: number;
}

/** Unless it says how many readings came before, each entry before had as many as the first one has. */
export function batchOf({ entries, readingsBefore, ...rest }: Frames): Batch {
  const made = entries.map((one) => ('frame' in one ? one : entryOf(one)));
  const before = readingsBefore ?? (rest.firstSeq - 1) * (made[0]?.readings ?? 0);
  return { ...rest, readingsBefore: before, entries: made };
}

export function entryOf(bytes: Uint8Array, span = 1): BatchEntry {
  return { frame: bytes, span, readings: freshOf(bytes) };
}

function freshOf(bytes: Uint8Array): number {
  try {
    return decodeFrame(bytes).panes.reduce((sum, { fresh }) => sum + fresh, 0);
  } catch {
    return 0;
  }
}

export interface TempFolder extends Disposable {
  readonly path: string;
}

/** Gone at the end of the scope that has it with `using`. */
export function tempFolder(): TempFolder {
  const path = mkdtempSync(join(tmpdir(), 'weir-hub-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Asks again and again until it holds; for what gives no event to wait for. The test's time-out ends it. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
