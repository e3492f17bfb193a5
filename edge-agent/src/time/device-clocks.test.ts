import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeviceClocks, describeWrongClock } from './device-clocks.ts';

const now = Date.UTC(2026, 10, 1, 12);
const maxAhead = 300_000;
const twoHours = 7_200_000;

interface Sample {
  readonly device: string;
  readonly time: number;
}

function stamp(clocks: DeviceClocks, times: readonly number[], arrival: number, device = 'band'): number[] {
  return clocks.stamp(samples(times, device), arrival, (sample) => sample.device).map(({ time }) => time);
}

function samples(times: readonly number[], device = 'band'): Sample[] {
  return times.map((time) => ({ device, time }));
}

describe('clocks of devices', () => {
  it('leaves readings alone that are not from the future, however late, and copies nothing', () => {
    const readings = samples([now + maxAhead, now, now - 40 * 86_400_000]);
    const clocks = new DeviceClocks(maxAhead);
    expect(clocks.stamp(readings, now, ({ device }) => device)).toBe(readings);
    expect(clocks.look(now)).toStrictEqual([]);
  });

  it('puts readings from the future back by as much as the clock runs ahead, and keeps their intervals', () => {
    const clocks = new DeviceClocks(maxAhead);
    expect(stamp(clocks, [now + twoHours - 2000, now + twoHours], now)).toStrictEqual([now - 2000, now]);
    // On its way for 700 ms.
    expect(stamp(clocks, [now + twoHours + 1000], now + 1700)).toStrictEqual([now + 1000]);
    expect(clocks.stamped).toBe(3);
  });

  it('knows the clock better by a reading that was on its way for less time', () => {
    const clocks = new DeviceClocks(maxAhead);
    expect(stamp(clocks, [now + twoHours], now + 900)).toStrictEqual([now + 900]);
    expect(stamp(clocks, [now + twoHours + 1000], now + 1100)).toStrictEqual([now + 1100]);
    expect(stamp(clocks, [now + twoHours + 2000], now + 2900)).toStrictEqual([now + 2100]);
  });

  it('judges each device by its own clock', () => {
    const clocks = new DeviceClocks(maxAhead);
    stamp(clocks, [now + twoHours], now, 'fast');
    expect(stamp(clocks, [now + maxAhead + 1], now, 'faster')).toStrictEqual([now]);
    expect(clocks.look(now)).toStrictEqual([
      { device: 'fast', aheadMs: twoHours, stamped: 1 },
      { device: 'faster', aheadMs: maxAhead + 1, stamped: 1 },
    ]);
  });

  it('forgets how far ahead a clock was: one that was put back a little is taken for what it is after ten minutes', () => {
    const clocks = new DeviceClocks(maxAhead);
    stamp(clocks, [now + twoHours], now);
    const other = twoHours - 1_000_000;
    for (let at = now + 60_000; at < now + 600_000; at += 60_000) {
      expect(stamp(clocks, [at + other], at)).toStrictEqual([at - 1_000_000]);
    }
    expect(stamp(clocks, [now + 600_000 + other], now + 600_000)).toStrictEqual([now + 600_000]);
  });

  it('takes one garbled time for what it is: what follows is stamped by what the clock says then', () => {
    const clocks = new DeviceClocks(maxAhead);
    stamp(clocks, [now + 100_000 * twoHours], now);
    expect(stamp(clocks, [now + twoHours], now)).toStrictEqual([now]);
    expect(stamp(clocks, [now + twoHours - 5000], now)).toStrictEqual([now - 5000]);
  });

  it('lets a clock be right from the moment it is set, and says so a minute later', () => {
    const clocks = new DeviceClocks(maxAhead);
    stamp(clocks, [now + twoHours], now);
    expect(stamp(clocks, [now + 500], now + 1000)).toStrictEqual([now + 500]);
    expect(clocks.look(now + 59_999)).toHaveLength(1);
    expect(clocks.look(now + 60_000)).toStrictEqual([]);
  });

  it('puts a clock right that was never set, also after it was far ahead', () => {
    const clocks = new DeviceClocks(maxAhead);
    stamp(clocks, [now + twoHours], now);
    expect(stamp(clocks, [5000, 6000], now)).toStrictEqual([now - 1000, now]);
    expect(stamp(clocks, [7000], now + 1000)).toStrictEqual([now + 1000]);
    expect(clocks.look(now)[0]?.aheadMs).toBe(6000 - now);
  });

  it('takes 1970 for what it is where it is 1970', () => {
    expect(stamp(new DeviceClocks(maxAhead), [5000], 4000)).toStrictEqual([5000]);
  });

  it('believes every device while nobody knows what time it is, except those that were never set', () => {
    const clocks = new DeviceClocks(Infinity);
    expect(stamp(clocks, [now + 10 * twoHours, 0], now)).toStrictEqual([now + 10 * twoHours, now]);
  });

  it('remembers no more than ten thousand devices', () => {
    const clocks = new DeviceClocks(maxAhead);
    for (let device = 0; device <= 10_000; device++) stamp(clocks, [now + twoHours], now, `band-${device}`);
    const devices = clocks.look(now).map(({ device }) => device);
    expect(devices).toHaveLength(10_000);
    expect(devices).not.toContain('band-0');
  });

  it('stamps nothing into the future, and what was said later never earlier than what was said before it in a delivery', () => {
    const deliveries = fc.array(
      fc.record({ wait: fc.nat(120_000), delays: fc.array(fc.nat(200_000), { minLength: 1, maxLength: 8 }) }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(deliveries, fc.integer({ min: 600_000, max: 10 * twoHours }), (all, ahead) => {
        const clocks = new DeviceClocks(maxAhead);
        let arrival = now;
        for (const { wait, delays } of all) {
          arrival += wait;
          const said = delays.map((delay) => arrival + ahead - delay).toSorted((a, b) => a - b);
          const stamped = stamp(clocks, said, arrival);
          for (const [index, time] of stamped.entries()) {
            expect(time).toBeLessThanOrEqual(arrival);
            // As far apart as the device said.
            expect(time - (stamped[0] ?? NaN)).toBe((said[index] ?? NaN) - (said[0] ?? NaN));
          }
        }
      }),
    );
  });

  it('says what is wrong and what to do', () => {
    const say = (aheadMs: number): string => describeWrongClock({ device: 'band', aheadMs, stamped: 3 });
    expect(say(twoHours)).toBe("runs 2 h ahead; 3 readings are stamped with the gateway's time; set the clock");
    expect(say(-now)).toContain('was never set');
    expect(
      [say(90_000), say(600_000), say(10 * 86_400_000)].map((text) => /runs (.*) ahead/.exec(text)?.[1]),
    ).toStrictEqual(['90 s', '10 min', '10 days']);
  });
});
