import { describe, expect, it } from 'vitest';
import type { PartHealth } from './health.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { Station } from './testing/station.ts';
import { tell } from './testing/tell.ts';

const started = 1_700_000_000_000;

const text = `
gateway: bench
sources:
  board: { serial: /dev/board, format: json }
signals:
  temperature: { from: board.temperature, range: 0..100, missing: 30s }
  humidity: { from: board.humidity, missing: 5m }
  dew_point: { formula: "temperature - (100 - humidity) / 5", missing: 30s }
  door: { from: board.door }
windows:
  - { every: 1s, of: all, compute: [mean] }
`;

async function start(disk = new MemoryDisk(), clock = new FakeClock(started)) {
  const station = await Station.start({ disk, clock, text });
  return {
    station,
    clock,
    say: (signal: string, devices: readonly string[], { value = 20, time = clock.now() } = {}) =>
      tell(
        station,
        devices.map((device) => ({ device, signal, time, value })),
      ),
    /** Lets time pass and commits. */
    after: async (ms: number): Promise<void> => {
      clock.advance(ms);
      await station.engine.commit();
    },
    health: (signal: string): PartHealth | undefined =>
      station.health.all().find(({ part }) => part === `signal ${signal}`),
  };
}

const nothingFrom = (devices: string): string =>
  `nothing from ${devices} for longer than "missing:" or "expect:" allows; is it on, in reach, and connected?`;

describe('signals that go silent', () => {
  it('are parts of the health where the gateway file says `missing:`, and only there', async () => {
    const { station, say, after } = await start();
    await say('door', ['gate']);
    await after(3_600_000);
    const parts = station.health.all().filter(({ part }) => part.startsWith('signal '));
    expect(parts.map(({ part, up }) => [part, up])).toEqual([
      ['signal temperature', true],
      ['signal humidity', true],
      ['signal dew_point', true],
    ]);
    station.drop();
  });

  it('go down when a device has said nothing for longer than allowed, each signal by its own measure', async () => {
    const { station, say, after, health, clock } = await start();
    await say('temperature', ['press']);
    await say('humidity', ['press']);
    await after(30_000);
    expect(health('temperature')).toMatchObject({ up: true, detail: '', since: started + 30_000 });
    await after(1);
    expect(health('temperature')).toMatchObject({ up: false, detail: nothingFrom('press'), since: clock.now() });
    expect(health('dew_point')).toMatchObject({ up: false, detail: nothingFrom('press') });
    expect(health('humidity')?.up).toBe(true);
    await after(270_000);
    expect(health('humidity')).toMatchObject({ up: false, detail: nothingFrom('press'), since: clock.now() });
    expect(health('temperature')?.since).toBe(started + 30_001);
    station.drop();
  });

  it('come up again with the first reading', async () => {
    const { station, say, after, health, clock } = await start();
    await say('temperature', ['press']);
    await after(60_000);
    expect(health('temperature')?.up).toBe(false);
    await after(60_000);
    await say('temperature', ['press']);
    await after(500);
    expect(health('temperature')).toMatchObject({ up: true, detail: '', since: clock.now() });
    station.drop();
  });

  it('name three devices at most, and say how many more there are', async () => {
    const { station, say, after, health } = await start();
    const devices = ['press', 'oven', 'belt', 'mixer', 'cooler'];
    await say('temperature', devices);
    await after(40_000);
    const since = health('temperature')?.since;
    const said = [health('temperature')?.detail];
    for (const device of ['belt', 'press', 'cooler', 'mixer']) {
      await say('temperature', [device]);
      await after(500);
      said.push(health('temperature')?.detail);
    }
    expect(said).toEqual([
      nothingFrom('press, oven, belt and 2 more'),
      nothingFrom('press, oven, mixer and 1 more'),
      nothingFrom('oven, mixer, cooler'),
      nothingFrom('oven, mixer'),
      nothingFrom('oven'),
    ]);
    expect(health('temperature'), 'it has been down all the time').toMatchObject({ up: false, since });
    station.drop();
  });

  it('are missed by the clock of arrival: old readings are a sign of life, refused ones are none', async () => {
    const { station, say, after, health } = await start();
    await say('temperature', ['band', 'broken']);
    await after(29_000);
    await say('temperature', ['band'], { time: started - 1_800_000 });
    await say('temperature', ['broken'], { value: 4000 });
    await after(2000);
    expect(health('temperature')?.detail).toBe(nothingFrom('broken'));
    station.drop();
  });

  it('are noticed by the commits that the agent makes by itself, also when nothing comes in', async () => {
    const { station, say, clock, health } = await start();
    await say('temperature', ['press']);
    station.run();
    await expect.poll(() => clock.sleepers).toBe(2);
    clock.advance(30_001);
    await expect.poll(() => health('temperature')?.up).toBe(false);
    station.drop();
  });

  it.each([true, false])('are still known after a restart (with a checkpoint: %s)', async (checkpoint) => {
    const disk = new MemoryDisk();
    const clock = new FakeClock(started);
    const before = await start(disk, clock);
    await before.say('temperature', ['press', 'oven']);
    await before.station.engine.commit({ checkpoint });
    before.station.drop();
    clock.advance(29_000);
    const { station, say, after, health } = await start(disk, clock);
    await say('temperature', ['oven']);
    await after(1000);
    expect(health('temperature')?.up).toBe(true);
    await after(1);
    expect(health('temperature')?.detail).toBe(nothingFrom('press'));
    station.drop();
  });
});
