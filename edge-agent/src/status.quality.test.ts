import { decodeStatus } from '@weir/shared/wire/codec.ts';
import { describe, expect, it } from 'vitest';
import { FakeClock } from './testing/fake-clock.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { letter, Station } from './testing/station.ts';
import { tell, type Told } from './testing/tell.ts';

const started = 1_700_000_000_000;

const text = `
gateway: bench
sources:
  board: { serial: /dev/board, format: json }
signals:
  temperature: { from: board.temperature, range: 0..100, maxStep: 5, stuck: 10s }
  steps: { from: board.steps, repeats: true }
  vibration: { from: board.vibration, range: 0..100 }
  doubled: { formula: temperature * 2, range: 0..50 }
windows:
  - { every: 1s, of: [temperature, steps, doubled], compute: [mean, time_mean], lateness: 10m }
settings: { disorder: 0s, idleAfter: 10s, lateMemory: 20 kB }
`;

async function start(disk = new MemoryDisk(), clock = new FakeClock(started)) {
  const station = await Station.start({ disk, clock, text });
  return { station, clock, disk };
}

/** Of the press, so many seconds after the start. */
const temperature = (second: number, value: number, more: Partial<Told> = {}): Told => ({
  device: 'press',
  signal: 'temperature',
  time: started + second * 1000,
  value,
  ...more,
});

const atHub = (station: Station) => decodeStatus(station.reporter.encoded(true));

describe('what a status says of readings that cannot be trusted', () => {
  it('counts them by why: the source said so, a step too large, a value that has not moved', async () => {
    const { station, clock, disk } = await start();
    const seconds = (from: number, values: readonly number[]): Told[] =>
      values.map((value, index) => temperature(from + index, value));
    clock.advance(60_000);
    await tell(station, [
      ...seconds(0, [20, 21, 60, 61, 22]),
      temperature(5, 23, { quality: 'uncertain' }),
      ...seconds(
        6,
        Array.from({ length: 13 }, () => 24),
      ),
    ]);
    const flagged = { step: 2, source: 1, stuck: 3 };
    expect(station.reporter.status()).toMatchObject({ taken: 19, open: 19, lost: {}, flagged });
    expect(atHub(station).flagged).toEqual(flagged);
    await station.engine.commit({ checkpoint: true });
    station.drop();
    const { station: again } = await start(disk, clock);
    expect(again.reporter.status().flagged, 'after a restart').toEqual(flagged);
    again.drop();
  });

  it('says nothing of them when there are none', async () => {
    const { station } = await start();
    await tell(station, [temperature(0, 20)]);
    expect(atHub(station).flagged).toEqual({});
    expect(atHub(station).seriesLosses).toEqual([]);
    station.drop();
  });
});

describe('the series losses of a status', () => {
  it('name the series that have lost most, with why, the most first, and ten of them at most', async () => {
    const { station, clock, disk } = await start();
    for (let device = 1; device <= 12; device++) {
      const refused = Array.from({ length: device }, (_, index) =>
        temperature(-index, 4000, { device: `device-${device}` }),
      );
      await tell(station, refused);
    }
    const steps = { device: 'band', signal: 'steps', time: started, value: 7 };
    await tell(station, [...Array.from({ length: 21 }, () => steps), { ...steps, time: NaN }]);
    await tell(
      station,
      Array.from({ length: 13 }, () => ({ ...steps, value: NaN })),
    );
    const of = (device: string, signal: string, reason: string, count: number) => ({ device, signal, reason, count });
    const expected = [
      of('band', 'steps', 'repeated', 20),
      of('band', 'steps', 'not_a_number', 13),
      ...[12, 11, 10, 9, 8, 7, 6, 5].map((count) => of(`device-${count}`, 'temperature', 'out_of_range', count)),
    ];
    expect(station.reporter.status().seriesLosses).toEqual(expected);
    expect(atHub(station).seriesLosses).toMatchObject(expected);
    expect(station.reporter.status().lost).toEqual({
      out_of_range: 78,
      repeated: 20,
      not_a_number: 13,
      bad_time: 1,
    });
    await station.engine.commit({ checkpoint: true });
    station.drop();
    const { station: again } = await start(disk, clock);
    expect(again.reporter.status().seriesLosses, 'after a restart').toEqual(expected);
    again.drop();
  });

  it('leave out what no window covers, and what came in and was no reading', async () => {
    const { station } = await start();
    const uncovered = { device: 'press', signal: 'vibration', time: started };
    await tell(station, [
      { ...uncovered, value: 1 },
      { ...uncovered, value: 2 },
      { ...uncovered, value: 4000 },
    ]);
    await station.take([], { deadLetters: [letter(), letter('unmapped')] });
    expect(station.reporter.status()).toMatchObject({
      lost: { no_window: 2, out_of_range: 1, malformed: 1, unmapped: 1 },
      seriesLosses: [{ device: 'press', signal: 'vibration', reason: 'out_of_range', count: 1 }],
    });
    expect(atHub(station).seriesLosses).toHaveLength(1);
    station.drop();
  });

  it('have what a formula gave and was refused, which never came in and is in no sum', async () => {
    const { station } = await start();
    await tell(station, [temperature(0, 20), temperature(1, 24), temperature(2, 26), temperature(3, 28)]);
    expect(station.reporter.status()).toMatchObject({
      taken: 4,
      open: 4,
      lost: {},
      seriesLosses: [{ device: 'press', signal: 'doubled', reason: 'out_of_range', count: 2 }],
    });
    station.drop();
  });
});

describe('the memory for late readings', () => {
  it('grows with the windows that have closed, also over a restart, and is given back when the lateness is over', async () => {
    const { station, clock, disk } = await start();
    const held: number[] = [];
    const commit = async (it: Station): Promise<void> => {
      await it.engine.commit();
      held.push(it.reporter.status().lateMemoryBytes);
    };
    for (const second of [0, 1, 2]) {
      clock.advance(1000);
      await tell(station, [temperature(second, 20 + second)]);
      await commit(station);
    }
    const [none, one = NaN, two = NaN] = held;
    expect(none).toBe(0);
    expect(one).toBeGreaterThan(0);
    expect(two).toBeGreaterThan(one);
    await station.engine.commit({ checkpoint: true });
    station.drop();
    const { station: again } = await start(disk, clock);
    expect(again.reporter.status().lateMemoryBytes).toBe(two);
    clock.advance(3_600_000);
    await tell(again, [temperature(3600, 20)]);
    await commit(again);
    expect(held.at(-1)).toBe(0);
    again.drop();
  });

  it('stays within `lateMemory`; what was given up is too late, and the status says of which series', async () => {
    const { station, clock } = await start();
    let most = 0;
    for (let second = 0; second < 300; second++) {
      clock.advance(1000);
      await tell(station, [temperature(second, 20 + (second % 3)), temperature(second + 0.5, 21 + (second % 3))]);
      await station.engine.commit();
      most = Math.max(most, station.reporter.status().lateMemoryBytes);
    }
    expect(most).toBeGreaterThan(15_000);
    expect(most).toBeLessThanOrEqual(20_000);
    const loss = { device: 'press', signal: 'temperature', reason: 'too_late', count: 1 };
    await tell(station, [temperature(1.25, 20)]);
    expect(station.reporter.status().seriesLosses).toContainEqual(loss);
    expect(atHub(station).seriesLosses).toContainEqual(expect.objectContaining(loss));
    await tell(station, [temperature(298.25, 20)]);
    expect(station.reporter.status().lost, 'the newest are kept').toEqual({ too_late: 1 });
    station.drop();
  });
});
