// Closed windows (or slices of them) within the allowed lateness, as bytes: a few dozen each, found by their start. A late
// reading takes one out, and it comes back when its pane has gone out again.
//
// The bytes are held as text of one byte a character: of all that JavaScript has, a short string is the smallest container
// (16 bytes around its content, against 200 for a typed array), and there is one of these for every window kept.

import { ByteWriter, type ByteReader } from '../model/bytes.ts';

/** What a string costs besides its characters, and the two places it has here. */
const overhead = 32;

export class Sealed {
  /** Sorted. */
  #starts: number[] = [];
  /** Parallel to it. */
  #texts: string[] = [];
  #length = 0;

  get size(): number {
    return this.#starts.length;
  }

  /** Memory held. */
  get bytes(): number {
    return this.#length + this.#starts.length * overhead;
  }

  /** NaN when there is none. */
  get oldest(): number {
    return this.#starts[0] ?? NaN;
  }

  put(start: number, bytes: Uint8Array): void {
    const text = toText(bytes);
    const at = this.#placeOf(start);
    // Arrays that grow by themselves have room for 17; most series keep fewer.
    if (this.size < 8) {
      this.#starts = this.#starts.toSpliced(at, 0, start);
      this.#texts = this.#texts.toSpliced(at, 0, text);
    } else {
      this.#starts.splice(at, 0, start);
      this.#texts.splice(at, 0, text);
    }
    this.#length += text.length;
  }

  /** Takes it out. */
  take(start: number): Uint8Array | undefined {
    const bytes = this.peek(start);
    if (bytes !== undefined) this.#remove(this.#placeOf(start), 1);
    return bytes;
  }

  /** What stands there, without taking it out. */
  peek(start: number): Uint8Array | undefined {
    const at = this.#placeOf(start);
    return this.#starts[at] === start ? toBytes(this.#texts[at] ?? '') : undefined;
  }

  /** Starts from `from` up to and without `to`, sorted. */
  startsBetween(from: number, to: number): number[] {
    return this.#starts.slice(this.#placeOf(from), this.#placeOf(to));
  }

  /** Forgets all that start before `time`. */
  forgetBefore(time: number): void {
    if (this.oldest < time) this.#remove(0, this.#placeOf(time));
  }

  /** Forgets the oldest eighth, at least one. @returns the start of the newest one forgotten; NaN when there is none */
  forgetOldest(): number {
    const count = Math.ceil(this.size / 8);
    const newest = this.#starts[count - 1] ?? NaN;
    this.#remove(0, count);
    return newest;
  }

  /** Rewrites every one of them. */
  rewrite(change: (bytes: Uint8Array) => Uint8Array): void {
    this.#texts = this.#texts.map((text) => toText(change(toBytes(text))));
    this.#length = this.#texts.reduce((sum, text) => sum + text.length, 0);
  }

  write(to: ByteWriter): void {
    to.varint(this.size);
    for (const [at, start] of this.#starts.entries()) {
      to.float(start);
      to.blob(toBytes(this.#texts[at] ?? ''));
    }
  }

  read(from: ByteReader): void {
    for (let left = from.varint(); left > 0; left--) this.put(from.float(), from.blob());
  }

  /** Place of the first that starts at `start` or later; most come in order, at the end. */
  #placeOf(start: number): number {
    const starts = this.#starts;
    let high = starts.length;
    if (high === 0 || start > (starts[high - 1] ?? NaN)) return high;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? NaN) < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #remove(from: number, count: number): void {
    for (let at = from; at < from + count; at++) this.#length -= this.#texts[at]?.length ?? 0;
    this.#starts.splice(from, count);
    this.#texts.splice(from, count);
  }
}

/** Characters that can be made at once. */
const chunk = 4096;

function toText(bytes: Uint8Array): string {
  if (bytes.length <= chunk) return textOf(bytes);
  let text = '';
  for (let at = 0; at < bytes.length; at += chunk) text += textOf(bytes.subarray(at, at + chunk));
  return text;
}

function textOf(bytes: Uint8Array): string {
  // Seven times as fast as spreading the bytes into arguments.
  return String(Reflect.apply(String.fromCharCode, undefined, bytes));
}

function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

const scratch = new ByteWriter(1024);

/** What `write` writes, as bytes good until the next call. */
export function scratchBytes(write: (to: ByteWriter) => void): Uint8Array {
  scratch.clear();
  write(scratch);
  return scratch.view();
}
