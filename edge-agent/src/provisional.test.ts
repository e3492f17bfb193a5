import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from './testing/fake-clock.ts';
import { finalPanes } from './testing/final-panes.ts';
import { HubModel } from './testing/hub-model.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { randomFrom } from './testing/random.ts';
import { gatewayText, Horn, settle, Station } from './testing/station.ts';
import { watched } from './testing/watched-disk.ts';
import type { Delivery } from './sources/source.ts';

const hour = 3_600_000;
const start = Date.UTC(2026, 10, 1);

interface PairOptions {
  /** How wrong the wall clock is; nobody vouches for it then. */
  readonly off?: number;
  readonly seed?: number;
  readonly text?: string;
  readonly journalMaxBytes?: number;
}

/** A gateway whose wall clock may be wrong, and beside it one whose clock never is: both read the same sensors. */
class Pair {
  readonly clock: FakeClock;
  readonly truth = new FakeClock(start);
  readonly hub = new HubModel();
  readonly rightHub = new HubModel();
  readonly horn = new Horn();
  readonly rightHorn = new Horn();
  readonly #random: () => number;
  #text: string;
  readonly #journalMaxBytes: number;
  #disk = new MemoryDisk();
  #machine = 0;
  #off = 0;
  #synchronised: boolean;
  #station: Station | undefined;
  #right: Station | undefined;
  #readings = 0;
  #callsLeft = Infinity;
  #failsIn = Infinity;
  #after: MemoryDisk | undefined = undefined;

  private constructor({ off, seed, text, journalMaxBytes }: Required<PairOptions>) {
    this.#journalMaxBytes = journalMaxBytes;
    this.clock = new FakeClock(start);
    this.clock.step(off);
    this.#off = off;
    this.#synchronised = off === 0;
    this.#random = randomFrom(seed);
    this.#text = text;
  }

  static async start(options: PairOptions = {}): Promise<Pair> {
    const { off = 0, seed = 1, text = gatewayText, journalMaxBytes = 256e6 } = options;
    const pair = new Pair({ off, seed, text, journalMaxBytes });
    pair.#right = await Station.start({ disk: new MemoryDisk(), clock: pair.truth, horn: pair.rightHorn, text });
    pair.#station = await pair.#boot();
    return pair;
  }

