// Chance that can be repeated: every part of a run draws from a stream of its own, so that one part drawing more often than before
// does not change what happens to the others.

import { randomFrom } from '@weir/edge-agent/testing/random.ts';

export class Chance {
  readonly next: () => number;
  readonly #seed: number;
  readonly #stream: string;

  constructor(seed: number, stream = '') {
    this.#seed = seed;
    this.#stream = stream;
    this.next = randomFrom(mix(seed, stream));
    // The first numbers of neighbouring seeds are alike.
    for (let warm = 0; warm < 3; warm++) this.next();
  }

  /** A stream of its own. */
  of(stream: string): Chance {
    return new Chance(this.#seed, `${this.#stream}/${stream}`);
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** Short ones often, long ones sometimes: as many between 1 and 10 as between 10 and 100. */
  spread(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.next());
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.next() * from.length)];
    if (picked === undefined) throw new RangeError('nothing to pick from');
    return picked;
  }

  /** 16 hex digits. */
  id(): string {
    const half = (): string =>
      Math.floor(this.next() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    return half() + half();
  }
}

/** FNV-1a of the name, stirred with the seed. */
function mix(seed: number, stream: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const character of stream) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) >>> 0;
}
