import { describe, expect, it } from 'vitest';
import { Health } from '../health.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { MemoryDisk } from '../testing/memory-disk.ts';
import { settle } from '../testing/station.ts';
import { timeOf, type TimeOfTest } from '../testing/time-of.ts';
import { watched } from '../testing/watched-disk.ts';
import { readClockFile, writeClockFile, type ClockFile } from './clock-file.ts';
import type { Stamped, TimeKeeper } from './time-keeper.ts';
import type { SyncReport } from './timeline.ts';

const start = Date.UTC(2026, 10, 1);
const hour = 3_600_000;
const nothing: Stamped = { spans: [], lastKnown: -Infinity };
const waiting = (): SyncReport => ({ service: 'NTP', synchronised: false });
const synchronised = (): SyncReport => ({ service: 'NTP', synchronised: true });

async function begun(
  options: Partial<TimeOfTest> & { disk: MemoryDisk },
  stamped = nothing,
  isFinal = false,
): Promise<TimeKeeper> {
  const time = await timeOf({ folder: '/data', ...options });
  await time.begin(stamped, isFinal);
  return time;
}

function clockHealth(time: TimeKeeper) {
  const health = new Health(
    () => 0,
    () => undefined,
  );
  time.tell(health);
  return health.all().find(({ part }) => part === 'clock');
}

describe('the clock file', () => {
  const file: ClockFile = {
    machine: 'm',
    line: 'l',
    origin: { originMs: 12.5, basis: undefined, begin: 3, floor: -Infinity },
    time: -Infinity,
    moves: new Map([['a', 5]]),
  };

  it('reads back as it was written, and keeps the newest moves', async () => {
    const disk = new MemoryDisk();
    await writeClockFile(disk, '/clock', file);
    expect(await readClockFile(disk, '/clock')).toStrictEqual(file);
    const moves = new Map(Array.from({ length: 20 }, (_, index) => [`line ${index}`, index] as const));
    const origin = { originMs: 1, basis: 'service', begin: 3, floor: 2 } as const;
    await writeClockFile(disk, '/clock', { ...file, origin, time: 9, moves });
    const read = await readClockFile(disk, '/clock');
    expect(read).toMatchObject({ origin, time: 9 });
    expect([...(read?.moves.keys() ?? [])]).toStrictEqual(
      Array.from({ length: 16 }, (_, index) => `line ${index + 4}`),
    );
  });

  it('that is missing or damaged is none', async () => {
    const disk = new MemoryDisk();
    expect(await readClockFile(disk, '/clock')).toBeUndefined();
    for (const text of ['', '{', '{}', '[1]']) {
      const folder = `/${text.length}`;
      const made = await disk.create(`${folder}clock`);
      await made.append(new TextEncoder().encode(text));
      expect(await readClockFile(disk, `${folder}clock`)).toBeUndefined();
    }
  });
});

