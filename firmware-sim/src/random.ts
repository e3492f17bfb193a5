// Seeded randomness: the same seed and stream name give the same numbers on every machine.
//
// Every part of the simulation draws from a stream of its own, so that adding a board or a fault to a scenario does not
// change what the others do. The generator is xoshiro128** 1.1 (D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom
// Number Generators", 2018; reference code in the public domain), its state filled by a 32-bit splitmix from an FNV-1a
// hash of the stream's name.

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Normal with mean 0 and standard deviation 1. */
  gaussian(): number;
  /** Exponential, for the time to the next event of a memoryless process. */
  exponential(mean: number): number;
}

export function createRandom(seed: number, stream: string): Random {
  const next = xoshiro128(fnv1a(`${seed}/${stream}`));
  const uniform = (): number => next() / 2 ** 32;
  // 1 - u lies in (0, 1], where the logarithm is finite.
  const minusLog = (): number => -Math.log(1 - uniform());
  return {
    uniform,
    gaussian: () => Math.sqrt(2 * minusLog()) * Math.cos(2 * Math.PI * uniform()),
    exponential: (mean) => mean * minusLog(),
  };
}

function xoshiro128(seed: number): () => number {
  const fill = splitmix32(seed);
  let [a, b, c, d] = [fill(), fill(), fill(), fill()];
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
}

function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  };
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

function rotateLeft(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
