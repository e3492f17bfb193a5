import { encodeCommand, encodeStatus, type Ask } from '@weir/shared/wire/codec.ts';
import { commandTopic } from '@weir/shared/wire/topics.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Health } from '../health.ts';
import { Outbox } from '../log/outbox.ts';
import { scanSegment } from '../log/segment.ts';
import { MemoryDisk } from '../testing/memory-disk.ts';
import { pane, transition } from '../testing/outputs.ts';
import { TinyHub } from '../testing/tiny-hub.ts';
import { systemClock, type Clock } from '../time/clock.ts';
import { mqttLink } from './mqtt-link.ts';
import { Uplink } from './uplink.ts';

const range = (from: number, until: number): number[] =>
  Array.from({ length: until - from }, (_, index) => from + index);

async function start({
  clock = systemClock,
  maxBytes = 1e9,
  newestFirst,
}: { clock?: Clock; maxBytes?: number; newestFirst?: () => string } = {}) {
  const hub = await TinyHub.start('line-3');
  const disk = new MemoryDisk();
  const outbox = await Outbox.open(disk, {
    folder: '/outbox',
    maxBytes,
    journalIncarnation: 'journal',
    newIncarnation: () => '0123456789abcdef',
  });
  const health = new Health(
    () => 0,
    () => undefined,
  );
  const asked: Ask[] = [];
  const uplink = new Uplink({
    connect: mqttLink(hub.url),
    gateway: 'line-3',
    key: () => undefined,
    outbox,
    health,
    clock,
    random: () => 0,
    status: (online) => encodeStatus({ online, taken: 42 }),
    statusMs: 100,
    asked: (request) => asked.push(request),
    newestFirst,
  });
  const end = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const connect = (): void => void (running = uplink.run(end.signal));
  const stop = async (): Promise<void> => {
    end.abort();
    await running;
  };
  onTestFinished(stop);
  let cause = 0;
  /** Puts panes and transitions into the outbox, so many to a record. */
  const put = async (panes: readonly number[], transitions: readonly number[] = [], perRecord = 1): Promise<void> => {
    for (let at = 0; at < Math.max(panes.length, transitions.length); at += perRecord) {
      outbox.append((cause += 1), {
        panes: panes.slice(at, at + perRecord).map((index) => pane(index)),
        transitions: transitions.slice(at, at + perRecord).map((index) => transition(index)),
      });
    }
    await outbox.sync();
    uplink.nudge();
  };
  const isUp = (): boolean | undefined => health.all().find(({ part }) => part === 'uplink')?.up;
  return { hub, disk, outbox, uplink, health, connect, stop, put, isUp, asked };
}