describe('the time of an agent', () => {
  it('goes on from the latest time in the journal where the machine has none, and asks until there is one', async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock(0);
    let service = waiting;
    const time = await begun({ disk, clock, askTimeService: () => service() }, { spans: [], lastKnown: start });
    expect([time.known, time.now(), time.moves.size]).toStrictEqual([false, start, 0]);
    expect(clockHealth(time)).toMatchObject({ up: false, detail: expect.stringContaining('NTP') as unknown });
    const end = new AbortController();
    const running = time.run(end.signal);
    clock.step(start + hour);
    service = synchronised;
    expect(time.look()).toBeUndefined();
    clock.advance(2000);
    await settle();
    expect(time.look()).toStrictEqual({ kind: 'known', ms: hour });
    end.abort();
    await running;
  });

  it('is what it was when the process starts anew on the same machine, and starts anew on another', async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock(0);
    const first = await begun({ disk, clock, askTimeService: waiting }, { spans: [], lastKnown: start });
    clock.advance(5000);
    const spans = [{ line: first.line, begin: start, end: first.now() }];
    const stamped = { spans, lastKnown: start };
    const second = await begun({ disk, clock, askTimeService: waiting }, stamped);
    expect([second.line, second.now(), second.known]).toStrictEqual([first.line, start + 5000, false]);
    const other = await begun({ disk, clock, askTimeService: waiting, more: { machine: 'other' } }, stamped);
    expect(other.line).not.toBe(first.line);
    expect(other.now()).toBe(start + 5000);
  });

  it('that is known at the start moves what an earlier start has stamped, the same each time', async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock(0);
    const first = await begun({ disk, clock, askTimeService: waiting }, { spans: [], lastKnown: start });
    clock.advance(5000);
    const stamped = { spans: [{ line: first.line, begin: start, end: first.now() }], lastKnown: start };
    clock.step(start + 3 * hour);
    const known = await begun({ disk, clock, askTimeService: synchronised }, stamped);
    expect([known.known, known.moves.get(first.line), known.now()]).toStrictEqual([true, 3 * hour, clock.now()]);
    expect([first.moveOf(first.line), known.moveOf(first.line), known.moveOf('forgotten')]).toStrictEqual([
      undefined,
      3 * hour,
      0,
    ]);
    // Whatever the clock says by then.
    clock.step(700);
    const again = await begun({ disk, clock, askTimeService: synchronised }, stamped);
    expect(again.moves.get(first.line)).toBe(3 * hour);
  });

  it('keeps to a move that was written down before a crash', async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock(0);
    const first = await begun({ disk, clock, askTimeService: waiting });
    const began = first.now();
    clock.advance(5000);
    expect(await first.settle({ kind: 'known', ms: hour })).toBe(true);
    const stamped = { spans: [{ line: first.line, begin: began, end: first.now() }], lastKnown: -Infinity };
    const second = await begun({ disk, clock, askTimeService: waiting }, stamped);
    expect([second.known, second.now(), second.moves.get(first.line)]).toStrictEqual([true, began + 5000 + hour, hour]);
  });

  it('says when what is to be moved could not be written down', async () => {
    let fails = false;
    const disk = new MemoryDisk();
    const failing = watched(disk, () => {
      if (fails) throw new Error('EIO');
    });
    const time = await timeOf({ disk: failing, folder: '/data', askTimeService: waiting });
    await time.begin(nothing, false);
    fails = true;
    expect(await time.settle({ kind: 'known', ms: 0 })).toBe(false);
    fails = false;
    expect(await time.settle({ kind: 'known', ms: 0 })).toBe(true);
  });

  it('takes what cannot wait as it is, and goes on under another name', async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock(0);
    const first = await begun({ disk, clock, askTimeService: waiting });
    clock.advance(5000);
    const spans = [{ line: first.line, begin: first.now() - 5000, end: first.now() }];
    const second = await begun({ disk, clock, askTimeService: waiting }, { spans, lastKnown: -Infinity }, true);
    expect([second.known, second.moves.get(first.line), second.now()]).toStrictEqual([false, 0, first.now()]);
    expect(second.line).not.toBe(first.line);
  });

  it('writes itself down every ten minutes and at the end, for a start without any clock', async () => {
    const disk = new MemoryDisk();
    const clock = new FakeClock(start);
    const time = await begun({ disk, clock, askTimeService: synchronised });
    const end = new AbortController();
    const running = time.run(end.signal);
    for (let seconds = 0; seconds < 600; seconds += 30) {
      expect(await readClockFile(disk, '/data/clock')).toBeUndefined();
      clock.advance(30_000);
      await settle();
    }
    expect(await readClockFile(disk, '/data/clock')).toMatchObject({ time: start + 600_000 });
    clock.advance(1000);
    end.abort();
    await running;
    expect(await readClockFile(disk, '/data/clock')).toMatchObject({ time: start + 601_000 });
    const later = await begun({ disk, clock: new FakeClock(0), askTimeService: waiting, more: { machine: 'other' } });
    expect(later.now()).toBe(start + 601_000);
  });

  it('says what is wrong with it: set by somebody, estimated, ahead', async () => {
    const clock = new FakeClock(start);
    let service = synchronised;
    const time = await begun({ disk: new MemoryDisk(), clock, askTimeService: () => service() });
    expect(clockHealth(time)).toMatchObject({ up: true });
    service = waiting;
    clock.step(hour);
    time.look();
    expect(clockHealth(time)?.detail).toContain("the machine's clock was set 60 min ahead");
    clock.step(-2 * hour);
    time.look();
    expect(clockHealth(time)?.detail).toContain("the machine's clock was set 60 min behind");
    service = synchronised;
    await time.ask();
    time.look();
    expect(clockHealth(time)?.detail).toBe('was 60 min ahead: runs at half speed until it is right');
    const other = await begun({ disk: new MemoryDisk(), clock, askTimeService: waiting });
    other.apply(other.giveUp());
    expect(clockHealth(other)?.detail).toContain('estimate');
  });
});
