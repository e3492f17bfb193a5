// Derived readings against a batch computation over all readings at once, in whatever order they come.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Derivation } from './derivation.ts';
import type { Expression } from '../expression/expression.ts';

interface Offer {
  readonly input: number;
  readonly time: number;
  readonly value: number;
}

type Emitted = [time: number, value: number][];

/** Tells the inputs apart, so that none can stand in for another. */
const expression: Expression = { evaluate: (values) => (values[0] ?? NaN) * 100 + (values[1] ?? NaN), used: [] };

function derivationOf(alignMs: number, compute = expression): Derivation {
  return new Derivation(2, alignMs, compute);
}

function offerAll(derivation: Derivation, offers: readonly Offer[]): void {
  for (const { input, time, value } of offers) derivation.offer(input, time, value);
}

function ready(derivation: Derivation, watermark: number): Emitted {
  const emitted: Emitted = [];
  derivation.ready(watermark, (time, value) => emitted.push([time, value]));
  return emitted;
}

function throughBytes(derivation: Derivation, alignMs: number): Derivation {
  const to = new ByteWriter();
  derivation.write(to);
  const from = new ByteReader(to.take());
  const read = derivationOf(alignMs);
  read.read(from);
  expect(from.done).toBe(true);
  return read;
}

/** What there is to be emitted, computed of all readings at once. */
function batch(offers: readonly Offer[], alignMs: number): Emitted {
  const startOf = (time: number) => (alignMs === 0 ? time : Math.floor(time / alignMs) * alignMs);
  const starts = [...new Set(offers.map(({ time }) => startOf(time)))].toSorted((a, b) => a - b);
  return starts.flatMap((start): Emitted => {
    const values = [0, 1].map(
      (wanted) =>
        offers
          .filter(({ input, time }) => input === wanted && startOf(time) === start)
          .toSorted((a, b) => a.time - b.time || a.value - b.value)
          .at(-1)?.value,
    );
    return values.includes(undefined) ? [] : [[start, expression.evaluate(values.map(Number))]];
  });
}

test('without alignment inputs of the very same event time meet, and wait for no watermark', () => {
  const derivation = derivationOf(0);
  derivation.offer(0, 1000, 3);
  derivation.offer(1, 1000.5, 9);
  expect(derivation.nextDue()).toBe(Infinity);
  expect(ready(derivation, Infinity)).toStrictEqual([]);
  derivation.offer(1, 1000, 4);
  expect(derivation.nextDue()).toBe(-Infinity);
  expect(ready(derivation, -Infinity)).toStrictEqual([[1000, 304]]);
  expect(derivation.nextDue()).toBe(Infinity);
  derivation.offer(0, 1000.5, 1);
  expect(ready(derivation, 0)).toStrictEqual([[1000.5, 109]]);
});

test('with alignment the last reading of each input in a piece counts, once the watermark has passed its end', () => {
  const derivation = derivationOf(1000);
  offerAll(derivation, [
    { input: 1, time: 2999, value: 8 },
    { input: 0, time: 2500, value: 1 },
    { input: 0, time: 2600, value: 2 },
    { input: 0, time: 2400, value: 3 },
    { input: 0, time: 3000, value: 4 },
  ]);
  expect(derivation.nextDue()).toBe(3000);
  expect(ready(derivation, 2999)).toStrictEqual([]);
  expect(ready(derivation, 3000)).toStrictEqual([[2000, 208]]);
  expect(derivation.nextDue()).toBe(Infinity);
});

test('of readings of the same event time the largest counts, whichever comes first', () => {
  for (const values of [
    [5, 7],
    [7, 5],
  ]) {
    for (const alignMs of [0, 1000]) {
      const derivation = derivationOf(alignMs);
      for (const value of values) derivation.offer(0, 500, value);
      derivation.offer(1, 500, 1);
      expect(ready(derivation, Infinity)).toStrictEqual([[alignMs === 0 ? 500 : 0, 701]]);
    }
  }
});

test('pieces before 1970 are cut like those after', () => {
  const derivation = derivationOf(1000);
  derivation.offer(0, -1, 1);
  derivation.offer(1, -1000, 2);
  expect(derivation.nextDue()).toBe(0);
  expect(ready(derivation, 0)).toStrictEqual([[-1000, 102]]);
});

test('what is due comes out by event time, and only that', () => {
  const derivation = derivationOf(10);
  for (const time of [30, 10, 0, 20]) {
    derivation.offer(0, time, time);
    derivation.offer(1, time, 1);
  }
  expect(ready(derivation, 30)).toStrictEqual([
    [0, 1],
    [10, 1001],
    [20, 2001],
  ]);
  expect(derivation.nextDue()).toBe(40);
});