describe('the uplink', () => {
  it('sends what is synced, in order, and trims by the ack of the hub', async () => {
    const { hub, outbox, connect, put } = await start();
    await put(range(0, 50));
    connect();
    await expect.poll(() => hub.stored.panes).toEqual(range(0, 50));
    await put(range(50, 60), [1, 2]);
    await expect.poll(() => hub.stored).toEqual({ panes: range(0, 60), alerts: [1, 2], raw: [], recent: [] });
    await expect.poll(() => outbox.pendingRecords).toBe(0);
    expect(outbox.lane('panes').acked).toBe(60);
  });

  it('frees nothing for the PUBACK of the broker', async () => {
    const { hub, outbox, connect, put, uplink } = await start();
    hub.acknowledging = false;
    await put(range(0, 5));
    connect();
    await expect.poll(() => hub.batches.length).toBe(1);
    // By the next status every PUBACK before it has come.
    await expect.poll(() => hub.statuses.length).toBeGreaterThan(2);
    expect(outbox.pendingRecords).toBe(5);
    const [batch] = hub.batches;
    hub.ack('panes', batch?.incarnation ?? '', 3);
    await expect.poll(() => outbox.pendingRecords).toBe(2);
    uplink.nudge();
    expect(hub.batches).toHaveLength(1);
  });

  it('has at most four batches of a lane on the way', async () => {
    const { hub, connect, put } = await start();
    hub.acknowledging = false;
    await put(range(0, 5000));
    connect();
    await expect.poll(() => hub.batches.length).toBe(4);
    await expect.poll(() => hub.statuses.length).toBeGreaterThan(2);
    expect(hub.batches).toHaveLength(4);
    const [first, second] = hub.batches;
    expect(second?.first).toBe((first?.last ?? 0) + 1);
    hub.ack('panes', first?.incarnation ?? '', first?.last ?? 0);
    await expect.poll(() => hub.batches.length).toBe(5);
    hub.ack('panes', first?.incarnation ?? '', hub.batches[2]?.last ?? 0);
    await expect.poll(() => hub.batches.length).toBe(7);
  });

  it('lets alerts overtake a backlog of panes', async () => {
    const { hub, connect, put } = await start();
    hub.acknowledging = false;
    await put(range(0, 5000));
    await put([], range(0, 3));
    connect();
    await expect.poll(() => hub.batches.length).toBe(5);
    expect(hub.batches.map(({ lane }) => lane)).toEqual(['alerts', 'panes', 'panes', 'panes', 'panes']);
    await put([], [3]);
    await expect.poll(() => hub.batches.at(-1)).toMatchObject({ lane: 'alerts', first: 4, last: 4 });
  });

  it('sends again after a reconnect what the hub has not acknowledged, from the first of it', async () => {
    const { hub, connect, put, isUp } = await start();
    hub.acknowledging = false;
    await put(range(0, 3));
    connect();
    await expect.poll(() => hub.batches.length).toBe(1);
    hub.ack('panes', hub.batches[0]?.incarnation ?? '', 2);
    await put([3]);
    await expect.poll(() => hub.batches.length).toBe(2);
    await hub.broker.kill();
    await expect.poll(isUp).toBe(false);
    await hub.broker.restart();
    await expect.poll(() => hub.batches.length).toBe(3);
    expect(hub.batches.map(({ first, last }) => [first, last])).toEqual([
      [1, 3],
      [4, 4],
      [3, 4],
    ]);
  });

  it('delivers everything exactly in order through any number of broken connections', async () => {
    const { hub, outbox, connect, put, isUp } = await start();
    connect();
    for (let round = 0; round < 6; round++) {
      await put(range(round * 2000, round * 2000 + 2000), [round], 20);
      hub.acknowledging = round % 2 === 0;
      await expect.poll(() => hub.batches.length).toBeGreaterThan(round);
      await hub.broker.kill();
      await put([100_000 + round]);
      await expect.poll(isUp).toBe(false);
      hub.acknowledging = true;
      await hub.broker.restart();
      await expect.poll(isUp, { timeout: 10_000 }).toBe(true);
    }
    await expect.poll(() => outbox.pendingRecords, { timeout: 10_000 }).toBe(0);
    const expected = range(0, 6).flatMap((round) => [...range(round * 2000, round * 2000 + 2000), 100_000 + round]);
    expect(hub.stored.panes).toEqual(expected);
    expect(hub.stored.alerts).toEqual(range(0, 6));
  });

  it('sends again when acks stay out on a connection that lives', async () => {
    let ahead = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + ahead };
    const { hub, connect, put, uplink } = await start({ clock });
    hub.acknowledging = false;
    await put(range(0, 2));
    connect();
    await expect.poll(() => hub.batches.length).toBe(1);
    hub.acknowledging = true;
    ahead += 20_001;
    uplink.nudge();
    await expect.poll(() => hub.stored.panes).toEqual([0, 1]);
    expect(hub.batches).toHaveLength(2);
  });

  it('sends copies of the newest panes ahead of the backlog when told so, and all of the backlog in its order behind', async () => {
    let connections = 0;
    const newestFirst = (): string => `connection-${++connections}`;
    const { hub, outbox, connect, put } = await start({ maxBytes: 100_000, newestFirst });
    // Several segments of panes that are old by now.
    await put(range(0, 2000));
    const newest = outbox.lane('panes').segments.at(-1)?.first ?? 0;
    expect(newest).toBeGreaterThan(200);
    hub.acknowledging = false;
    connect();
    await expect.poll(() => hub.batches.some(({ lane }) => lane === 'panes')).toBe(true);
    expect(hub.batches[0]).toMatchObject({ lane: 'recent', first: 1 });
    // Nothing of the copies counts as handed over.
    expect(outbox.lane('panes').acked).toBe(0);
    hub.acknowledging = true;
    hub.broker.cut();
    await put([2000]);
    await expect.poll(() => hub.stored.panes.length, { timeout: 20_000 }).toBe(2001);
    expect(hub.stored.panes).toEqual(range(0, 2001));
    expect(hub.stored.recent).toEqual(range(hub.stored.recent[0] ?? NaN, (hub.stored.recent.at(-1) ?? NaN) + 1));
    expect(hub.stored.recent[0]).toBeGreaterThanOrEqual(newest - 1);
    await expect.poll(() => outbox.pendingRecords).toBe(0);
    expect(connections).toBeGreaterThanOrEqual(2);
  });

  it('sends no copies when nothing waits but what is new', async () => {
    const { hub, connect, put } = await start({ newestFirst: () => 'connection' });
    await put(range(0, 3));
    connect();
    await expect.poll(() => hub.stored.panes).toEqual([0, 1, 2]);
    await put([3]);
    await expect.poll(() => hub.stored.panes).toEqual([0, 1, 2, 3]);
    expect(hub.stored.recent).toEqual([]);
  });

  it('takes no ack for another incarnation or lane, and gives out no number again that the hub says it knows', async () => {
    const { hub, outbox, connect, put } = await start();
    hub.acknowledging = false;
    await put(range(0, 3), [0]);
    connect();
    await expect.poll(() => hub.batches.length).toBe(2);
    hub.ack('panes', 'ffffffffffffffff', 3);
    hub.ack('alerts', '0123456789abcdef', 1);
    await expect.poll(() => outbox.lane('alerts').pendingRecords).toBe(0);
    expect(outbox.lane('panes').pendingRecords).toBe(3);
    hub.ack('panes', '0123456789abcdef', 1e9);
    await expect.poll(() => outbox.lane('panes').pendingRecords).toBe(0);
    hub.acknowledging = true;
    await put([3]);
    await expect.poll(() => hub.stored.panes.at(-1)).toBe(3);
    await expect.poll(() => outbox.lane('panes').acked).toBe(1e9 + 1);
  });

  it('goes on when the hub sends what is no ack', async () => {
    const { hub, outbox, connect, put } = await start();
    hub.acknowledging = false;
    await put([0], [0]);
    connect();
    await expect.poll(() => hub.batches.length).toBe(2);
    hub.send(Buffer.from('not an ack'));
    hub.send(new Uint8Array(0));
    for (const seq of [NaN, -1, 0.5, Infinity]) hub.ack('panes', '0123456789abcdef', seq);
    hub.ack('alerts', '0123456789abcdef', 1);
    await expect.poll(() => outbox.lane('alerts').pendingRecords).toBe(0);
    expect(outbox.lane('panes').pendingRecords).toBe(1);
    hub.acknowledging = true;
    await put([1]);
    await expect.poll(() => hub.batches.length).toBe(3);
    await expect.poll(() => outbox.pendingRecords).toBe(0);
    await put([2]);
    await expect.poll(() => hub.stored.panes.at(-1)).toBe(2);
  });

  it('hands on what the hub asks for, and says when it cannot be read', async () => {
    const { hub, connect, asked, health } = await start();
    connect();
    await expect.poll(() => hub.statuses.length).toBeGreaterThan(0);
    const request = { id: 'r1', series: { device: 'press', signal: 'temperature' }, from: 1, to: 2 };
    const topic = commandTopic('line-3');
    hub.send(Buffer.from('nonsense'), topic);
    hub.send(new Uint8Array(0), topic);
    const troubles = (): string =>
      health
        .all()
        .flatMap(({ up, detail }) => (up ? [] : [detail]))
        .join();
    await expect.poll(troubles).toContain('the hub asks for what cannot be read');
    hub.send(encodeCommand({ kind: 'raw', request }), topic);
    await expect.poll(() => asked).toEqual([{ kind: 'raw', request }]);
    expect(troubles()).toBe('');
  });

  it('passes over a damaged entry, and numbers those behind it right', async () => {
    const { hub, disk, outbox, connect, put } = await start();
    await put(range(0, 6));
    const path = `/outbox/panes/${(await disk.list('/outbox/panes'))[0]}`;
    const { entries } = scanSegment(disk.contentOf(path), { first: 1, incarnation: outbox.lane('panes').incarnation });
    const damaged = entries[2]?.offset ?? 0;
    disk.contentOf(path).fill(0xee, damaged, damaged + 10);
    connect();
    await expect.poll(() => hub.stored.panes, { timeout: 10_000 }).toEqual([0, 1, 3, 4, 5]);
    // The hub cannot know that nothing got lost on the way, until a connection begins with it.
    const sent = hub.batches.map(({ first, last }) => `${first}..${last}`);
    expect(sent.slice(0, 2)).toEqual(['1..2', '4..6']);
    expect(sent.at(-1)).toBe('4..6');
    await expect.poll(() => outbox.lane('panes').acked).toBe(6);
  });

  it('goes on behind what was evicted while it waited for the hub', async () => {
    const { hub, outbox, connect, put } = await start({ maxBytes: 100_000 });
    await put(range(0, 20_000), [], 10);
    await outbox.evict(outbox.lane('panes').segments[1]?.last ?? 0);
    const lost = outbox.counters.readingsEvicted;
    expect(lost).toBeGreaterThan(0);
    connect();
    await expect.poll(() => hub.stored.panes.length).toBe(20_000 - lost);
    expect(hub.stored.panes).toEqual(range(lost, 20_000));
    await expect.poll(() => outbox.pendingRecords).toBe(0);
  });

  it('keeps the hub told how it is, and says good-bye when it stops', async () => {
    const { hub, connect, stop, isUp } = await start();
    connect();
    await expect.poll(() => hub.statuses.length).toBeGreaterThan(2);
    expect(hub.statuses[0]).toMatchObject({ online: true, taken: 42 });
    expect(isUp()).toBe(true);
    await stop();
    expect(hub.statuses.at(-1)?.online).toBe(false);
  });

  it.each(['subscribes', 'publishes'])('stops although the broker never answers when it %s', async (what) => {
    // Waits pass quickly here.
    const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) };
    const { hub, connect, stop } = await start({ clock });
    if (what === 'subscribes') hub.broker.aedes.authorizeSubscribe = () => undefined;
    else hub.broker.aedes.authorizePublish = () => undefined;
    connect();
    await expect.poll(() => hub.broker.aedes.connectedClients).toBe(1);
    await stop();
    await expect.poll(() => hub.broker.aedes.connectedClients).toBe(0);
  });

  it('leaves a last will when the connection breaks', async () => {
    const { hub, connect } = await start();
    connect();
    await expect.poll(() => hub.statuses.length).toBeGreaterThan(0);
    const before = hub.statuses.length;
    hub.broker.cut();
    await expect.poll(() => hub.statuses.slice(before).some(({ online }) => !online)).toBe(true);
    await expect.poll(() => hub.statuses.at(-1)?.online).toBe(true);
  });
});
