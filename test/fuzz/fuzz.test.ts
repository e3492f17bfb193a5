import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { decoders } from './decoders.ts';
import { fuzz } from './fuzz.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** The whole million takes `npm run fuzz`. */
const inputs = 20_000;

describe('a decoder', () => {
  it.each(decoders.map((decoder) => [decoder.name, decoder] as const))(
    'of %s takes whatever comes: nothing thrown, no reading that is none, no memory kept',
    (_, decoder) => {
      fuzz(decoder, inputs, 1);
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      fuzz(decoder, inputs, 2);
      collectGarbage();
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(2e6);
    },
  );

  it('that fails is found, with the input', () => {
    const decode = (input: Buffer): void => {
      if (input.includes(0xfb)) throw new TypeError('cannot read');
    };
    expect(() => fuzz({ name: 'bad', good: [Buffer.from('good')], decode }, inputs, 3)).toThrow(
      /^bad, seed 3, input \d+: .*fb/,
    );
  });
});
