// The uplink over a link in the time of the test: what an alert waits for, what a slow link carries, who comes back when.

import { encodeStatus, type RawReadings } from '@weir/shared/wire/codec.ts';
import type { Lane } from '@weir/shared/wire/topics.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Health } from '../health.ts';
import type { Disk } from '../log/disk.ts';
import { Outbox } from '../log/outbox.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { MemoryDisk } from '../testing/memory-disk.ts';
import { pane, transition } from '../testing/outputs.ts';
import { randomFrom } from '../testing/random.ts';
import { SlowLink } from '../testing/slow-link.ts';
import { settle } from '../testing/station.ts';
import { unreliable } from '../testing/unreliable-disk.ts';
import { Uplink, type UplinkParts } from './uplink.ts';

const raw: RawReadings = {
  request: 'r1',
  last: true,
  shortfall: '',
  series: { device: 'press', signal: 'temperature' },
  times: Float64Array.of(1),
  values: Float64Array.of(2),
  qualities: ['good'],
};

/** What nothing makes smaller: about 70 bytes a pane. */
const compute = ['mean', 'min', 'max', 'first', 'last', 'sum', 'p50', 'p95'] as const;
const window = { ...pane(0).window, compute };

async function openOutbox(disk: Disk = new MemoryDisk()): Promise<Outbox> {
  const options = { folder: '/outbox', maxBytes: 1e9, journalIncarnation: 'journal' };
  return Outbox.open(disk, { ...options, newIncarnation: () => '0123456789abcdef' });
}

type Choices = Partial<UplinkParts> & {
  readonly bytesPerSecond?: number;
  readonly linkRate?: number;
  readonly delayMs?: number;
};

async function start({ linkRate = Infinity, delayMs = 0, ...choices }: Choices = {}) {
  const clock = new FakeClock();
  const link = new SlowLink(clock, { bytesPerSecond: linkRate, delayMs });
  const outbox = choices.outbox ?? (await openOutbox());
  const health = new Health(
    () => 0,
    () => undefined,
  );
  const uplink = new Uplink({
    connect: link.connect,
    gateway: 'line-3',
    key: () => undefined,
    outbox,
    health,
    clock,
    random: () => 0.5,
    status: (online) => encodeStatus({ online }),
    statusMs: 5000,
    ...choices,
  });
  const end = new AbortController();
  const running = uplink.run(end.signal);
  onTestFinished(() => end.abort());
  let cause = 0;
  const values = randomFrom(1);
  const put = async (panes: number, transitions: readonly number[] = []): Promise<void> => {
    for (let index = 0; index < panes; index += 10) {
      const some = Array.from({ length: 10 }, (_, at) => ({
        ...pane(index + at),
        window,
        values: compute.map(values),
      }));
      outbox.append((cause += 1), { panes: some, transitions: [] });
    }
    for (const index of transitions) outbox.append((cause += 1), { panes: [], transitions: [transition(index)] });
    await outbox.sync();
    uplink.nudge();
  };
  const pass = async (ms: number): Promise<void> => {
    for (let step = 0; step < ms; step += 10) {
      clock.advance(10);
      await settle();
    }
  };
  const bytes = (of: Lane, from: number): number =>
    link.arrivals.reduce((sum, { lane, at, bytes }) => sum + (lane === of && at >= from ? bytes : 0), 0);
  return { clock, link, outbox, uplink, health, put, pass, bytes, end, running };
}

