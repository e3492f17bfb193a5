import fc from 'fast-check';
import { ByteReader, ByteWriter } from '@weir/shared/model/bytes.ts';
import { describe, expect, it } from 'vitest';
import { ArchiveWriter, readArchive, readArchiveHead, type ArchiveHead } from './archive-block.ts';
import { readNames, writeNames } from './block-names.ts';

const anyNumber = fc.double({ noNaN: true });
const begin = Date.UTC(2026, 0, 1);

const reading = fc.record({
  time: fc.oneof(fc.integer({ min: begin, max: begin + 1e6 }), anyNumber),
  value: anyNumber,
  arrival: fc.integer({ min: begin, max: begin + 1e6 }),
  quality: fc.integer({ min: 0, max: 2 }),
});
const series = fc
  .record({
    readings: fc.array(reading),
    /** How arrivals go with event times. */
    arrivals: fc.constantFrom<(one: { time: number; arrival: number }, index: number) => number>(
      ({ time }) => time,
      ({ time }, index) => time + (index % 7),
      ({ arrival }) => arrival,
      (_, index) => begin + index * 1000,
    ),
    isGood: fc.boolean(),
  })
  .map(({ readings, arrivals, isGood }) => ({
    count: readings.length,
    times: Float64Array.from(readings, ({ time }) => time),
    values: Float64Array.from(readings, ({ value }) => value),
    arrivals: Float64Array.from(readings, arrivals),
    qualities: Uint8Array.from(readings, ({ quality }) => (isGood ? 0 : quality)),
  }));
const name = fc.record({ device: fc.constantFrom('press-1', 'press-2', ''), signal: fc.string({ unit: 'binary' }) });
const named = fc.uniqueArray(fc.tuple(name, series), {
  selector: ([{ device, signal }]) => `${device}/${signal}`,
  maxLength: 6,
});
const head = fc.record({
  end: fc.record({
    journal: fc.constant('00000000000000aa'),
    block: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    taken: fc.nat(),
  }),
  span: fc.record({ firstTime: anyNumber, lastTime: anyNumber, firstArrival: anyNumber, lastArrival: anyNumber }),
  starts: fc.array(anyNumber, { maxLength: 3 }),
});

describe('an archive record', () => {
  it('reads back as what was put in, as a whole and one series at a time', () => {
    fc.assert(
      fc.property(head, named, (given, all) => {
        const names = all.map(([one]) => one);
        const whole: ArchiveHead = { ...given, names };
        const writer = new ArchiveWriter(whole);
        for (const [, columns] of all) writer.add(columns);
        const record = writer.take();
        expect(readArchiveHead(record)).toEqual(whole);
        expect([...readArchive(record)]).toEqual(all.map(([one, columns]) => ({ name: one, ...columns })));
        for (const [one, columns] of all) expect([...readArchive(record, one)]).toEqual([{ name: one, ...columns }]);
        expect([...readArchive(record, { device: 'press-3', signal: '' })]).toEqual([]);
      }),
    );
  });

  it('of another version is refused', () => {
    const to = new ByteWriter();
    to.varint(3);
    expect(() => readArchiveHead(to.take())).toThrow('archive record version 3, this agent reads 2');
  });

  it('of the version before has no starts, and is read', () => {
    const span = { firstTime: 1, lastTime: 2, firstArrival: 3, lastArrival: 4 };
    const writer = new ArchiveWriter({ end: { journal: 'aa', block: 7, taken: 3 }, span, starts: [], names: [] });
    const [, ...rest] = writer.take();
    // The same bytes, but for the version and the number of starts, which is the last before the names.
    const names = new ByteWriter();
    writeNames(names, []);
    const behind = names.take().length;
    const former = [1, ...rest.slice(0, -behind - 1), ...rest.slice(-behind)];
    expect(readArchiveHead(Uint8Array.from(former))).toEqual({
      end: { journal: 'aa', block: 7, taken: 3 },
      span,
      starts: [],
      names: [],
    });
  });
});

describe('names of series', () => {
  it('come back, whatever they have in common', () => {
    const part = fc.oneof(
      fc.constantFrom('press', 'ö', '\uFEFF', '😀', '\u{1f601}', '-1'),
      fc.string({ unit: 'binary' }),
    );
    const text = fc.array(part, { maxLength: 3 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(fc.record({ device: text, signal: text })), (names) => {
        const to = new ByteWriter();
        writeNames(to, names);
        const from = new ByteReader(to.take());
        expect(readNames(from)).toEqual(names);
        expect(from.done).toBe(true);
      }),
    );
  });

  it('cost a few bytes each where they are much alike', () => {
    const to = new ByteWriter();
    const names = Array.from({ length: 300 }, (_, index) => ({
      device: `line-3/press-${Math.floor(index / 3)}`,
      signal: ['temperature', 'humidity', 'pressure'][index % 3] ?? '',
    }));
    writeNames(to, names);
    expect(to.length / names.length).toBeLessThan(3.2);
  });

  it.each<[string, number[]]>([
    ['that are cut off', [1, 0, 5, 65]],
    ['that refer to one that was not written', [1, 3]],
    ['that share more than there is', [1, 4, 0, 0, 0]],
  ])('%s throw RangeError', (_, bytes) => {
    expect(() => readNames(new ByteReader(Uint8Array.from(bytes)))).toThrow(RangeError);
  });
});
