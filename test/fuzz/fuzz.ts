// `npm run fuzz [decoder …] [-- --inputs 1000000] [--seed 1]`: inputs nobody meant to send, into every decoder of the agent.

import { parseArgs } from 'node:util';
import { decoders, type Decoder } from './decoders.ts';
import { Chance, wrongInput } from './inputs.ts';

export interface Fuzzed {
  readonly inputs: number;
  /** The slowest one, milliseconds. */
  readonly slowestMs: number;
}

/** @throws with the input, as hex, at which a decoder failed */
export function fuzz(decoder: Decoder, inputs: number, seed: number): Fuzzed {
  const chance = new Chance(seed);
  let slowestMs = 0;
  for (let number = 0; number < inputs; number++) {
    const input = wrongInput(decoder.good, chance);
    const bytes = input.toString('hex');
    const began = performance.now();
    try {
      decoder.decode(input);
    } catch (error) {
      throw new Error(`${decoder.name}, seed ${seed}, input ${number}: ${bytes}`, { cause: error });
    }
    slowestMs = Math.max(slowestMs, performance.now() - began);
  }
  return { inputs, slowestMs };
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
    allowPositionals: true,
  });
  const chosen = decoders.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (chosen.length === 0)
    throw new Error(`no such decoder; there are: ${decoders.map(({ name }) => name).join(', ')}`);
  for (const decoder of chosen) {
    const [before, began] = [process.memoryUsage().heapUsed, performance.now()];
    const { inputs, slowestMs } = fuzz(decoder, Number(values.inputs), Number(values.seed));
    const seconds = (performance.now() - began) / 1000;
    const grownMB = (process.memoryUsage().heapUsed - before) / 1e6;
    console.log(
      `${decoder.name.padEnd(16)} ${inputs} inputs in ${seconds.toFixed(1)} s, slowest ${slowestMs.toFixed(1)} ms, heap ${grownMB >= 0 ? '+' : ''}${grownMB.toFixed(1)} MB`,
    );
  }
}
