import { decodeStatus } from '@weir/shared/wire/codec.ts';
import { describe, expect, it } from 'vitest';
import { FakeClock } from './testing/fake-clock.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { letter, Station } from './testing/station.ts';

describe('the status of an agent', () => {
  it('travels whole: ledger, health, signals, the newest dead letters', async () => {
    const clock = new FakeClock(1_700_000_000_000);
    const station = await Station.start({ disk: new MemoryDisk(), clock });
    await station.take([
      { device: 'press', time: clock.now(), value: 1 },
      { device: 'press', time: clock.now(), value: 5000 },
    ]);
    for (let count = 0; count < 25; count++) await station.take([], { deadLetters: [{ ...letter(), arrival: count }] });
    clock.advance(20_000);
    await station.engine.commit();
    await station.take([{ device: 'oven', time: clock.now(), value: 1 }]);
    station.health.down('source board', 'unplugged');
    const status = decodeStatus(station.reporter.encoded(true));
    expect(status).toMatchObject({
      online: true,
      timeMs: clock.now(),
      taken: 28,
      open: 1,
      pending: 1,
      delivered: 0,
      lost: { out_of_range: 1, malformed: 25 },
      signals: [{ name: 'temperature', unit: '' }],
    });
    expect(status.health.map(({ part, up, detail }) => [part, up, detail])).toEqual([
      ['clock', true, ''],
      ['journal', true, ''],
      ['source board', false, 'unplugged'],
    ]);
    expect(status.deadLetters.map(({ arrivalMs }) => arrivalMs)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 5),
    );
    expect(status.outboxBytes).toBeGreaterThan(0);
    expect(decodeStatus(station.reporter.encoded(false)).online).toBe(false);
    station.drop();
  });

  it('gives the rate since the last look that was long enough ago to tell', async () => {
    const clock = new FakeClock();
    const station = await Station.start({ disk: new MemoryDisk(), clock });
    const rates: number[] = [];
    for (const [readings, afterMs] of [
      [10, 500],
      [10, 1500],
      [0, 999],
      [0, 1],
    ] as const) {
      for (let count = 0; count < readings; count++)
        await station.take([{ device: 'press', time: clock.now() + count, value: 1 }]);
      clock.advance(afterMs);
      rates.push(station.reporter.status().readingsPerSecond);
    }
    expect(rates).toEqual([0, 10, 10, 0]);
    station.drop();
  });
});
