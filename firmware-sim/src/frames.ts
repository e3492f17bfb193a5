// What devices say: a board prints lines, a wristband publishes messages.
//
//   json   {"t":1760000000000,"temp":31.42}      one line a snapshot
//   csv    1760000000000,61.2,16.1               no header; the signals in the scenario's order
//   band   {"t":1760000000000,"v":72}            one message a signal; the signal stands in the topic
//
// A garbled line breaks off inside the time and ends in noise, so that nothing of it can be taken for a reading.

import type { BadReason, SampledValue, Snapshot } from './device.ts';

export interface Frame {
  readonly text: string;
  /** One value of one signal each; a garbled frame is one. */
  readonly readings: number;
  readonly bad: readonly BadReason[];
}

export interface BandFrame extends Frame {
  readonly signal: string;
}

export type BoardFormat = 'json' | 'csv';

export function boardFrame(snapshot: Snapshot, format: BoardFormat): Frame {
  return frame(boardLine(snapshot.timeMs, snapshot.values, format), snapshot.values, snapshot.garbledAfter);
}

export function bandFrames(snapshot: Snapshot): BandFrame[] {
  return snapshot.values.map((value, index) => ({
    ...frame(bandPayload(snapshot.timeMs, value.value), [value], index === 0 ? snapshot.garbledAfter : undefined),
    signal: value.signal,
  }));
}

/** A value that is missing leaves its cell empty, or its key out. */
export function boardLine(
  timeMs: number,
  values: readonly { signal: string; value: number | undefined }[],
  format: BoardFormat,
): string {
  if (format === 'csv') return [timeMs, ...values.map(({ value }) => value ?? '')].join(',');
  return JSON.stringify(Object.fromEntries([['t', timeMs], ...values.map(({ signal, value }) => [signal, value])]));
}

export function bandPayload(timeMs: number, value: number): string {
  return JSON.stringify({ t: timeMs, v: value });
}

function frame(text: string, values: readonly SampledValue[], garbledAfter: number | undefined): Frame {
  if (garbledAfter !== undefined) return { text: `${text.slice(0, garbledAfter)}#~?`, readings: 1, bad: ['malformed'] };
  return { text, readings: values.length, bad: values.flatMap(({ bad }) => bad ?? []) };
}
