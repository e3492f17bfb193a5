// Quantiles by DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
// guarantees", VLDB 2019), through @datadog/sketches-js.
//
// This file adds what the library leaves out: compact bytes without protobufjs, and a merge that also merges the negative
// values (the library's own forgets them). Bins are bounded: beyond 2,048, when a window spans more than
// 17 orders of magnitude, the lowest collapse; quantiles are then off (the library, at 2.1.1, counts a collapsed bin twice).

import { LogCollapsingLowestDenseDDSketch } from '@datadog/sketches-js';
import type { ByteReader, ByteWriter } from '../model/bytes.ts';

/** Relative error of every quantile. */
export const sketchAccuracy = 0.01;

type Library = InstanceType<typeof LogCollapsingLowestDenseDDSketch>;
type Bins = Library['store'];

export class Sketch {
  #sketch: Library = new LogCollapsingLowestDenseDDSketch({ relativeAccuracy: sketchAccuracy });

  /** @param value finite; the gate in front of the windows lets nothing else through */
  add(value: number): void {
    this.#sketch.accept(value);
  }

  /** The value at rank `q * (n - 1)`, within `sketchAccuracy`; NaN when empty. @param q 0..1 */
  quantile(q: number): number {
    return this.#sketch.getValueAtQuantile(q);
  }

  merge(other: Sketch): void {
    const to = this.#sketch;
    const from = other.#sketch;
    eachBin(from.store, (key, count) => to.store.add(key, count));
    eachBin(from.negativeStore, (key, count) => to.negativeStore.add(key, count));
    to.zeroCount += from.zeroCount;
    to.count += from.count;
  }

  write(to: ByteWriter): void {
    to.varint(this.#sketch.zeroCount);
    writeBins(this.#sketch.store, to);
    writeBins(this.#sketch.negativeStore, to);
  }

  static read(from: ByteReader): Sketch {
    const sketch = new Sketch();
    const library = sketch.#sketch;
    library.zeroCount = from.varint();
    library.count = library.zeroCount + readBins(library.store, from) + readBins(library.negativeStore, from);
    return sketch;
  }
}

function eachBin(store: Bins, visit: (key: number, count: number) => void): void {
  for (let i = 0; i < store.bins.length; i++) {
    const count = store.bins[i];
    if (count !== undefined && count > 0) visit(i + store.offset, count);
  }
}

function writeBins(store: Bins, to: ByteWriter): void {
  let used = 0;
  eachBin(store, () => (used += 1));
  to.varint(used);
  let previous = 0;
  eachBin(store, (key, count) => {
    to.zigzag(key - previous);
    to.varint(count);
    previous = key;
  });
}

function readBins(store: Bins, from: ByteReader): number {
  let total = 0;
  let key = 0;
  for (let left = from.varint(); left > 0; left--) {
    key += from.zigzag();
    const count = from.varint();
    store.add(key, count);
    total += count;
  }
  return total;
}