  get station(): Station {
    if (this.#station === undefined) throw new Error('not started');
    return this.#station;
  }

  get right(): Station {
    if (this.#right === undefined) throw new Error('not started');
    return this.#right;
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    this.truth.advance(ms);
  }

  /** Somebody sets the wall clock, and nobody vouches for it. */
  step(ms: number): void {
    this.clock.step(ms);
    this.#off += ms;
    this.#synchronised = false;
  }

  /** The time service sets the wall clock right, and vouches for it. */
  async sync(): Promise<void> {
    this.clock.step(-this.#off);
    this.#off = 0;
    this.#synchronised = true;
    await this.station.time.ask();
  }

  /** @param delay undefined for a sensor without a clock; else how long ago it took the reading, by its right clock */
  async read(value: number, delay?: number): Promise<void> {
    const device = delay === undefined ? 'plain' : 'clocked';
    this.#readings += 1;
    await take(this.station, {
      device,
      time: delay === undefined ? this.station.time.now() : this.truth.now() - delay,
      value,
    });
    await take(this.right, { device, time: this.truth.now() - (delay ?? 0), value });
  }

  async commit(): Promise<void> {
    await this.station.engine.commit();
    await this.right.engine.commit();
    await settle();
    await this.hub.receive(this.station.recovered.outbox);
    await this.rightHub.receive(this.right.recovered.outbox);
    this.expectBalanced();
  }

  /** The process is killed, or the machine is switched off for a while; what was committed is there afterwards. */
  async crash(machineOffMs?: number, text = this.#text): Promise<void> {
    this.#text = text;
    await this.commit();
    this.station.drop();
    this.#disk = this.#disk.cutPower(this.#random);
    if (machineOffMs !== undefined) {
      this.advance(machineOffMs);
      this.#machine += 1;
    }
    this.#station = await this.#boot();
  }

  /**
   * The time becomes known, and the power goes at some call to the disk while everything gets its true time.
   * @param later how much more the time service makes of the time afterwards
   */
  async cut(calls: number, later = 0): Promise<void> {
    await this.commit();
    await this.sync();
    this.#callsLeft = calls;
    for (let commit = 0; commit < 3; commit++) {
      await this.station.engine.commit();
      // A turn for each block.
      for (let turns = 0; turns < 10; turns++) await settle();
    }
    this.#callsLeft = Infinity;
    const after = this.#after;
    if (after === undefined) return;
    this.station.drop();
    this.#after = undefined;
    this.#disk = after;
    this.clock.step(later);
    this.#station = await this.#boot();
  }

  /** After so many calls, the disk fails for the next twenty. */
  fail(calls: number): void {
    this.#failsIn = calls;
  }

  /** Everything that is due has come out. */
  async finish(): Promise<void> {
    await this.sync();
    for (let left = 100; left > 0 && !this.station.time.known; left--) {
      this.advance(500);
      await this.commit();
    }
    expect(this.station.time.known).toBe(true);
    for (let hours = 0; hours < 3; hours++) {
      this.advance(hour);
      await this.commit();
    }
  }

  /** Both hubs have the same. */
  expectSame(): void {
    expect(finals(this.hub)).toStrictEqual(finals(this.rightHub));
    expect(this.hub.transitionKeys.toSorted()).toStrictEqual(this.rightHub.transitionKeys.toSorted());
    this.expectStored();
  }

  /** The hub has every reading once. */
  expectStored(): void {
    const { taken, open, pending, delivered, lost } = this.station.reporter.status();
    expect({ taken, open, pending, delivered, lost }).toStrictEqual({
      taken: this.#readings,
      open: 0,
      pending: 0,
      delivered: this.#readings,
      lost: {},
    });
    expect(this.hub.readings).toBe(this.#readings);
  }

  expectBalanced(): void {
    const { taken, open, pending, delivered, lost } = this.station.reporter.status();
    const gone = Object.values(lost).reduce((sum, count) => sum + count, 0);
    expect(open + pending + delivered + gone).toBe(taken);
    expect(delivered).toBe(this.hub.readings);
    expect(this.station.recovered.pipeline.open).toBe(this.station.recovered.pipeline.countOpen());
  }

  #boot(): Promise<Station> {
    const memory = this.#disk;
    const disk = watched(memory, () => {
      this.#callsLeft -= 1;
      this.#failsIn -= 1;
      if (this.#failsIn < 0 && this.#failsIn > -20) throw new Error('EIO');
      if (this.#callsLeft === 0) this.#after = memory.cutPower(this.#random);
    });
    return Station.start({
      disk,
      clock: this.clock,
      horn: this.horn,
      text: this.#text,
      journalMaxBytes: this.#journalMaxBytes,
      machine: `machine ${this.#machine}`,
      askTimeService: () => ({ service: 'NTP', synchronised: this.#synchronised }),
    });
  }
}

async function take(station: Station, sample: { device: string; time: number; value: number }): Promise<void> {
  const more: Partial<Delivery> = { attempt: 'only' };
  await station.take([sample], more);
}

function finals(hub: HubModel) {
  const rows = [...hub.windows.values()].map(({ series, window, start: from, count, values }) => ({
    key: `${series.device} ${window.id} ${from}`,
    count,
    values,
  }));
  return rows.toSorted((a, b) => a.key.localeCompare(b.key));
}

describe('while the time is not known', () => {
  it('alerts act, nothing goes to the hub, and everything does with its true time once it is known', async () => {
    const pair = await Pair.start({ off: -start });
    expect(pair.station.time.known).toBe(false);
    for (let second = 0; second < 20; second++) {
      await pair.read(second === 10 ? 60 : 20);
      await pair.read(30, 0);
      await pair.commit();
      pair.advance(1000);
    }
    await settle();
    expect(pair.horn.sounded.map(({ state }) => state)).toStrictEqual(['firing', 'cleared']);
    expect([pair.hub.panes.length, pair.hub.transitions.length]).toStrictEqual([0, 0]);
    expect(pair.station.health.all()).toContainEqual(expect.objectContaining({ part: 'clock', up: false }));
    const { held, pending, clock } = pair.station.reporter.status();
    expect([held > 10, held === pending, clock.state]).toStrictEqual([true, true, 'unknown']);
    await pair.finish();
    pair.expectSame();
    expect(pair.station.reporter.status()).toMatchObject({ held: 0, clock: { state: 'synchronised', wallAheadMs: 0 } });
    expect(pair.horn.sounded).toHaveLength(2);
    expect(pair.station.health.all()).toContainEqual(expect.objectContaining({ part: 'clock', up: true }));
    pair.station.drop();
  });

  it('a crash in the middle of the replay goes on with it, and sounds no horn again', async () => {
    const pair = await Pair.start({ off: -5 * hour });
    for (let second = 0; second < 30; second++) {
      await pair.read(second % 10 === 5 ? 60 : 20);
      await pair.commit();
      pair.advance(1000);
    }
    const sounded = pair.horn.sounded.length;
    await pair.sync();
    // The replay has begun, and the first of it is in the outbox.
    await pair.station.engine.commit();
    await pair.right.engine.commit();
    await settle();
    await pair.crash();
    expect(pair.station.time.known).toBe(true);
    await pair.finish();
    pair.expectSame();
    expect(pair.horn.sounded).toHaveLength(sounded);
    pair.station.drop();
  });

  it('what was moved before the power went and what is moved afterwards is moved by as much', async () => {
    for (let calls = 1; calls <= 40; calls++) {
      const pair = await Pair.start({ off: -5 * hour, seed: calls });
      for (let value = 1; value <= 16; value++) {
        await pair.read(value);
        pair.advance(value % 3 === 0 ? 1300 : 400);
        await pair.commit();
      }
      await pair.cut(calls, 650);
      await pair.finish();
      pair.expectStored();
      const panes = [...finalPanes(pair.hub.panes).values()].filter(({ window }) => window.id === '1s');
      expect(panes.reduce((sum, { count, values: [mean = NaN] }) => sum + count * mean, 0)).toBeCloseTo(136);
      pair.station.drop();
    }
  });

  it('an alert that did not seem to be one is acted on when the time is known', async () => {
    const pair = await Pair.start({ off: -5 * hour });
    await take(pair.station, { device: 'mixed', time: pair.truth.now(), value: 20 });
    pair.advance(1000);
    // It seems to be older than the one before.
    await take(pair.station, { device: 'mixed', time: pair.station.time.now(), value: 60 });
    await pair.commit();
    expect(pair.horn.sounded).toStrictEqual([]);
    await pair.finish();
    expect(pair.horn.sounded).toMatchObject([{ state: 'firing', time: start + 1000 }]);
    expect(pair.hub.transitions).toMatchObject([{ state: 'firing', time: start + 1000 }]);
    pair.station.drop();
  });

  it('an alert that only seemed to be one is taken back', async () => {
    const pair = await Pair.start({ text: gatewayText.replace('clear: temperature < 40,', 'for: 4h,') });
    await pair.read(60);
    pair.step(5 * hour);
    await pair.crash(60_000);
    expect(pair.station.time.known).toBe(false);
    await pair.read(60);
    await pair.commit();
    expect(pair.horn.sounded).toMatchObject([{ state: 'firing' }]);
    await pair.finish();
    expect(pair.horn.sounded).toMatchObject([{ state: 'firing' }, { state: 'cleared', since: start }]);
    expect(pair.hub.transitions).toStrictEqual([]);
    pair.station.drop();
  });

  it('a disk that fails while everything gets its true time only delays it', async () => {
    const pair = await Pair.start({ off: -5 * hour });
    for (let second = 0; second < 10; second++) {
      await pair.read(20);
      pair.advance(1000);
      await pair.commit();
    }
    await pair.sync();
    for (let failing = 0; failing < 12; failing++) {
      pair.fail(failing);
      await pair.station.engine.commit();
      await settle();
    }
    pair.fail(Infinity);
    await pair.finish();
    expect(pair.station.time.known).toBe(true);
    pair.expectSame();
    pair.station.drop();
  });

  it('takes the times as they seem when the tail has come to its limit, and loses nothing', async () => {
    const pair = await Pair.start({ off: -5 * hour, journalMaxBytes: 4000 });
    const { station } = pair;
    for (let second = 0; second < 100 && !station.time.known; second++) {
      await pair.read(20);
      await pair.commit();
      pair.advance(1000);
    }
    expect([station.time.known, station.time.status.state]).toStrictEqual([true, 'estimated']);
    expect(pair.hub.panes.length).toBeGreaterThan(0);
    expect(station.health.all()).toContainEqual(expect.objectContaining({ part: 'clock', up: false }));
    await pair.finish();
    pair.expectStored();
    expect(station.time.status.state).toBe('synchronised');
    station.drop();
  });

  it('believes sensors that say a later time, and the ones that were never told the time it stamps itself', async () => {
    const pair = await Pair.start({ off: -start });
    await pair.read(60, 0);
    await take(pair.station, { device: 'unset', time: 5000, value: 60 });
    expect(pair.horn.sounded.map(({ series }) => series.device)).toStrictEqual(['clocked', 'unset']);
    expect(pair.station.reporter.status().lost).toStrictEqual({});
    await pair.commit();
    await pair.finish();
    const starts = pair.hub.panes.filter(({ series }) => series.device === 'unset').map((pane) => pane.start);
    expect(new Set(starts)).toStrictEqual(new Set([start]));
    pair.station.drop();
  });

  it('a machine that is switched off before the time is known loses nothing, and stamps it before what follows', async () => {
    const pair = await Pair.start({ off: -2 * hour });
    for (let boot = 0; boot < 3; boot++) {
      for (let second = 0; second < 5; second++) {
        await pair.read(boot);
        pair.advance(1000);
        await pair.commit();
      }
      await pair.crash(hour);
      expect(pair.station.time.known).toBe(false);
    }
    const began = pair.truth.now();
    await pair.read(3);
    await pair.commit();
    await pair.finish();
    pair.expectStored();
    const means = pair.hub.panes
      .filter(({ window }) => window.id === '1s')
      .toSorted((a, b) => a.start - b.start)
      .map(({ values, start: from }) => [values[0], from >= began - 1000]);
    expect(means).toStrictEqual([
      ...[0, 1, 2].flatMap((boot) => Array.from({ length: 5 }, () => [boot, false])),
      [3, true],
    ]);
    pair.station.drop();
  });

  it('what is stamped with a time that is not known yet, and comes in when it is, is stamped anew', async () => {
    const pair = await Pair.start({ off: -5 * hour });
    const { station } = pair;
    await pair.read(1);
    const waiting = station.delivery([{ device: 'plain', time: station.time.now(), value: 7 }]);
    await pair.sync();
    for (let commit = 0; commit < 5; commit++) {
      pair.advance(500);
      await pair.commit();
    }
    expect(station.time.known).toBe(true);
    await station.engine.take(waiting);
    pair.advance(hour);
    await station.engine.commit();
    await settle();
    await pair.hub.receive(station.recovered.outbox);
    const panes = [...pair.hub.windows.values()].filter(({ window }) => window.id === '1s');
    expect(panes.map(({ start: from, count }) => [from, count])).toStrictEqual([[start, 2]]);
    station.drop();
  });

  it('a gateway file that changes takes what was held back as it is', async () => {
    const pair = await Pair.start({ off: -5 * hour });
    for (let second = 0; second < 5; second++) {
      await pair.read(20);
      pair.advance(1000);
    }
    await pair.crash(undefined, gatewayText.replace('every: 5s', 'every: 10s'));
    expect(pair.station.time.known).toBe(false);
    await pair.commit();
    expect(pair.hub.panes.length).toBeGreaterThan(0);
    await pair.read(21);
    await pair.commit();
    await pair.finish();
    pair.expectStored();
    const ends = pair.hub.panes.filter(({ values }) => values[0] === 21).map((pane) => pane.start);
    expect(Math.min(...ends)).toBe(start);
    pair.station.drop();
  });
});

describe('a time that is known', () => {
  const text = gatewayText
    .replace('range: -1000..1000', 'range: -1000..1000, missing: 10m')
    .replace('actions:', '  long: { when: temperature > 50, for: 10m, severity: critical, do: [horn] }\nactions:');

  it('and turns out to be behind, jumps ahead: nobody was silent for that, and no condition has held', async () => {
    const pair = await Pair.start({ off: -hour, text, journalMaxBytes: 4000 });
    const { station } = pair;
    for (let second = 0; second < 100 && !station.time.known; second++) {
      await pair.read(20);
      await pair.commit();
      pair.advance(1000);
    }
    const long = (): number => pair.hub.transitions.filter(({ rule }) => rule === 'long').length;
    for (let second = 0; second < 60; second++) {
      if (second === 30) await pair.sync();
      await pair.read(60);
      await pair.commit();
      expect(station.health.all().find(({ part }) => part === 'signal temperature')?.up ?? true).toBe(true);
      pair.advance(1000);
    }
    expect(station.time.now()).toBe(pair.truth.now());
    expect(long()).toBe(0);
    // It has held for ten minutes ten seconds from now.
    pair.advance(530_000);
    await pair.read(60);
    await pair.commit();
    expect(long()).toBe(0);
    pair.advance(20_000);
    await pair.read(60);
    await pair.commit();
    expect(long()).toBe(1);
    const sounded = pair.horn.sounded.length;
    await pair.crash();
    await pair.finish();
    pair.expectStored();
    expect(pair.horn.sounded).toHaveLength(sounded);
    pair.station.drop();
  });

  it('remembers over a crash that it has jumped', async () => {
    const pair = await Pair.start({ off: -hour, journalMaxBytes: 4000 });
    const { station } = pair;
    for (let second = 0; second < 100 && !station.time.known; second++) {
      await pair.read(20);
      await pair.commit();
      pair.advance(1000);
    }
    await pair.read(30, 0);
    await pair.sync();
    for (let second = 0; second < 6; second++) {
      await pair.read(20);
      await pair.commit();
      pair.advance(1000);
    }
    expect(station.time.now()).toBe(pair.truth.now());
    await pair.crash();
    await pair.finish();
    pair.expectStored();
    pair.station.drop();
  });

  it('puts back a sensor whose clock runs ahead, says so, and what it says when it is right again', async () => {
    const pair = await Pair.start();
    const { station } = pair;
    const clock = () => station.health.all().find(({ part }) => part === 'clock of fast');
    for (let second = 0; second < 3; second++) {
      await take(station, { device: 'fast', time: pair.truth.now() + 2 * hour, value: second });
      pair.advance(1000);
      await pair.commit();
    }
    expect(clock()).toMatchObject({
      up: false,
      detail: expect.stringContaining('runs 2 h ahead; 3 readings') as unknown,
    });
    expect(station.time.status.stamped).toBe(3);
    for (let second = 3; second < 70; second++) {
      await take(station, { device: 'fast', time: pair.truth.now(), value: second });
      pair.advance(1000);
      await station.engine.commit();
    }
    expect(clock()?.up).toBe(true);
    await pair.crash();
    pair.advance(hour);
    await pair.commit();
    const means = [...pair.hub.windows.values()].filter(({ window }) => window.id === '1s');
    expect(means.map(({ start: from, values }) => [from, values[0]])).toStrictEqual(
      Array.from({ length: 70 }, (_, second) => [start + second * 1000, second]),
    );
    expect(pair.station.reporter.status().lost).toStrictEqual({});
    pair.station.drop();
  });
});

it('gives what a gateway with a right clock gives, whatever its wall clock does, whenever it stops', async () => {
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        value: fc.integer({ min: 0, max: 100 }),
        delay: fc.option(fc.nat(50 * 60_000), { nil: undefined }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ advance: fc.integer({ min: 1, max: 20_000 }) }) },
    { weight: 3, arbitrary: fc.constant('commit' as const) },
    {
      weight: 1,
      arbitrary: fc.record({ step: fc.integer({ min: -2 * hour, max: 2 * hour }).filter((ms) => Math.abs(ms) > 500) }),
    },
    { weight: 1, arbitrary: fc.constant('sync' as const) },
    { weight: 1, arbitrary: fc.constant('crash' as const) },
    { weight: 1, arbitrary: fc.record({ cut: fc.integer({ min: 1, max: 40 }) }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 60 }),
      fc.constantFrom(0, -start, -3 * hour, 2 * hour),
      fc.nat(),
      async (events, off, seed) => {
        const pair = await Pair.start({ off, seed });
        for (const one of events) {
          if (one === 'commit') await pair.commit();
          else if (one === 'sync') await pair.sync();
          else if (one === 'crash') await pair.crash();
          else if ('advance' in one) pair.advance(one.advance);
          else if ('cut' in one) await pair.cut(one.cut);
          else if ('step' in one) pair.step(one.step);
          else await pair.read(one.value, one.delay);
        }
        await pair.finish();
        pair.expectSame();
        expect(pair.horn.sounded.length).toBe(pair.rightHorn.sounded.length);
        pair.station.drop();
        pair.right.drop();
      },
    ),
    { numRuns: 100 },
  );
});
