// What every source promises, whatever it reads: the same suite for all of them, on real far sides. What is special to one is in
// its own tests.

import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Health } from '../health.ts';
import { systemClock } from '../time/clock.ts';
import { farSides, type FarSide, type FarSideKind } from '../testing/far-side.ts';
import { Puller } from '../testing/puller.ts';
import { Router } from './router.ts';
import type { Delivery } from './source.ts';
import { supervise } from './supervisor.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');
const patience = { timeout: 20_000, interval: 20 };

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** What nobody waits for must not end the process. */
function noRejections(): unknown[] {
  const heard: unknown[] = [];
  const hear = (reason: unknown): void => void heard.push(reason);
  process.on('unhandledRejection', hear);
  onTestFinished(() => void process.off('unhandledRejection', hear));
  return heard;
}

/** Runs a source as the agent does, with short pauses. */
function supervised({ kind }: FarSideKind, { raw, channel }: FarSide) {
  const deliveries: Delivery[] = [];
  const health = new Health(
    () => 0,
    () => undefined,
  );
  const context = {
    id: 'board',
    gateway: 'bench',
    base: '/',
    data: '/',
    clock: systemClock,
    router: new Router(new Map([[channel, channel]]), new SeriesTable(10)),
    random: () => 0,
    opened: () => health.up('source board'),
    device: () => undefined,
    trouble: () => undefined,
    hurry: () => undefined,
  };
  const end = new AbortController();
  const take = async (delivery: Delivery): Promise<void> => {
    deliveries.push(delivery);
    delivery.ack();
  };
  const source = kind.make({ kind: kind.key, raw }, context);
  const done = supervise({ id: 'board', source, health, clock: systemClock, random: () => 0, take }, end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await done;
  };
  onTestFinished(stop);
  return {
    stop,
    isUp: () => health.all()[0]?.up === true,
    readings: () => deliveries.reduce((sum, { readings }) => sum + readings.length, 0),
    letters: () => deliveries.reduce((sum, { deadLetters }) => sum + deadLetters.length, 0),
  };
}

describe.each(farSides.map((side) => [side.name, side] as const))('%s as a source', (_, side) => {
  it.skipIf(!side.isHere)(
    'gives what the far side says, and ends when it is told to, with nothing left open',
    async () => {
      const rejections = noRejections();
      const far = await side.make();
      const speaking = setInterval(() => void far.speak().catch(() => undefined), 20);
      onTestFinished(() => clearInterval(speaking));
      // Modules and pools are opened once.
      const first = new Puller(side.kind, far.raw, { channels: [far.channel] });
      await expect.poll(() => first.readings.length, patience).toBeGreaterThan(0);
      await first.end();
      const before = descriptors();
      for (let round = 0; round < 5; round++) {
        const puller = new Puller(side.kind, far.raw, { channels: [far.channel] });
        await expect.poll(() => puller.readings.length, patience).toBeGreaterThan(0);
        expect(puller.readings[0]).toMatch(new RegExp(`/${far.channel} = `));
        await puller.end();
        expect(puller.error).toBeUndefined();
      }
      await expect.poll(descriptors, patience).toBeLessThanOrEqual(before);
      expect(rejections).toEqual([]);
    },
  );

  it.skipIf(!side.isHere)('can be told to end at any moment', async () => {
    const rejections = noRejections();
    const far = await side.make();
    for (const waitMs of [0, 0, 1, 2, 5, 10, 20, 40]) {
      const puller = new Puller(side.kind, far.raw, { channels: [far.channel] });
      await new Promise((done) => setTimeout(done, waitMs));
      await puller.end();
      expect(puller.error).toBeUndefined();
    }
    const last = new Puller(side.kind, far.raw, { channels: [far.channel] });
    const speaking = setInterval(() => void far.speak().catch(() => undefined), 20);
    onTestFinished(() => clearInterval(speaking));
    await expect.poll(() => last.readings.length, patience).toBeGreaterThan(0);
    expect(rejections).toEqual([]);
  });

  it.skipIf(!side.isHere)('gives one delivery at a time, and the next when it is asked', async () => {
    const far = await side.make();
    const puller = new Puller(side.kind, far.raw, { channels: [far.channel], paused: true });
    const speaking = setInterval(() => void far.speak().catch(() => undefined), 5);
    onTestFinished(() => clearInterval(speaking));
    await expect.poll(() => puller.deliveries.length, patience).toBe(1);
    await new Promise((done) => setTimeout(done, 200));
    expect(puller.deliveries).toHaveLength(1);
    puller.resume();
    await expect.poll(() => puller.deliveries.length, patience).toBeGreaterThan(1);
  });
});

describe.each(farSides.filter(({ leaves }) => leaves).map((side) => [side.name, side] as const))(
  '%s as a source',
  (_, side) => {
    it.skipIf(!side.isHere)('is down while the far side is away, and up when it is back', async () => {
      const rejections = noRejections();
      const far = await side.make();
      const { leave, comeBack } = far;
      if (leave === undefined || comeBack === undefined) throw new Error('it cannot go away');
      const source = supervised(side, far);
      const speaking = setInterval(() => void far.speak().catch(() => undefined), 20);
      onTestFinished(() => clearInterval(speaking));
      await expect.poll(() => source.readings(), patience).toBeGreaterThan(0);
      for (let round = 0; round < 3; round++) {
        await leave();
        await expect.poll(source.isUp, patience).toBe(false);
        await comeBack();
        await expect.poll(source.isUp, patience).toBe(true);
        const before = source.readings();
        await expect.poll(() => source.readings(), patience).toBeGreaterThan(before);
      }
      await source.stop();
      expect(rejections).toEqual([]);
    });
  },
);

describe.each(farSides.filter(({ babbles }) => babbles).map((side) => [side.name, side] as const))(
  '%s as a source',
  (_, side) => {
    it.skipIf(!side.isHere)('counts what is no reading, keeps no memory of it, and reads on', async () => {
      const far = await side.make();
      const { babble } = far;
      if (babble === undefined) throw new Error('there is nothing to say it with');
      const source = supervised(side, far);
      await expect.poll(source.isUp, patience).toBe(true);
      const garbage = Buffer.from(Array.from({ length: 4000 }, (_, index) => (index * 167 + 13) % 256));
      const round = async (): Promise<void> => {
        for (let time = 0; time < 100; time++) await babble(garbage);
        const before = source.readings();
        await expect
          .poll(async () => {
            await far.speak();
            return source.readings();
          }, patience)
          .toBeGreaterThan(before);
        collectGarbage();
      };
      await round();
      expect(source.letters()).toBeGreaterThan(0);
      const before = process.memoryUsage().heapUsed;
      for (let time = 0; time < 3; time++) await round();
      // The suite keeps every dead letter, of 200 characters each; the source must keep none.
      const kept = source.letters() * 1000;
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(3e6 + kept);
    });
  },
);
