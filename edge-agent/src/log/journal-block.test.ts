import fc from 'fast-check';
import { ByteWriter } from '@weir/shared/model/bytes.ts';
import { operationKinds, type Operation } from '@weir/shared/model/alert.ts';
import { lossReasons, type LossReason } from '@weir/shared/model/reading.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { describe, expect, it } from 'vitest';
import {
  BlockBuilder,
  decodeBlock,
  decodeBlockHead,
  decodePackedBlock,
  type Block,
  type BlockReading,
} from './journal-block.ts';

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

const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom(...operationKinds),
  rule: fc.string(),
  series: fc.option(fc.record({ device: fc.string(), signal: fc.string() }), { nil: undefined }),
  since: fc.option(fc.integer(), { nil: undefined }),
  until: fc.oneof(fc.integer(), fc.constant(NaN)),
  by: fc.string(),
  comment: fc.string(),
});

const block = fc.record({
  tick: fc.double(),
  readings: fc.array(reading),
  refusals: fc.array(fc.tuple(fc.constantFrom(...lossReasons), fc.integer({ min: 1, max: 1e6 }))),
  evicted: fc.record({ readings: fc.nat(), through: fc.nat() }),
  acted: fc.array(fc.string()),
  line: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  jumpMs: fc.nat(),
  awake: fc.oneof(fc.constant(NaN), fc.double({ noNaN: true })),
  operations: fc.array(operation, { maxLength: 3 }),
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
      fc.property(block, ({ tick, readings, refusals, evicted, acted, line, jumpMs, awake, operations }) => {
        const bytes = encode(
          readings,
          (builder) => {
            for (const [reason, count] of refusals) builder.refuse(reason, count);
            builder.evict(evicted);
            for (const key of acted) builder.acted(key);
            builder.jump(jumpMs);
            if (!Number.isNaN(awake)) builder.awake(awake);
            for (const one of operations) builder.operate(one);
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
          awake,
          operations,
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

  it.each<[string, number, { devices: number; each: number; ownTimeMs?: number }]>([
    ['one reading', 50, { devices: 1, each: 1 }],
    ['one reading with a time of its own', 50, { devices: 1, each: 1, ownTimeMs: 37 }],
    ['ten readings of one sensor', 7, { devices: 1, each: 10 }],
    ['one reading of each of a hundred sensors that take turns', 6.1, { devices: 100, each: 1 }],
    ['five readings of each of a hundred', 2.5, { devices: 100, each: 5 }],
    ['a hundred readings of each of ten', 2.2, { devices: 10, each: 100 }],
    ['the same, each under way for as long', 2.3, { devices: 10, each: 100, ownTimeMs: 37 }],
    ['a thousand readings of one', 1.3, { devices: 1, each: 1000 }],
  ])('of %s takes at most %f bytes each', (_, most, { devices, each, ownTimeMs = 0 }) => {
    const readings = Array.from({ length: devices * each }, (_unused, index): BlockReading => {
      const arrival = Date.UTC(2026, 0, 1) + Math.floor(index / devices) * 100;
      const value = Math.round(215 + 20 * Math.sin(index / 7)) / 10;
      const device = `press-${index % devices}`;
      return { device, signal: 'temperature', arrival, time: arrival - ownTimeMs, value, quality: 'good' };
    });
    const bytes = encode(readings, () => undefined, (readings.at(-1)?.arrival ?? 0) + 99);
    expect(bytes.length / readings.length).toBeLessThanOrEqual(most);
  });

  it('says what time it is of without being read as a whole, and gives its readings in columns as well', () => {
    fc.assert(
      fc.property(block, ({ tick, readings, line, jumpMs }) => {
        const bytes = encode(readings, (builder) => builder.jump(jumpMs), tick, line);
        expect(decodeBlockHead(bytes)).toEqual({ tick, line, jumpMs });
        const { columns, names } = decodePackedBlock(bytes);
        expect(columns.count).toBe(readings.length);
        expect(Array.from(columns.series, (index) => names[index])).toEqual(
          readings.map(({ device, signal }) => expect.objectContaining({ device, signal })),
        );
      }),
    );
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
    expect(() => decodeBlock(to.take())).toThrow('journal block version 1, this agent reads 4');
  });
});
