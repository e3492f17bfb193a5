import type { Quality } from '@weir/shared/model/quality.ts';
import { decodeFrame, type RawReadings, type RawRequest } from '@weir/shared/wire/codec.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Health } from '../health.ts';
import type { RawRange, RawRun } from '../log/black-box.ts';
import { Outbox } from '../log/outbox.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { MemoryDisk } from '../testing/memory-disk.ts';
import { settle } from '../testing/station.ts';
import { RawAnswers, type RawLane, type RawSource } from './raw-answers.ts';

const series = { device: 'press', signal: 'temperature' };

function request(id: string, from: number, to: number): RawRequest {
  return { id, series, from, to };
}

/** One reading a second since `oldest`; in runs of 700. */
class BlackBox implements RawSource {
  oldest: number | undefined = 0;
  newest = 5e6;
  failures = 0;
  /** Ranges it was read for, in order. */
  readonly asked: RawRange[] = [];

  async *read(range: RawRange): AsyncGenerator<RawRun> {
    this.asked.push(range);
    const times: number[] = [];
    for (let time = this.oldest ?? Infinity; time < this.newest; time += 1000) {
      if (time >= range.from && time < range.to) times.push(time);
    }
    for (let at = 0; at < times.length; at += 700) {
      const some = Float64Array.from(times.slice(at, at + 700));
      const qualities = Array.from(some, (time): Quality => (time % 7000 === 0 ? 'uncertain' : 'good'));
      yield { times: some, values: some.map((time) => time / 10), qualities };
      if (this.failures > 0) {
        this.failures -= 1;
        throw new Error('EIO');
      }
    }
  }
}

class Lane implements RawLane {
  readonly blocks: RawReadings[] = [];
  acked = 0;
  synced = 0;

  get pendingRecords(): number {
    return this.blocks.length - this.acked;
  }

  appendRaw(raw: readonly RawReadings[]): void {
    this.blocks.push(...raw);
  }

  async sync(): Promise<void> {
    await Promise.resolve();
    this.synced = this.blocks.length;
  }
}

function start() {
  const clock = new FakeClock(1e9);
  const source = new BlackBox();
  const lane = new Lane();
  const health = new Health(
    () => 0,
    () => undefined,
  );
  let grown = 0;
  const answers = new RawAnswers({ source, lane, health, clock, commitMs: () => 500, grew: () => (grown += 1) });
  const end = new AbortController();
  const running = answers.run(end.signal);
  onTestFinished(async () => {
    end.abort();
    await running;
  });
  const trouble = (): string | undefined => health.all().find(({ up }) => !up)?.detail;
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settle();
  };
  /** As a hub that stores everything at once. */
  const drain = async (): Promise<void> => {
    while (lane.acked < lane.blocks.length) {
      lane.acked = lane.blocks.length;
      answers.stored();
      await settle();
    }
  };
  return { clock, source, lane, answers, pass, drain, trouble, end, running, grown: () => grown };
}

