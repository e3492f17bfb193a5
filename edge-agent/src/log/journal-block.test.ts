import fc from 'fast-check';
import { ByteWriter } from '@weir/shared/model/bytes.ts';
import { lossReasons, type LossReason } from '@weir/shared/model/reading.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { describe, expect, it } from 'vitest';
import { BlockBuilder, decodeBlock, type Block, type BlockReading } from './journal-block.ts';

const time = fc.oneof(
  fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
  fc.integer({ min: -1_000_000, max: 1_000_000 }),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(0, -0, 0.5, -1.25, 1_700_000_000_000.125, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 1e300),
);

const reading = fc.record<BlockReading>({
  device: fc.constantFrom('press', 'oven', 'Ofen-ü', ''),
  signal: fc.constantFrom('temperature', 'pressure'),
  arrival: fc.oneof(
    fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
    fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
  ),
  time,
  value: fc.oneof(fc.double(), fc.constantFrom(NaN, -0, Infinity, -Infinity, Number.MIN_VALUE)),
  quality: fc.constantFrom('good', 'uncertain', 'bad'),
});

const block = fc.record({
  tick: fc.double(),
  readings: fc.array(reading),
  refusals: fc.array(fc.tuple(fc.constantFrom(...lossReasons), fc.integer({ min: 1, max: 1e6 }))),
  evicted: fc.record({ readings: fc.nat(), through: fc.nat() }),
  acted: fc.array(fc.string()),
  line: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  jumpMs: fc.nat(),
});

/** Builds the block as the engine does. */
function encode(
  readings: readonly BlockReading[],
  fillIn: (builder: BlockBuilder) => void,
  tick: number,
  line?: string,
): Uint8Array {
  const series = new SeriesTable(100);
  const builder = new BlockBuilder(series);
  for (const { device, signal, arrival, ...rest } of readings) {
    const known = series.intern(device, signal);
    if (known === undefined) throw new Error('the table is full');
    builder.add({ series: known.id, ...rest }, arrival);
  }
  fillIn(builder);
  expect(builder.readings).toBe(readings.length);
  return builder.finish(tick, line);
}

function summed(refusals: readonly (readonly [LossReason, number])[]): Map<LossReason, number> {
  const sums = new Map<LossReason, number>();
  for (const [reason, count] of refusals) sums.set(reason, (sums.get(reason) ?? 0) + count);
  return sums;
}

function distinctNames(readings: readonly BlockReading[]): Block['interned'] {
  return [...new Map(readings.map(({ device, signal }) => [`${device}\n${signal}`, { device, signal }])).values()];
}

describe('a journal block', () => {
  it('reads back as everything that was put in, whatever the times and values', () => {
    fc.assert(
      fc.property(block, ({ tick, readings, refusals, evicted, acted, line, jumpMs }) => {
        const bytes = encode(
          readings,
          (builder) => {
            for (const [reason, count] of refusals) builder.refuse(reason, count);
            builder.evict(evicted);
            for (const key of acted) builder.acted(key);
            builder.jump(jumpMs);
          },
          tick,
          line,
        );
        const expected: Block = {
          tick,
          interned: distinctNames(readings),
          readings,
          refusals: summed(refusals),
          evicted,
          acted,
          line,
          jumpMs,
        };
        expect(decodeBlock(bytes)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('carries every reason a reading can be lost for', () => {
    const bytes = encode([], (builder) => lossReasons.forEach((reason, index) => builder.refuse(reason, index + 1)), 0);
    expect([...decodeBlock(bytes).refusals]).toEqual(lossReasons.map((reason, index) => [reason, index + 1]));
  });

  it('rounds arrival times to whole milliseconds, without drifting', () => {
    const one = { device: 'd', signal: 's', value: 1, quality: 'good' } as const;
    const arrivals = [1000.4, 1000.4, 1000.4, 999.6];
    const bytes = encode(
      arrivals.map((arrival) => ({ ...one, arrival, time: 0 })),
      () => undefined,
      0,
    );
    expect(decodeBlock(bytes).readings.map(({ arrival }) => arrival)).toEqual([1000, 1000, 1000, 1000]);
  });

  it('takes a dozen bytes a reading when the times follow each other', () => {
    const readings = Array.from({ length: 1000 }, (_, index) => ({
      device: 'press',
      signal: 'temperature',
      arrival: 1_700_000_000_000 + index * 10,
      time: 1_700_000_000_000 + index * 10,
      value: index / 7,
      quality: 'good' as const,
    }));
    expect(encode(readings, () => undefined, 0).length).toBeLessThan(12.1 * 1000);
  });

  it('is empty until something was put in', () => {
    const fillings: ((builder: BlockBuilder) => void)[] = [
      (builder) => builder.refuse('malformed', 1),
      (builder) => builder.evict({ readings: 0, through: 1 }),
      (builder) => builder.acted('horn|key'),
      (builder) => builder.jump(1),
    ];
    for (const fillIn of fillings) {
      const builder = new BlockBuilder(new SeriesTable(1));
      expect(builder.isEmpty).toBe(true);
      fillIn(builder);
      expect(builder.isEmpty).toBe(false);
    }
  });

  it('of another version is refused', () => {
    const to = new ByteWriter();
    to.varint(1);
    to.float(0);
    expect(() => decodeBlock(to.take())).toThrow('journal block version 1, this agent reads 3');
  });
});
