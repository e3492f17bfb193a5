// Inputs nobody meant to send: random ones, and good ones with a little wrong. The same seed gives the same inputs.

/** A small generator (xorshift32, Marsaglia 2003): speed counts here more than quality. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed === 0 ? 1 : seed;
  }

  /** A whole number from 0 on, below `end`. */
  below(end: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % end;
  }
}

/** Bytes at which formats turn: signs of text, bounds of integers, delimiters of frames, types of CBOR. */
const turning = [
  0, 1, 9, 10, 13, 32, 34, 36, 42, 44, 45, 46, 58, 61, 91, 92, 93, 123, 125, 127, 128, 192, 219, 220, 221, 240, 250,
  251, 255, 0x5b, 0x7b, 0x9b, 0x9f, 0xbb, 0xbf, 0xfb,
];
const longest = 600;

/** @param good inputs that are right */
export function wrongInput(good: readonly Buffer[], chance: Chance): Buffer {
  if (chance.below(8) === 0) return random(chance);
  let input: Buffer = Buffer.from(good[chance.below(good.length)] ?? Buffer.alloc(0));
  for (let change = 1 + chance.below(4); change > 0; change--) input = changed(input, good, chance);
  return input.subarray(0, longest);
}

function random(chance: Chance): Buffer {
  return Buffer.from(Array.from({ length: chance.below(80) }, () => chance.below(256)));
}

function changed(input: Buffer, good: readonly Buffer[], chance: Chance): Buffer {
  const at = chance.below(input.length + 1);
  const to = Math.min(input.length, at + 1 + chance.below(8));
  switch (chance.below(7)) {
    case 0: // one bit
      if (at < input.length) input[at] = (input[at] ?? 0) ^ (1 << chance.below(8));
      return input;
    case 1: // a turning byte
      if (at < input.length) input[at] = turning[chance.below(turning.length)] ?? 0;
      return input;
    case 2: // cut short
      return input.subarray(0, at);
    case 3: // bytes lost
      return Buffer.concat([input.subarray(0, at), input.subarray(to)]);
    case 4: // bytes said twice
      return Buffer.concat([input.subarray(0, to), input.subarray(at)]);
    case 5: // bytes put in
      return Buffer.concat([input.subarray(0, at), random(chance).subarray(0, 8), input.subarray(at)]);
    default: {
      // the end of another
      const other = good[chance.below(good.length)] ?? input;
      return Buffer.concat([input.subarray(0, at), other.subarray(chance.below(other.length + 1))]);
    }
  }
}
