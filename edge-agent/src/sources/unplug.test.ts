// A serial line that is pulled out and plugged in a hundred times while its board prints.

import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { expect, it, onTestFinished } from 'vitest';
import { Health } from '../health.ts';
import { cable, hasSocat } from '../testing/cable.ts';
import { systemClock } from '../time/clock.ts';
import { Router } from './router.ts';
import { serial } from './serial.ts';
import { supervise } from './supervisor.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const rounds = 100;
const linesARound = 1000;
const patience = { timeout: 30_000, interval: 5 };

it.skipIf(!hasSocat)(
  'pulled out a hundred times under load, a line loses nothing that had reached it, and nothing leaks (needs socat)',
  async () => {
    const line = await cable();
    const health = new Health(
      () => 0,
      () => undefined,
    );
    const values: number[] = [];
    const letters: string[] = [];
    // Pauses are short here: what is tried is how a line is opened and closed, not how long one waits.
    const clock = { ...systemClock, sleep: (ms: number, signal: AbortSignal) => systemClock.sleep(ms / 100, signal) };
    const context = {
      id: 'board',
      gateway: 'bench',
      base: '/',
      data: '/',
      clock,
      router: new Router(new Map([['n', 'n']]), new SeriesTable(10)),
      random: () => 0,
      opened: () => health.up('source board'),
      device: () => undefined,
      trouble: () => undefined,
      hurry: () => undefined,
    };
    const source = serial.make({ kind: 'serial', raw: { serial: line.path, format: 'kv' } }, context);
    const end = new AbortController();
    const running = supervise(
      {
        id: 'board',
        source,
        health,
        clock,
        random: () => 0,
        take: async ({ readings, deadLetters }) => {
          values.push(...readings.map(({ value }) => value));
          letters.push(...deadLetters.map(({ sample }) => sample));
        },
      },
      end.signal,
    );
    onTestFinished(async () => {
      end.abort();
      await running;
    });
    const isUp = (): boolean => health.all()[0]?.up === true;
    let before = { descriptors: 0, heap: 0 };
    for (let round = 0; round < rounds; round++) {
      if (round > 0) await line.plugIn();
      await expect.poll(isUp, patience).toBe(true);
      const first = round * linesARound;
      const heard = (): number[] => values.filter((value) => value >= first);
      // Every other time it is pulled out in the middle of what it prints.
      const isCutShort = round % 2 === 1;
      let printed = 0;
      const printing = (async () => {
        for (; printed < linesARound; printed++) await line.print(`n=${first + printed}\n`);
      })().catch(() => undefined);
      await expect.poll(() => heard().length, patience).toBeGreaterThan(isCutShort ? 50 : linesARound - 1);
      await line.unplug();
      await printing;
      await expect.poll(isUp, patience).toBe(false);
      const got = heard();
      expect(got).toEqual(Array.from({ length: got.length }, (_, index) => first + index));
      values.length = 0;
      if (round !== 9 && round !== rounds - 1) continue;
      collectGarbage();
      const now = { descriptors: readdirSync('/proc/self/fd').length, heap: process.memoryUsage().heapUsed };
      if (round === 9) before = now;
      else {
        expect(now.descriptors).toBeLessThanOrEqual(before.descriptors);
        expect(now.heap - before.heap).toBeLessThan(2e6);
      }
    }
    // A line that is cut off has no end, and is never taken for a shorter number.
    expect(letters).toEqual([]);
  },
  180_000,
);
