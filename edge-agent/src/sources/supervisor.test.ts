import { describe, expect, it } from 'vitest';
import { Health } from '../health.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { settle } from '../testing/station.ts';
import type { Delivery, Source } from './source.ts';
import { supervise } from './supervisor.ts';

const delivery = (arrival: number): Delivery => ({
  readings: [],
  deadLetters: [],
  arrival,
  received: 0,
  attempt: 'only',
  ack: () => undefined,
});

/** Supervises sources until the returned `end` is called. */
function start(sources: Record<string, Source>, take: (delivery: Delivery) => Promise<void> = async () => undefined) {
  const clock = new FakeClock();
  const health = new Health(
    () => clock.now(),
    () => undefined,
  );
  const end = new AbortController();
  const done = Promise.all(
    Object.entries(sources).map(([id, source]) =>
      supervise({ id, source, health, clock, random: () => 0.999_999, take }, end.signal),
    ),
  );
  const stop = async (): Promise<void> => {
    end.abort();
    await done;
  };
  return { clock, health, stop };
}

describe('a supervised source', () => {
  it('that throws says why and is opened again, later and later', async () => {
    let opened = 0;
    const broken: Source = {
      async *open() {
        opened += 1;
        yield delivery(opened);
        throw new Error('unplugged: plug it in again');
      },
    };
    const { clock, health, stop } = start({ broken });
    for (let attempt = 1; attempt <= 10; attempt++) {
      await expect.poll(() => clock.sleepers).toBe(1);
      expect(opened).toBe(attempt);
      clock.advance(clock.slept.at(-1) ?? 0);
    }
    expect(clock.slept.map((ms) => Math.round(ms))).toEqual([
      500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000,
    ]);
    expect(health.all()).toMatchObject([
      { part: 'source broken', up: false, detail: 'unplugged: plug it in again (tried every 30 s by now)' },
    ]);
    await stop();
  });

  it('that failed eight times in a row is tried now and then, until it stays open', async () => {
    let isWell = false;
    let fail: (error: Error) => void = () => undefined;
    const source: Source = {
      async *open() {
        if (!isWell) throw new Error('no answer');
        yield await new Promise<never>((_, reject) => (fail = reject));
      },
    };
    const { clock, health, stop } = start({ source });
    const next = async (): Promise<number> => {
      await expect.poll(() => clock.sleepers).toBe(1);
      return Math.round(clock.slept.at(-1) ?? 0);
    };
    const details: (string | undefined)[] = [];
    for (let attempt = 1; attempt <= 9; attempt++) {
      const pause = await next();
      details.push(health.all()[0]?.detail);
      clock.advance(pause);
    }
    expect(details.slice(5)).toEqual([
      'no answer',
      'no answer',
      ...Array(2).fill('no answer (tried every 30 s by now)'),
    ]);
    // The last pause is over: the source is just being opened.
    isWell = true;
    await settle();
    clock.advance(20_000);
    fail(new Error('gone'));
    expect(await next()).toBe(500);
    expect(health.all()[0]?.detail).toBe('gone');
    await stop();
  });

  it('that was well for a while is soon opened again', async () => {
    let fail: (error: Error) => void = () => undefined;
    const source: Source = {
      async *open() {
        yield await new Promise<never>((_, reject) => (fail = reject));
      },
    };
    const { clock, stop } = start({ source });
    for (const [wellMs, expected] of [
      [0, 500],
      [5000, 1000],
      [20_000, 500],
      [0, 1000],
    ] as const) {
      await settle();
      clock.advance(wellMs);
      fail(new Error('gone'));
      await expect.poll(() => clock.sleepers).toBe(1);
      expect(Math.round(clock.slept.at(-1) ?? 0)).toBe(expected);
      clock.advance(expected);
    }
    const stopped = stop();
    await settle();
    fail(new Error('closed'));
    await stopped;
  });

  it('that ends without a word is opened again', async () => {
    let opened = 0;
    const source: Source = {
      // oxlint-disable-next-line eslint/require-yield -- it has nothing to give
      async *open() {
        opened += 1;
      },
    };
    const { clock, stop } = start({ source });
    await expect.poll(() => clock.sleepers).toBe(1);
    clock.advance(500);
    await expect.poll(() => opened).toBe(2);
    await stop();
  });

  it('disturbs no other, whether it throws or hangs', async () => {
    const taken: number[] = [];
    const good: Source = {
      async *open(signal) {
        for (let count = 1; count <= 5; count++) yield delivery(count);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    };
    const bad: Source = {
      async *open() {
        yield await Promise.reject(new Error('broken'));
      },
    };
    const hanging: Source = {
      async *open(signal) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        yield* [];
      },
    };
    const { health, stop } = start({ bad, hanging, good }, async ({ arrival }) => void taken.push(arrival));
    await expect.poll(() => taken).toEqual([1, 2, 3, 4, 5]);
    expect(health.all().map(({ part }) => part)).toEqual(['source bad']);
    await stop();
  });

  it('is asked for the next delivery only when the last is taken', async () => {
    let given = 0;
    const source: Source = {
      async *open() {
        for (;;) yield delivery((given += 1));
      },
    };
    let goOn: () => void = () => undefined;
    const { stop } = start({ source }, () => new Promise((resolve) => (goOn = resolve)));
    await settle();
    expect(given).toBe(1);
    goOn();
    await expect.poll(() => given).toBe(2);
    void stop();
  });
});