describe('raw readings that the hub asks for', () => {
  it('go out in blocks, and the last one says so', async () => {
    const { lane, answers, drain, grown } = start();
    answers.ask(request('r1', 10_000, 5e6));
    await settle();
    await drain();
    expect(lane.blocks.map(({ times, last }) => [times.length, last])).toEqual([
      [2000, false],
      [2000, false],
      [990, true],
    ]);
    const times = lane.blocks.flatMap((block) => [...block.times]);
    expect(times).toEqual(Array.from({ length: 4990 }, (_, index) => 10_000 + index * 1000));
    expect(lane.blocks.flatMap(({ values }) => [...values])).toEqual(times.map((time) => time / 10));
    expect(lane.blocks.flatMap(({ qualities }) => qualities)).toEqual(
      times.map((time) => (time % 7000 === 0 ? 'uncertain' : 'good')),
    );
    for (const block of lane.blocks) expect(block).toMatchObject({ request: 'r1', series, shortfall: '' });
    expect(lane.synced).toBe(3);
    expect(grown()).toBe(3);
    expect(answers.open).toBe(0);
  });

  it('are answered also when there are none: the hub need not wait', async () => {
    const { lane, answers } = start();
    answers.ask(request('r1', 100, 200));
    answers.ask(request('r2', 200, 100));
    await settle();
    expect(lane.blocks.map(({ request: id, times, last, shortfall }) => [id, times.length, last, shortfall])).toEqual([
      ['r1', 0, true, ''],
      ['r2', 0, true, ''],
    ]);
  });

  it('are never many blocks ahead of the hub', async () => {
    const { source, lane, answers, drain } = start();
    source.newest = 5e7;
    answers.ask(request('r1', 0, 5e7));
    await settle();
    expect(lane.blocks).toHaveLength(8);
    lane.acked = 3;
    answers.stored();
    await settle();
    expect(lane.blocks).toHaveLength(11);
    await drain();
    expect(lane.blocks.reduce((sum, { times }) => sum + times.length, 0)).toBe(50_000);
  });

  it('go on when the outbox let go of what the hub has not got', async () => {
    const { source, lane, answers, pass } = start();
    source.newest = 5e7;
    answers.ask(request('r1', 0, 5e7));
    await settle();
    lane.acked = 8;
    await pass(10_000);
    expect(lane.blocks).toHaveLength(16);
  });

  it('are waited for when they are still to come, and for one commit more', async () => {
    const { clock, lane, answers, pass } = start();
    const now = clock.now();
    answers.ask(request('later', 0, now + 60_000));
    answers.ask(request('now', 0, 1000));
    await settle();
    expect(lane.blocks.map(({ request: id }) => id)).toEqual(['now']);
    for (let second = 0; second < 60; second++) await pass(1000);
    expect(lane.blocks).toHaveLength(1);
    await pass(1000);
    expect(lane.blocks[1]).toMatchObject({ request: 'later', shortfall: '' });
  });

  it('are not waited for for ever', async () => {
    const { lane, answers, pass } = start();
    answers.ask(request('r1', 4_990_000, 8e15));
    for (let minute = 0; minute < 16; minute++) await pass(60_000);
    expect(lane.blocks).toHaveLength(1);
    expect(lane.blocks[0]?.times).toHaveLength(10);
    expect(lane.blocks[0]?.shortfall).toBe('at the gateway it is 1970-01-12T14:02:40.000Z');
  });

  it('say why there is less than was asked for', async () => {
    const { source, lane, answers } = start();
    source.oldest = 4_000_000;
    answers.ask(request('partly', 3_990_000, 4_010_000));
    answers.ask(request('all', 4_000_000, 4_010_000));
    await settle();
    source.oldest = undefined;
    answers.ask(request('none', 0, 1000));
    await settle();
    expect(lane.blocks.map(({ times, shortfall }) => [times.length, shortfall])).toEqual([
      [10, 'the gateway keeps raw readings that arrived since 1970-01-01T01:06:40.000Z'],
      [10, ''],
      [0, 'the gateway has no raw readings'],
    ]);
  });

  it('are at most a million at a time', async () => {
    const { source, lane, answers, drain } = start();
    source.oldest = -2e6;
    source.newest = 999e6;
    answers.ask(request('r1', -1e6, 999e6));
    answers.ask(request('r2', -2e6, 999e6));
    await settle();
    await drain();
    const [first, second] = lane.blocks.filter(({ last }) => last);
    const readings = lane.blocks.reduce((sum, { times }) => sum + times.length, 0);
    expect(readings).toBe(2_000_000);
    expect(first?.shortfall).toBe('');
    expect(second?.shortfall).toBe('there are more than 1000000');
  });

  it('are answered once while the request is open or the answer on its way, and again when it got lost', async () => {
    const { lane, answers } = start();
    const one = request('r1', 0, 5000);
    answers.ask(one);
    answers.ask(one);
    await settle();
    answers.ask(one);
    await settle();
    expect(lane.blocks).toHaveLength(1);
    // The hub has it, or it had to go: who asks now has not got it.
    lane.acked = 1;
    answers.ask(one);
    await settle();
    expect(lane.blocks).toHaveLength(2);
    expect(lane.blocks[1]).toEqual(lane.blocks[0]);
  });

  it('are tried again from the beginning when the disk fails, after the other requests', async () => {
    const { source, lane, answers, pass, trouble } = start();
    source.failures = 1;
    answers.ask(request('r1', 0, 5e6));
    answers.ask(request('r2', 0, 5000));
    await settle();
    expect(trouble()).toBe('EIO; trying again');
    await pass(10_000);
    await pass(10_000);
    const blocks = lane.blocks.filter(({ request: id }) => id === 'r1');
    expect(lane.blocks[0]).toMatchObject({ request: 'r2', last: true });
    expect(blocks.reduce((sum, { times }) => sum + times.length, 0)).toBe(5000);
    expect(trouble()).toBeUndefined();
  });

  it('are given up when the disk always fails: others wait as well', async () => {
    const { source, lane, answers, pass } = start();
    source.failures = Infinity;
    answers.ask(request('r1', 0, 5e6));
    await settle();
    for (let attempt = 0; attempt < 3; attempt++) await pass(10_000);
    expect(source.asked).toHaveLength(3);
    expect(lane.blocks).toMatchObject([
      { request: 'r1', last: true, shortfall: expect.stringContaining('disk fails') },
    ]);
    expect(answers.open).toBe(0);
  });

  it('are remembered for a thousand requests; the hub asks for the others again', async () => {
    const { clock, lane, answers, trouble, pass, drain } = start();
    const soon = clock.now() + 1000;
    for (let index = 0; index < 1100; index++) answers.ask(request(`r${index}`, soon, soon));
    expect(answers.open).toBe(1000);
    expect(trouble()).toContain('more than 1000 ranges at once');
    await pass(2000);
    await drain();
    expect(lane.blocks).toHaveLength(1000);
    expect(trouble()).toBeUndefined();
    answers.ask(request('r1050', soon, soon));
    await settle();
    expect(lane.blocks.at(-1)?.request).toBe('r1050');
  });

  it('end in the middle when the agent stops', async () => {
    const { source, lane, answers, end, running } = start();
    source.newest = 5e7;
    answers.ask(request('r1', 0, 5e7));
    await settle();
    end.abort();
    await running;
    expect(lane.blocks).toHaveLength(8);
    expect(lane.blocks.some(({ last }) => last)).toBe(false);
  });

  it('go through the outbox, and are acknowledged there', async () => {
    const outbox = await Outbox.open(new MemoryDisk(), {
      folder: '/outbox',
      maxBytes: 1e9,
      journalIncarnation: 'journal',
      newIncarnation: () => '0123456789abcdef',
    });
    const source = new BlackBox();
    source.newest = 3e7;
    const lane = outbox.lane('raw');
    const health = new Health(
      () => 0,
      () => undefined,
    );
    const parts = { source, lane, health, clock: new FakeClock(1e9), commitMs: () => 500, grew: () => undefined };
    const answers = new RawAnswers(parts);
    const end = new AbortController();
    const running = answers.run(end.signal);
    answers.ask(request('r1', 0, 3e7));
    const times: number[] = [];
    while (answers.open > 0 || lane.pendingRecords > 0) {
      await settle();
      for (const { seq, frame } of await lane.read(lane.acked, 1)) {
        times.push(...decodeFrame(frame).raw.flatMap((block) => [...block.times]));
        await lane.ack(seq);
        answers.stored();
      }
    }
    end.abort();
    await running;
    expect(times).toEqual(Array.from({ length: 30_000 }, (_, index) => index * 1000));
  });
});
