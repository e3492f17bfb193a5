// What devices say: a board prints frames (lines, mostly), a wristband publishes messages.
//
// How a board says it stands in formats/; a band says {"t":1760000000000,"v":72}, one message a signal, the signal in the topic.
// A garbled frame breaks off inside the time and ends in noise, so that nothing of it can be taken for a reading.

import type { BadReason, SampledValue, Snapshot } from './device.ts';
import { frame } from './formats/framing.ts';
import { encodePayloads, type Voice } from './formats/voice.ts';

/** What a correct agent must make of a frame or message. */
export interface Said {
  /** One value of one signal each; a garbled frame is one. */
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

const malformed: Said = { readings: 1, bad: ['malformed'] };

export function boardFrames({ timeMs, values, garbledAfter }: Snapshot, voice: Voice): Frame[] {
  return encodePayloads(voice, timeMs, values).map((payload, index) =>
    garbledAfter !== undefined && index === 0
      ? { bytes: frame(voice, garbled(payload.bytes, garbledAfter, voice)), ...malformed }
      : { bytes: frame(voice, payload.bytes), ...said(payload.values) },
  );
}

export function bandMessages({ timeMs, values, garbledAfter }: Snapshot): BandMessage[] {
  return values.map((value, index) => {
    const text = bandPayload(timeMs, value.value);
    return garbledAfter !== undefined && index === 0
      ? { signal: value.signal, text: `${text.slice(0, garbledAfter)}#~?`, ...malformed }
      : { signal: value.signal, text, ...said([value]) };
  });
}

export function bandPayload(timeMs: number, value: number): string {
  return JSON.stringify({ t: timeMs, v: value });
}

function garbled(payload: Buffer, after: number, { format }: Voice): Buffer {
  // A break code, which stands nowhere in a map of known length.
  if (format === 'cbor') return Buffer.concat([payload.subarray(0, after), Buffer.from([0xff])]);
  const text = `${payload.toString().slice(0, after)}#~?`;
  return Buffer.from(format === 'kv' ? text.replaceAll('=', '') : text);
}

function said(values: readonly SampledValue[]): Said {
  return { readings: values.length, bad: values.flatMap(({ bad }) => bad ?? []) };
}
