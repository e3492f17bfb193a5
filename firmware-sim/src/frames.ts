// What devices say: a board prints frames (lines, mostly; speaker.ts), a wristband publishes messages:
//
//   {"t":1760000000000,"v":72}     one message a signal; the signal stands in the topic
//
// A garbled frame breaks off inside the time and ends in noise, so that nothing of it can be taken for a reading.

import type { BadReason, Snapshot } from './device.ts';

/** What a correct agent must make of a frame or message. */
export interface Said {
  /** One value of one signal each; a frame that cannot be read is one. */
  readonly readings: number;
  readonly bad: readonly BadReason[];
}

export interface Frame extends Said {
  /** With its ending. */
  readonly bytes: Buffer;
}

export interface BandMessage extends Said {
  readonly signal: string;
  readonly text: string;
}

export const malformed: Said = { readings: 1, bad: ['malformed'] };

export function bandMessages(snapshot: Snapshot): BandMessage[] {
  const { timeMs, values, garbledAfter } = snapshot;
  return values.map((value, index) => {
    const text = bandPayload(timeMs, value.value);
    return garbledAfter !== undefined && index === 0
      ? { signal: value.signal, text: `${text.slice(0, garbledAfter)}#~?`, ...malformed }
      : { signal: value.signal, text, ...saidBy({ ...snapshot, values: [value] }) };
  });
}

export function bandPayload(timeMs: number, value: number): string {
  return JSON.stringify({ t: timeMs, v: value });
}

export function saidBy({ values, badTime, isRepeat }: Omit<Snapshot, 'timeMs'>): Said {
  const repeated = isRepeat === true ? 'repeated' : undefined;
  return { readings: values.length, bad: values.flatMap(({ bad }) => badTime ?? bad ?? repeated ?? []) };
}
