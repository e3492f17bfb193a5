// What a format is: it makes readings of one frame, such as a line, a message or what stands between two delimiters.
//
// A format is prepared once, with what the gateway file says and which channels signals take, and then decodes frame after
// frame. It never throws: what cannot be read becomes a dead letter of the batch.

import type { ReadingBatch } from './batch.ts';
import type { TimeUnit } from './time-field.ts';

/** @param frame without delimiters or checksums of the framing @param device whose it is, unless the frame may name it itself */
export type Decode = (frame: Buffer, device: string, batch: ReadingBatch) => void;

export interface FormatOptions {
  /** Channels that signals take. */
  readonly channels: readonly string[];
  /** Field with the event time; without it the arrival time is taken. */
  readonly time?: string | undefined;
  readonly timeUnit?: TimeUnit | undefined;
  /** CSV: names of the columns; `-` passes one over. */
  readonly columns?: readonly string[] | undefined;
  /** CSV: between the columns. */
  readonly separator?: string | undefined;
  /** Whether a frame may say of which device it is. */
  readonly ownDevice?: boolean | undefined;
}

export interface Format {
  /** How its frames can be cut from a stream of bytes; the first is the default. */
  readonly framings: readonly Framing[];
  prepare(options: FormatOptions): Decode;
}

export const framings = ['lines', 'cobs', 'slip'] as const;

export type Framing = (typeof framings)[number];

/** A format of text: what is around the frame does not count, and an empty frame is none. */
export function textDecoder(decode: (text: string, device: string, batch: ReadingBatch) => void): Decode {
  return (frame, device, batch) => {
    const text = frame.toString('utf8').trim();
    if (text !== '') decode(text, device, batch);
  };
}
