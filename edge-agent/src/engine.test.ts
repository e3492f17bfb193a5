import { describe, expect, it } from 'vitest';
import { FakeClock } from './testing/fake-clock.ts';
import { HubModel } from './testing/hub-model.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { randomFrom } from './testing/random.ts';
import { gatewayText, Horn, letter, settle, Station } from './testing/station.ts';
import { DiskGate, watched, type DiskCall } from './testing/watched-disk.ts';

const started = 1_700_000_000_000;
const isJournal = ({ path }: DiskCall): boolean => path.includes('/journal/');

/** A reading of the press, so many milliseconds after the start. */
const at = (offset: number, value = 1) => ({ device: 'press', time: started + offset, value });

async function station(options: Partial<Parameters<typeof Station.start>[0]> = {}) {
  const clock = new FakeClock(started);
  const disk = options.disk ?? new MemoryDisk();
  return { clock, station: await Station.start({ clock, disk, ...options }) };
}

/** A station whose disk can be made to fail; it does when this returns. */
async function onFailingDisk(options: Partial<Parameters<typeof Station.start>[0]> = {}) {
  let failing = false;
  const memory = new MemoryDisk();
  const disk = watched(memory, () => {
    if (failing) throw new Error('no space left on device');
  });
  const started = await station({ disk, ...options });
  failing = true;
  const acks = { count: 0, note: (): void => void (acks.count += 1) };
  return { ...started, acks, disk: memory, fail: (fails: boolean): void => void (failing = fails) };
}

/** One reading of each of twenty devices, with values that do not compress. */
const crowd = (second: number) => {
  const noise = randomFrom(second);
  return Array.from({ length: 20 }, (_, device) => ({ ...at(second * 1000, noise() * 40), device: `press-${device}` }));
};

/** Windows that nothing coarser can be made of, so that a full outbox has to let go. */
const sessionText = gatewayText.replace(
  /windows:[^]*alerts:/,
  'windows: [{ session: 500ms, of: all, compute: [mean, stddev, p95] }]\nalerts:',
);