test('a late input completes its piece, the others do not wait for it', () => {
  const derivation = derivationOf(1000);
  derivation.offer(0, 100, 1);
  derivation.offer(0, 1100, 2);
  derivation.offer(1, 1100, 2);
  expect(ready(derivation, 5000)).toStrictEqual([[1000, 202]]);
  derivation.offer(1, 300, 1);
  expect(derivation.nextDue()).toBe(1000);
  expect(ready(derivation, 5000)).toStrictEqual([[0, 101]]);
});

test.each([0, 1000])('a piece is not restated when its inputs come again (alignment %d)', (alignMs) => {
  const derivation = derivationOf(alignMs);
  const both = [0, 1].map((input) => ({ input, time: 2000, value: input }));
  offerAll(derivation, both);
  expect(ready(derivation, Infinity)).toHaveLength(1);
  offerAll(derivation, both);
  expect(derivation.nextDue()).toBe(Infinity);
  expect(ready(derivation, Infinity)).toStrictEqual([]);
});

test('a result that is not finite is emitted as it is', () => {
  for (const result of [NaN, Infinity, -Infinity]) {
    const derivation = derivationOf(0, { evaluate: () => result, used: [] });
    derivation.offer(0, 1, 1);
    derivation.offer(1, 1, 1);
    expect(ready(derivation, 0)).toStrictEqual([[1, result]]);
  }
});

test('a forgotten piece is neither completed nor begun again, the first one that is kept is', () => {
  const derivation = derivationOf(1000);
  offerAll(derivation, [
    { input: 0, time: 1500, value: 1 },
    { input: 0, time: 2500, value: 2 },
    { input: 0, time: 500, value: 3 },
    { input: 1, time: 500, value: 3 },
  ]);
  expect(ready(derivation, 3000)).toStrictEqual([[0, 303]]);
  derivation.forget(2999);
  offerAll(derivation, [
    { input: 1, time: 1500, value: 5 },
    { input: 0, time: 1500, value: 5 },
    { input: 1, time: 500, value: 5 },
    { input: 0, time: 500, value: 5 },
    { input: 1, time: 2500, value: 6 },
  ]);
  expect(ready(derivation, Infinity)).toStrictEqual([[2000, 206]]);
  derivation.forget(-5000);
  derivation.offer(0, 1500, 1);
  derivation.offer(1, 1500, 1);
  expect(ready(derivation, Infinity)).toStrictEqual([]);
  expect(derivation.dropped).toBe(0);
});

test('what is complete is emitted even when its time is forgotten before', () => {
  const derivation = derivationOf(1000);
  derivation.offer(0, 500, 1);
  derivation.offer(1, 1500, 1);
  derivation.offer(0, 1500, 1);
  derivation.forget(9000);
  expect(ready(derivation, 9000)).toStrictEqual([[1000, 101]]);
  derivation.offer(1, 500, 1);
  expect(ready(derivation, 9000)).toStrictEqual([]);
});

test('of more than 10,000 pieces that wait the oldest go, and they and what comes for them is counted', () => {
  const derivation = derivationOf(0);
  for (let time = 10_002; time > 0; time--) derivation.offer(0, time, 1);
  expect(derivation.dropped).toBe(2);
  for (let time = 1; time <= 10_002; time++) derivation.offer(1, time, 1);
  expect(ready(derivation, 0).map(([time]) => time)).toStrictEqual(Array.from({ length: 10_000 }, (_, at) => at + 3));
  for (let time = 20_000; time <= 30_000; time++) derivation.offer(0, time, 1);
  expect(derivation.dropped).toBe(5);
  derivation.forget(15_000);
  derivation.offer(0, 14_000, 1);
  expect(derivation.dropped).toBe(5);
  derivation.offer(0, 19_000, 1);
  expect(throughBytes(derivation, 0).dropped).toBe(6);
});

test('a complete piece that waits can go too, and is not due then', () => {
  const derivation = derivationOf(1);
  derivation.offer(0, 0, 1);
  derivation.offer(1, 0, 1);
  for (let time = 1; time <= 10_000; time++) derivation.offer(0, time, 1);
  expect(derivation.dropped).toBe(1);
  expect(derivation.nextDue()).toBe(Infinity);
  derivation.offer(1, 0, 1);
  derivation.offer(1, 10_000, 1);
  expect(ready(derivation, Infinity)).toStrictEqual([[10_000, 101]]);
});

test('a piece that is too old from the start is not due either', () => {
  const derivation = new Derivation(1, 1, { evaluate: (values) => values[0] ?? NaN, used: [] });
  for (let time = 10_000; time >= 0; time--) derivation.offer(0, time, time);
  expect(derivation.dropped).toBe(1);
  expect(ready(derivation, Infinity)[0]).toStrictEqual([1, 1]);
});

