// Panes, transitions and folders for tests, with what matters given and the rest plausible.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Transition } from '@weir/shared/model/alert.ts';
import type { Pane, WindowSpec } from '@weir/shared/model/pane.ts';
import { encodeFrame } from '@weir/shared/wire/codec.ts';

export const tenSeconds: WindowSpec = { id: '10s', sizeMs: 10_000, compute: ['mean', 'min', 'max'] };

export const baseTime = Date.UTC(2026, 0, 1);

export function pane(fields: Partial<Pane> & { device?: string; signal?: string; index?: number } = {}): Pane {
  const { device = 'press', signal = 'temperature', index = 0, ...rest } = fields;
  return {
    series: { device, signal },
    window: tenSeconds,
    start: baseTime + index * 10_000,
    revision: 0,
    count: 10,
    fresh: 10,
    values: [20.5, 19, 22],
    ...rest,
  };
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
    ...fields,
  };
}

export function frame(panes: readonly Pane[], transitions: readonly Transition[] = []): Uint8Array {
  return encodeFrame({ panes, transitions });
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