describe('a commit', () => {
  it('syncs the journal, then acknowledges, then syncs the outbox', async () => {
    const order: string[] = [];
    const disk = watched(new MemoryDisk(), ({ name, path }) => {
      if (name === 'sync') order.push(path.split('/')[2] ?? '');
    });
    const { station: it, clock } = await station({ disk });
    // The start itself writes a first checkpoint.
    order.length = 0;
    await it.take([at(0)], { ack: () => order.push('ack 1') });
    clock.advance(20_000);
    await it.take([at(20_000, 99)], { ack: () => order.push('ack 2') });
    await it.engine.commit();
    expect(order).toEqual(['journal', 'ack 1', 'ack 2', 'outbox', 'outbox']);
    expect(it.grown).toBe(1);
    it.drop();
  });

  it('acknowledges nothing before the journal is synced, and loses no time for alerts', async () => {
    const gate = new DiskGate(new MemoryDisk(), (call) => isJournal(call) && call.name === 'sync');
    const horn = new Horn();
    const { station: it } = await station({ disk: gate.disk, horn });
    const acks: number[] = [];
    gate.hold();
    await it.take([at(0)], { ack: () => acks.push(1) });
    const committing = it.engine.commit();
    await expect.poll(() => gate.waiting).toBe(1);
    await it.take([at(1, 99)], { ack: () => acks.push(2) });
    await expect.poll(() => horn.sounded.length).toBe(1);
    expect(it.recovered.pipeline.ledger.taken).toBe(2);
    expect(acks).toEqual([]);
    expect(it.engine.uncommitted).toBe(2);
    gate.release();
    await committing;
    expect(acks).toEqual([1]);
    expect(it.engine.uncommitted).toBe(1);
    await it.engine.commit();
    expect(acks).toEqual([1, 2]);
    expect(it.engine.uncommitted).toBe(0);
    it.drop();
  });

  it('acknowledges each delivery once, however often the outbox fails', async () => {
    let failing = true;
    const disk = watched(new MemoryDisk(), (call) => {
      if (failing && call.path.includes('/outbox/') && call.name === 'append') throw new Error('EIO');
    });
    const { station: it, clock } = await station({ disk });
    let acks = 0;
    await it.take([at(0)], { ack: () => (acks += 1) });
    clock.advance(20_000);
    for (let attempt = 0; attempt < 3; attempt++) {
      await it.engine.commit();
      expect(acks).toBe(1);
      expect(it.health.all()).toContainEqual(expect.objectContaining({ part: 'journal', up: false }));
    }
    failing = false;
    await it.engine.commit();
    expect(acks).toBe(1);
    expect(it.health.all()).toContainEqual(expect.objectContaining({ part: 'journal', up: true, detail: '' }));
    const hub = new HubModel();
    await hub.receive(it.recovered.outbox);
    expect(hub.panes.map(({ window }) => window.id)).toEqual(['1s', '5s']);
    expect(it.recovered.journal.last).toBe(1);
    it.drop();
  });

  it('keeps what came in while the disk fails, and writes it once when it works again', async () => {
    const { station: it, clock, acks, fail } = await onFailingDisk();
    for (let second = 0; second < 10; second++) {
      clock.advance(1000);
      await it.take([at(second * 1000)], { ack: acks.note });
      await it.engine.commit();
    }
    const journal = it.health.all().find(({ part }) => part === 'journal');
    expect(journal?.detail).toMatch(/^no space left on device; what comes in is kept in memory/);
    fail(false);
    await it.engine.commit();
    expect(acks.count).toBe(10);
    clock.advance(20_000);
    await it.engine.commit();
    const hub = new HubModel();
    await hub.receive(it.recovered.outbox);
    expect(hub.readings).toBe(10);
    it.drop();
  });

  it('lets senders wait for a failing disk as long as they have patience, then acknowledges and says what is at risk', async () => {
    const { station: it, clock, acks, fail } = await onFailingDisk();
    it.run();
    await it.take([at(0), at(1)], { ack: acks.note });
    for (let ms = 0; ms < 2400; ms += 100) {
      clock.advance(100);
      await settle();
    }
    expect({ acks: acks.count, atRisk: it.engine.atRisk }).toEqual({ acks: 0, atRisk: 0 });
    clock.advance(100);
    await settle();
    expect({ acks: acks.count, atRisk: it.engine.atRisk }).toEqual({ acks: 1, atRisk: 2 });
    await it.take([at(2)], { ack: acks.note });
    expect({ acks: acks.count, atRisk: it.engine.atRisk }).toEqual({ acks: 2, atRisk: 3 });
    fail(false);
    clock.advance(500);
    await expect.poll(() => it.recovered.journal.synced).toBeGreaterThan(0);
    await it.take([at(3)], { ack: acks.note });
    expect(acks.count).toBe(2);
    clock.advance(500);
    await expect.poll(() => acks.count).toBe(3);
    expect(it.engine.atRisk).toBe(3);
    it.drop();
  });

  it('goes on with windows, alerts and sources however long the disk is full, in bounded memory, and loses no sum', async () => {
    const horn = new Horn();
    const { station: it, clock, fail, disk } = await onFailingDisk({ horn });
    let sent = 0;
    const perSecond = 20_000;
    const balance = (some: Station): void => {
      const { taken, open, pending, delivered, lost } = some.reporter.status();
      expect({ taken, sum: pending + open + delivered + (lost.evicted ?? 0) }).toEqual({ taken: sent, sum: sent });
    };
    // Noise does not compress: the blocks reach the limit of memory soon.
    const noise = randomFrom(1);
    for (let second = 0; second < 200; second++) {
      clock.advance(1000);
      const value = (): number => noise() * 40;
      const many = Array.from({ length: perSecond }, (_, index) => at(second * 1000 + index / 1024, value()));
      await it.take(many, { attempt: 'only' });
      sent += many.length;
      await it.engine.commit();
    }
    await it.take([at(200_000, 99)], { attempt: 'only' });
    sent += 1;
    await expect.poll(() => horn.sounded.length).toBe(1);
    balance(it);
    fail(false);
    await it.engine.commit();
    balance(it);
    // The readings that were left out of the journal are in the checkpoint: a power cut now loses none.
    it.drop();
    const again = await Station.start({ disk: disk.cutPower(() => 0), clock });
    balance(again);
    again.drop();
  });

  it('writes nothing when nothing happened, and still acknowledges repetitions', async () => {
    const { station: it } = await station();
    await it.take([at(0)]);
    await it.engine.commit();
    let acks = 0;
    await it.take([at(0)], { attempt: 'again', ack: () => (acks += 1) });
    await it.engine.commit();
    await it.engine.commit();
    expect(acks).toBe(1);
    expect(it.recovered.journal.last).toBe(1);
    it.drop();
  });

  it('writes a block when only time has passed and closed a window', async () => {
    const { station: it, clock } = await station();
    await it.take([at(0)]);
    await it.engine.commit();
    clock.advance(20_000);
    await it.engine.commit();
    expect(it.recovered.journal.last).toBe(2);
    expect(it.recovered.outbox.pendingReadings).toBe(1);
    it.drop();
  });

  it('says nothing is delivered while panes are on their way to the outbox', async () => {
    const gate = new DiskGate(new MemoryDisk(), (call) => call.name === 'sync');
    const { station: it, clock } = await station({ disk: gate.disk });
    await it.take([at(0), at(1), at(2)]);
    clock.advance(20_000);
    const balances: string[] = [];
    const note = (): void => {
      const { taken, open, pending, delivered } = it.reporter.status();
      balances.push(`${taken} = ${delivered} delivered + ${pending} pending + ${open} open`);
    };
    note();
    gate.hold();
    const committing = it.engine.commit();
    await expect.poll(() => gate.waiting).toBe(1);
    note();
    gate.release();
    await committing;
    note();
    await new HubModel().receive(it.recovered.outbox);
    note();
    expect(balances).toEqual([
      '3 = 0 delivered + 0 pending + 3 open',
      '3 = 0 delivered + 3 pending + 0 open',
      '3 = 0 delivered + 3 pending + 0 open',
      '3 = 3 delivered + 0 pending + 0 open',
    ]);
    it.drop();
  });
});

