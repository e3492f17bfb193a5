// The names of the series in a journal block or an archive record: each device and each signal once, and of a name that begins
// like the one before only the rest.
//
//   how many, then of each series its device and its signal:
//     index * 2 + 1 of one that was named before | bytes it shares with the one named last * 2, then the rest as a blob

import type { ByteReader, ByteWriter } from '@weir/shared/model/bytes.ts';

export interface SeriesName {
  readonly device: string;
  readonly signal: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function writeNames(to: ByteWriter, names: readonly SeriesName[]): void {
  const devices = new NameWriter(to);
  const signals = new NameWriter(to);
  to.varint(names.length);
  for (const { device, signal } of names) {
    devices.write(device);
    signals.write(signal);
  }
}

/** @throws RangeError when the bytes are no such list */
export function readNames(from: ByteReader): SeriesName[] {
  const devices = new NameReader(from);
  const signals = new NameReader(from);
  const names: SeriesName[] = [];
  for (let left = from.varint(); left > 0; left--) names.push({ device: devices.read(), signal: signals.read() });
  return names;
}

class NameWriter {
  readonly #to: ByteWriter;
  readonly #known = new Map<string, number>();
  #last = new Uint8Array(0);

  constructor(to: ByteWriter) {
    this.#to = to;
  }

  write(name: string): void {
    const index = this.#known.get(name);
    if (index !== undefined) return this.#to.varint(index * 2 + 1);
    this.#known.set(name, this.#known.size);
    const bytes = encoder.encode(name);
    let shared = 0;
    while (shared < bytes.length && bytes[shared] === this.#last[shared]) shared += 1;
    this.#to.varint(shared * 2);
    this.#to.blob(bytes.subarray(shared));
    this.#last = bytes;
  }
}

class NameReader {
  readonly #from: ByteReader;
  readonly #known: string[] = [];
  #last = new Uint8Array(0);

  constructor(from: ByteReader) {
    this.#from = from;
  }

  read(): string {
    const head = this.#from.varint();
    const index = Math.floor(head / 2);
    if (head % 2 === 1) {
      const known = this.#known[index];
      if (known === undefined) throw new RangeError(`no name ${index} was written before`);
      return known;
    }
    if (index > this.#last.length) throw new RangeError('a name shares more than there is');
    const rest = this.#from.blob();
    const bytes = new Uint8Array(index + rest.length);
    bytes.set(this.#last.subarray(0, index));
    bytes.set(rest, index);
    this.#last = bytes;
    const name = decoder.decode(bytes);
    this.#known.push(name);
    return name;
  }
}