describe('the uplink on a slow link', () => {
  it.each([
    { linkRate: 4000, delayMs: 50, withinMs: 1000 },
    { linkRate: 16_000, delayMs: 50, withinMs: 300 },
    { linkRate: 64_000, delayMs: 20, withinMs: 300 },
    { linkRate: 48_000, delayMs: 300, withinMs: 500 },
  ])('of $linkRate B/s and $delayMs ms lets an alert overtake a backlog, and is made use of', async (one) => {
    const { clock, link, put, pass, bytes } = await start(one);
    await put(one.linkRate / 4);
    // Until it knows the link.
    await pass(6000);
    const from = clock.monotonicMs();
    const waited: number[] = [];
    for (let alert = 0; alert < 4; alert++) {
      await put(0, [alert]);
      const putAt = clock.monotonicMs();
      await pass(970);
      waited.push((link.arrivals.findLast(({ lane }) => lane === 'alerts')?.at ?? Infinity) - putAt);
    }
    const seconds = (clock.monotonicMs() - from) / 1000;
    expect(Math.max(...waited)).toBeLessThan(one.withinMs);
    expect(bytes('panes', from) / seconds).toBeGreaterThan(0.8 * one.linkRate);
  });

  it('has one status on the way, however slow', async () => {
    let asked = 0;
    const status = (): Uint8Array => new Uint8Array(((asked += 1), 90_000));
    const { pass } = await start({ linkRate: 1000, statusMs: 1000, status });
    await pass(85_000);
    expect(asked).toBe(1);
    await pass(6000);
    expect(asked).toBe(2);
  });

  it('sends raw readings when no pane waits', async () => {
    const { outbox, link, uplink, put, pass } = await start({ linkRate: 4000 });
    await pass(100);
    await put(400);
    outbox.appendRaw([raw]);
    await outbox.sync();
    uplink.nudge();
    await pass(10_000);
    const order = link.arrivals.map(({ lane }) => lane);
    expect(order.filter((lane) => lane === 'raw')).toHaveLength(1);
    expect(order.at(-1)).toBe('raw');
    expect(order.length).toBeGreaterThan(5);
  });
});

describe('the uplink whose hub does not acknowledge', () => {
  it('sends the window again, and waits longer each time', async () => {
    const { clock, link, put, pass } = await start();
    link.acknowledging = false;
    await pass(100);
    const began = clock.monotonicMs();
    await put(10);
    await pass(150_000);
    expect(link.attempts).toHaveLength(1);
    expect(link.arrivals.map(({ at, last }) => [Math.round((at - began) / 1000), last])).toEqual([
      [0, 1],
      [20, 1],
      [60, 1],
      [140, 1],
    ]);
  });

  it('does not send again what has not even arrived', async () => {
    const { link, put, pass } = await start({ linkRate: 50 });
    await pass(100);
    await put(40);
    // A batch takes half a minute.
    await pass(100_000);
    const lasts = link.arrivals.map(({ last }) => last);
    expect(lasts.at(-1)).toBe(4);
    expect(new Set(lasts).size).toBe(lasts.length);
  });
});

describe('the uplink on a disk that cannot be read', () => {
  it('says so, sends alerts, and goes on with panes when it works again', async () => {
    let isFailing = false;
    const disk = unreliable(new MemoryDisk(), {
      failure: ({ name, path }) =>
        isFailing && name.startsWith('read') && path.includes('/panes/')
          ? { error: new Error('EIO: the card is worn'), effect: 'none' }
          : undefined,
    });
    const { link, put, pass, health } = await start({ outbox: await openOutbox(disk) });
    const troubles = (): string[] => health.all().flatMap(({ up, detail }) => (up ? [] : [detail]));
    await put(10);
    await pass(100);
    isFailing = true;
    await put(10);
    await pass(100);
    await put(0, [1]);
    await pass(100);
    expect(troubles()).toEqual(['EIO: the card is worn']);
    expect(link.arrivals.map(({ lane }) => lane)).toEqual(['panes', 'alerts']);
    isFailing = false;
    await pass(3000);
    expect(troubles()).toEqual([]);
    expect(link.arrivals.at(-1)).toMatchObject({ lane: 'panes', last: 2 });
    expect(link.attempts).toHaveLength(1);
  });
});