describe('the engine', () => {
  it('commits every interval of the clock', async () => {
    const { station: it, clock } = await station();
    it.run();
    await it.take([at(0)]);
    await settle();
    clock.advance(499);
    await settle();
    expect(it.recovered.journal.synced).toBe(0);
    clock.advance(1);
    await expect.poll(() => it.recovered.journal.synced).toBe(1);
    it.drop();
  });

  it('commits a critical transition at once, also one that comes during a commit', async () => {
    const gate = new DiskGate(new MemoryDisk(), (call) => isJournal(call) && call.name === 'sync');
    const { station: it } = await station({ disk: gate.disk });
    it.run();
    gate.hold();
    await it.take([at(0, 99)]);
    await expect.poll(() => gate.waiting).toBe(1);
    await it.take([at(1, 0)]);
    gate.release();
    // Time stands still: nothing but the transition asks for the second commit.
    await expect.poll(() => it.recovered.journal.synced).toBe(2);
    expect(it.recovered.outbox.lane('alerts').pendingRecords).toBe(2);
    it.drop();
  });

  it('does not commit for a transition that is not critical', async () => {
    const { station: it } = await station({ text: gatewayText.replace('severity: critical', 'severity: warning') });
    it.run();
    await settle();
    await it.take([at(0, 99)]);
    await settle();
    expect(it.recovered.journal.synced).toBe(0);
    expect(it.actions.count).toBe(1);
    it.drop();
  });

  it('makes sources wait while a full block cannot be committed, and lets them go when it is', async () => {
    const gate = new DiskGate(new MemoryDisk(), (call) => isJournal(call) && call.name === 'sync');
    const { station: it } = await station({ disk: gate.disk });
    it.run();
    gate.hold();
    const many = (from: number, count: number) => Array.from({ length: count }, (_, index) => at(from + index / 1024));
    await it.take(many(0, 10));
    it.engine.hurry();
    await expect.poll(() => gate.waiting).toBe(1);
    await it.take(many(100, 99_989));
    let taken = false;
    const waiting = it.take(many(200, 1)).then(() => (taken = true));
    await settle();
    expect(taken).toBe(false);
    gate.release();
    await waiting;
    await expect.poll(() => it.recovered.journal.synced).toBe(2);
    it.drop();
  });

  it('remembers the newest dead letters, with what is wrong and a sample', async () => {
    const { station: it, clock } = await station();
    await it.take([at(0, 5000), { device: 'press', time: NaN, value: 1 }]);
    await it.take([at(0)]);
    await it.take([at(-4_000_000)], { deadLetters: [letter()] });
    expect(it.engine.deadLetters.map(({ reason, where }) => `${reason} ${where}`)).toEqual([
      'out_of_range press/temperature',
      'bad_time press/temperature',
      'too_late press/temperature',
      'malformed board',
    ]);
    expect(it.engine.deadLetters[0]).toMatchObject({
      sample: '5000 at 2023-11-14T22:13:20.000Z',
      detail: "outside the signal's range",
      arrival: clock.now(),
    });
    expect(it.reporter.status()).toMatchObject({
      taken: 5,
      open: 1,
      lost: { out_of_range: 1, bad_time: 1, too_late: 1, malformed: 1 },
    });
    await it.take([], { deadLetters: [{ ...letter('overrun'), count: 7 }] });
    expect(it.reporter.status()).toMatchObject({ taken: 12, lost: { overrun: 7 }, imbalance: 0 });
    expect(it.reporter.encoded(true).length).toBeGreaterThan(0);
    for (let count = 0; count < 60; count++) await it.take([], { deadLetters: [letter('unmapped')] });
    expect(it.engine.deadLetters.map(({ reason }) => reason)).toEqual(Array.from({ length: 50 }, () => 'unmapped'));
    it.drop();
  });

  it('evicts the oldest panes when the outbox is full and counts them as lost, also when the power goes at any moment', async () => {
    let disk = new MemoryDisk();
    const full = { outboxMaxBytes: 100_000, text: sessionText };
    const { station: first, clock } = await station({ disk, ...full });
    let it = first;
    let sent = 0;
    const check = (some: Station): void => {
      const { taken, open, pending, delivered, lost } = some.reporter.status();
      expect(taken).toBe(sent);
      expect(pending + open + delivered + (lost.evicted ?? 0)).toBe(taken);
      expect(delivered, 'no hub was there').toBe(0);
    };
    for (let second = 0; second < 800; second++) {
      clock.advance(1000);
      await it.take(crowd(second), { attempt: 'only' });
      sent += 20;
      if (second % 4 === 0) await it.engine.commit();
      // What was committed is there again, and counted in one place.
      if (second % 80 === 0) {
        it.drop();
        disk = disk.cutPower(() => 0);
        it = await Station.start({ disk, clock, ...full });
        check(it);
      }
    }
    await it.engine.commit();
    check(it);
    const evicted = it.reporter.status().lost.evicted ?? 0;
    expect(evicted).toBeGreaterThan(1000);
    expect(it.recovered.outbox.bytes).toBeLessThanOrEqual(120_000);
    it.drop();
  });

  it('has evicted what the journal says is evicted, when the power goes before the panes are removed', async () => {
    const memory = new MemoryDisk();
    const disk = watched(memory, async ({ name, path }) => {
      // Removing what may be in the place of a new segment is another matter.
      const there = (await memory.list('/data/outbox/panes')).some((file) => path.endsWith(`/panes/${file}`));
      if (name === 'remove' && there) throw new Error('EIO');
    });
    const full = { outboxMaxBytes: 100_000, text: sessionText };
    const { station: it, clock } = await station({ disk, ...full });
    let sent = 0;
    while ((it.reporter.status().lost.evicted ?? 0) === 0) {
      clock.advance(1000);
      await it.take(crowd(sent / 20), { attempt: 'only' });
      sent += 20;
      await it.engine.commit();
      expect(sent).toBeLessThan(50_000);
    }
    const before = it.reporter.status();
    expect(before).toMatchObject({ taken: sent, delivered: 0 });
    it.drop();
    const again = await Station.start({ disk: memory.cutPower(() => 0), clock, ...full });
    const { taken, open, pending, delivered, lost } = again.reporter.status();
    expect(lost).toEqual(before.lost);
    expect({ taken, delivered, sum: pending + open + (lost.evicted ?? 0) }).toEqual({
      taken: sent,
      delivered: 0,
      sum: sent,
    });
    again.drop();
  });

  it('keeps the journal short and the black box within its limit, behind checkpoints', async () => {
    const { station: it, clock } = await station({ journalMaxBytes: 3e6, packs: true });
    const noise = randomFrom(1);
    for (let block = 0; block < 60; block++) {
      const samples = Array.from({ length: 20_000 }, (_, index) =>
        at(clock.now() - started + index / 1024, noise() * 40),
      );
      clock.advance(1000);
      await it.take(samples, { attempt: 'only' });
      await it.engine.commit({ checkpoint: block % 10 === 9 });
    }
    const { journal, blackBox } = it.recovered;
    await it.engine.commit({ checkpoint: true });
    await it.engine.commit({ checkpoint: true });
    await expect.poll(() => journal.bytes, { timeout: 30_000 }).toBeLessThan(3e6);
    expect(blackBox.bytes).toBeGreaterThan(2e6);
    expect(blackBox.bytes).toBeLessThanOrEqual(3e6);
    it.drop();
  });
});
