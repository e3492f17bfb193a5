import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { MemoryDisk } from '../testing/memory-disk.ts';
import { DiskSwitch } from '../testing/watched-disk.ts';
import { DiskMeter } from './disk-meter.ts';
import { replaceFile } from './disk.ts';

const minuteMs = 60_000;

describe('the disk meter', () => {
  it('counts bytes and syncs of files and folders', async () => {
    const meter = new DiskMeter(new MemoryDisk(), new FakeClock());
    const file = await meter.disk.create('/data/file');
    await file.append(new Uint8Array(100));
    await file.append(new Uint8Array(20));
    await file.sync();
    await file.close();
    expect(meter.total).toEqual({ bytes: 120, syncs: 1 });
    await replaceFile(meter.disk, '/data/state', new Uint8Array(5));
    expect(meter.total).toEqual({ bytes: 125, syncs: 3 });
    expect((await meter.disk.readAll('/data/state')).length).toBe(5);
  });

  it('does not count what was not done', async () => {
    const breaker = new DiskSwitch(new MemoryDisk());
    const meter = new DiskMeter(breaker.disk, new FakeClock());
    const file = await meter.disk.create('/data/file');
    breaker.broken = true;
    await expect(file.append(new Uint8Array(100))).rejects.toThrow('the disk fails');
    await expect(file.sync()).rejects.toThrow('the disk fails');
    await expect(meter.disk.syncFolder('/data')).rejects.toThrow('the disk fails');
    expect(meter.total).toEqual({ bytes: 0, syncs: 0 });
  });

  it('says after a minute what an hour like this costs', async () => {
    const clock = new FakeClock();
    const meter = new DiskMeter(new MemoryDisk(), clock);
    const file = await meter.disk.create('/data/file');
    await file.append(new Uint8Array(1000));
    await file.sync();
    expect(meter.perHour).toEqual({ bytes: 60_000, syncs: 60 });
    clock.advance(30 * minuteMs);
    expect(meter.perHour.bytes).toBeCloseTo(2000);
    expect(meter.perHour.syncs).toBeCloseTo(2);
  });

  it('gives the steady rate of whoever writes steadily, and forgets what is over an hour ago', async () => {
    const step = fc.record({ minutes: fc.integer({ min: 60, max: 400 }), bytes: fc.integer({ min: 0, max: 1000 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
        const clock = new FakeClock();
        const meter = new DiskMeter(new MemoryDisk(), clock);
        const file = await meter.disk.create('/data/file');
        for (const { minutes, bytes } of steps) {
          for (let minute = 0; minute < minutes; minute++) {
            await file.append(new Uint8Array(bytes));
            await file.sync();
            clock.advance(minuteMs);
          }
          // The slot that has just begun is empty.
          expect(meter.perHour.bytes).toBeCloseTo(bytes * 60, 5);
          expect(meter.perHour.syncs).toBeCloseTo(60, 5);
        }
        clock.advance(60 * minuteMs);
        expect(meter.perHour).toEqual({ bytes: 0, syncs: 0 });
        expect(meter.total.bytes).toBe(steps.reduce((sum, { minutes, bytes }) => sum + minutes * bytes, 0));
      }),
      { numRuns: 20 },
    );
  });
});