describe('the rate limit of the uplink', () => {
  it('holds back panes, second by second, and no alert', async () => {
    const { clock, put, pass, bytes, link } = await start({ bytesPerSecond: 2000, statusMs: 1e6 });
    await put(1000);
    await pass(5000);
    await put(0, [1]);
    await pass(10);
    expect(link.arrivals.at(-1)).toMatchObject({ lane: 'alerts', last: 1 });
    for (let second = 0; second < 5; second++) {
      const from = clock.monotonicMs();
      await pass(1000);
      expect(bytes('panes', from)).toBeGreaterThan(500);
      expect(bytes('panes', from)).toBeLessThan(4000);
    }
    expect(bytes('panes', 0) / 10).toBeLessThan(2500);
    expect(bytes('panes', 0) / 10).toBeGreaterThan(1700);
  });
});

/** Gateways of one hub, each with an outbox that is empty. */
async function fleet(gateways: number) {
  const clock = new FakeClock();
  const link = new SlowLink(clock, { delayMs: 20 });
  const outbox = await openOutbox();
  const health = new Health(
    () => 0,
    () => undefined,
  );
  const end = new AbortController();
  onTestFinished(() => end.abort());
  for (let index = 0; index < gateways; index++) {
    const parts = { connect: link.connect, key: () => undefined, outbox, health, clock, random: randomFrom(index) };
    const status = (): Uint8Array => new Uint8Array();
    void new Uplink({ ...parts, gateway: `g${index}`, status, statusMs: 60_000 }).run(end.signal);
  }
  const pass = async (ms: number, stepMs: number): Promise<void> => {
    for (let step = 0; step < ms; step += stepMs) {
      clock.advance(stepMs);
      await settle();
    }
  };
  /** The most attempts in any second since `from`. */
  const peak = (from: number): number => {
    const times = link.attempts.filter((at) => at >= from).toSorted((a, b) => a - b);
    return Math.max(0, ...times.map((at, first) => times.findLastIndex((other) => other < at + 1000) - first + 1));
  };
  return { clock, link, pass, peak };
}

describe('a thousand gateways', () => {
  it.each([
    { downMs: 0, mostASecond: 320, backWithinMs: 4500 },
    { downMs: 30_000, mostASecond: 80, backWithinMs: 60_100 },
    { downMs: 180_000, mostASecond: 60, backWithinMs: 60_100 },
  ])('whose hub is gone for $downMs ms do not come back in one instant', async (one) => {
    const { clock, link, pass, peak } = await fleet(1000);
    await pass(120_000, 10_000);
    expect(link.attempts).toHaveLength(1000);
    link.isUp = one.downMs === 0;
    link.cut();
    await pass(one.downMs, 250);
    link.isUp = true;
    const backAt = clock.monotonicMs();
    await pass(one.backWithinMs, 100);
    expect(link.connected).toBe(1000);
    expect(peak(backAt)).toBeLessThan(one.mostASecond);
  });
});

describe('the uplink that is let in and sent away', () => {
  it('waits longer each time', async () => {
    const { link, pass } = await start({ random: () => 0.999 });
    for (let second = 0; second < 300; second++) {
      link.cut();
      await pass(1000);
    }
    const waits = link.attempts.map((at, index) => Math.round((at - (link.attempts[index - 1] ?? at)) / 1000));
    expect(waits).toEqual([0, 4, 9, 17, 32, 60, 60, 60]);
  });

  it('comes back soon when the hub had stored something of it', async () => {
    const { link, put, pass } = await start({ random: () => 0.999 });
    for (let round = 0; round < 10; round++) {
      await put(10);
      await pass(100);
      link.cut();
      await pass(5000);
    }
    expect(link.attempts).toHaveLength(11);
  });

  it('comes back soon when the connection had lived for a minute', async () => {
    const { link, pass } = await start({ random: () => 0.999 });
    await pass(1000);
    for (let round = 0; round < 4; round++) {
      link.cut();
      await pass(65_000);
    }
    const waits = link.attempts.slice(1).map((at, index) => at - (link.attempts[index] ?? 0));
    expect(Math.max(...waits)).toBeLessThan(66_000);
  });
});