test('pieces that gave their reading are not restated when there are more than can be remembered', () => {
  const derivation = derivationOf(0);
  for (const _ of [1, 2]) {
    let emitted = 0;
    for (let time = 0; time < 10_010; time++) {
      derivation.offer(0, time, 1);
      derivation.offer(1, time, 1);
      derivation.ready(0, () => (emitted += 1));
    }
    expect([0, 10_010]).toContain(emitted);
  }
  expect(derivation.dropped).toBe(20);
});

const time = fc.oneof(
  fc.integer({ min: -50, max: 50 }),
  fc.double({ min: -50, max: 50, noNaN: true, noDefaultInfinity: true }),
);
const offer = fc.record({ input: fc.nat({ max: 1 }), time, value: fc.integer({ min: 0, max: 9 }) });

/** Without alignment one value for each input and event time: of several, what comes before the other input counts. */
function offersFor(alignMs: number): fc.Arbitrary<Offer[]> {
  const selector = ({ input, time }: Offer) => `${input} ${time}`;
  return alignMs === 0 ? fc.uniqueArray(offer, { selector, maxLength: 60 }) : fc.array(offer, { maxLength: 60 });
}

/** The same readings in another order, and where in it to look for what is due. */
const shuffled = fc.constantFrom(0, 1, 7).chain((alignMs) =>
  offersFor(alignMs).chain((offers) =>
    fc.record({
      alignMs: fc.constant(alignMs),
      offers: fc.constant(offers),
      order: fc.shuffledSubarray(offers, { minLength: offers.length }),
      looks: fc.array(fc.boolean(), { minLength: offers.length, maxLength: offers.length }),
      cut: fc.nat({ max: offers.length }),
    }),
  ),
);

function byTime(emitted: Emitted): Emitted {
  return emitted.toSorted(([a], [b]) => a - b);
}

test('in whatever order readings come, what is emitted in the end is the same', () => {
  fc.assert(
    fc.property(shuffled, ({ alignMs, offers, order, looks }) => {
      const derivation = derivationOf(alignMs);
      const emitted: Emitted = [];
      for (const [index, one] of order.entries()) {
        derivation.offer(one.input, one.time, one.value);
        const watermark = Math.min(...order.slice(index + 1).map(({ time }) => time));
        if (looks[index]) emitted.push(...ready(derivation, watermark));
        if (looks[index]) expect([derivation.nextDue() > watermark, watermark === Infinity]).toContain(true);
      }
      emitted.push(...ready(derivation, Infinity));
      expect(byTime(emitted)).toStrictEqual(batch(offers, alignMs));
    }),
  );
});

test('readings behind the watermark give every piece once, none twice', () => {
  fc.assert(
    fc.property(shuffled, ({ alignMs, offers, order }) => {
      const derivation = derivationOf(alignMs);
      const starts: number[] = [];
      for (const { input, time, value } of order) {
        derivation.offer(input, time, value);
        starts.push(...ready(derivation, Infinity).map(([start]) => start));
      }
      expect(starts.toSorted((a, b) => a - b)).toStrictEqual(batch(offers, alignMs).map(([start]) => start));
    }),
  );
});

test('one read from bytes goes on as the one that was written', () => {
  fc.assert(
    fc.property(shuffled, fc.option(time), ({ alignMs, order, looks, cut }, before) => {
      const one = derivationOf(alignMs);
      offerAll(one, order.slice(0, cut));
      if (looks[0]) ready(one, 0);
      if (before !== null) one.forget(before);
      const other = throughBytes(one, alignMs);
      for (const { input, time, value } of order.slice(cut)) {
        for (const derivation of [one, other]) derivation.offer(input, time, value);
        expect(other.nextDue()).toBe(one.nextDue());
      }
      expect(ready(other, 10)).toStrictEqual(ready(one, 10));
      offerAll(one, order);
      offerAll(other, order);
      expect(ready(other, Infinity)).toStrictEqual(ready(one, Infinity));
    }),
  );
});

test('what was dropped is still counted after a trip through bytes, which steady and forgotten readings keep short', () => {
  const derivation = derivationOf(0);
  for (let time = 0; time <= 10_000; time++) derivation.offer(0, time, 1);
  expect(throughBytes(derivation, 0).dropped).toBe(1);
  const steady = derivationOf(1000);
  for (let time = 0; time < 3_600_000; time += 1000) {
    steady.offer(0, time, 1);
    steady.offer(1, time, 1);
  }
  ready(steady, Infinity);
  const to = new ByteWriter();
  steady.write(to);
  expect(to.length).toBeLessThan(3600 * 2.1);
  steady.forget(3_599_000);
  to.clear();
  steady.write(to);
  expect(to.length).toBeLessThan(50);
});
