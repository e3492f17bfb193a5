// The hub as a whole: real sockets, real broker, real SQLite.

import { expect, test } from 'vitest';
import { encodeStatus, type StatusFields } from '@weir/shared/wire/codec.ts';
import { statusTopic } from '@weir/shared/wire/topics.ts';
import { webhookNotifier } from './alerts/webhook.ts';
import type { AlertView, GatewayView } from './http/views.ts';
import { baseTime, eventually, frame, pane, retraction, transition, windowOf } from './testing/fixtures.ts';
import type { MqttClient } from './testing/mqtt-client.ts';
import { Receiver } from './testing/receiver.ts';
import { TestHub } from './testing/test-hub.ts';

const incarnation = 'incarnation-1';

test('a batch is stored, acknowledged and shown', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(2) });
  await acked(client, 2);
  expect(await test.store.countStored('line-3')).toBe(20);
  expect(await (await test.get('/api/gateways')).json()).toMatchObject([{ name: 'line-3', stored: 20 }]);
});

test('there is no ack before the store has the entries', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  test.store.hold();
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(2) });
  await eventually(() => test.store.writes === 1);
  // A ping that was answered: an ack sent before it would have arrived.
  await ping(client);
  expect(client.acks).toEqual([]);
  test.store.release();
  await acked(client, 2);
});

test('through an outage of the store nothing is acknowledged, and afterwards everything is stored', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  test.store.outage = 'the disk is full';
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(3) });
  await eventually(() => test.store.writes > 3);
  await ping(client);
  expect(client.acks).toEqual([]);
  const health = await test.get('/healthz');
  expect(health.status).toBe(503);
  expect(await health.json()).toEqual({ ok: false, reasons: ['not storing: the disk is full'] });
  test.store.outage = undefined;
  await acked(client, 3);
  expect(await test.store.countStored()).toBe(30);
  expect((await test.get('/healthz')).status).toBe(200);
});

test('what is sent again is acknowledged again and counted once', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const batch = { incarnation, firstSeq: 1, entries: frames(4) };
  client.publishBatch('line-3', 'panes', batch);
  await acked(client, 4);
  client.publishBatch('line-3', 'panes', batch);
  await client.until(() => client.acks.length === 2);
  expect(client.acks[1]).toMatchObject({ seq: 4 });
  expect(gatewayView(test)).toMatchObject({ stored: 40 });
  expect(test.hub.status().counts).toMatchObject({ panes_stored: 4, entries_repeated: 4 });
});

test('copies of the newest panes are stored and acknowledged, and count nothing when they come again in their order', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const copies = frames(6)
    .slice(4)
    .map((bytes) => ({ frame: bytes, span: 1, readings: 0 }));
  client.publishBatch('line-3', 'recent', { incarnation: 'copies-1', firstSeq: 1, readingsBefore: 0, entries: copies });
  await client.until(() => client.acks.length === 1);
  expect(client.acks[0]).toMatchObject({ lane: 'recent', incarnation: 'copies-1', seq: 2 });
  expect(await test.store.countStored()).toBe(20);
  expect(gatewayView(test)).toMatchObject({ stored: 0 });
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(6) });
  await client.until(() => client.acks.length === 2);
  expect(await test.store.countStored()).toBe(60);
  expect(gatewayView(test)).toMatchObject({ stored: 60 });
});

test('cursors and counts outlive a restart, and a gateway that comes back is told where to go on', async () => {
  await using test = await TestHub.start();
  const before = await test.gateway('line-3');
  before.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(3) });
  await acked(before, 3);
  await test.restart();
  const after = await test.gateway('line-3');
  await acked(after, 3);
  after.publishBatch('line-3', 'panes', {
    incarnation,
    firstSeq: 2,
    readingsBefore: 10,
    entries: frames(4).slice(1),
  });
  await acked(after, 4);
  expect(gatewayView(test)).toMatchObject({ stored: 40 });
  expect(await test.store.countStored()).toBe(40);
});

test('a gateway whose disk was replaced starts a new count', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(3) });
  await acked(client, 3);
  client.publishBatch('line-3', 'panes', {
    incarnation: 'incarnation-2',
    firstSeq: 1,
    entries: [frame([pane({ index: 9 })])],
  });
  await acked(client, 1);
  expect(client.acks.at(-1)).toMatchObject({ incarnation: 'incarnation-2', seq: 1 });
  expect(gatewayView(test)).toMatchObject({ stored: 10 });
});

test('points the store refuses are lost as quarantined, and the uplink goes on', async () => {
  await using test = await TestHub.start();
  test.store.refuses = ({ pane }) => (pane.series.signal === 'pressure' ? 'field type conflict' : undefined);
  const client = await test.gateway('line-3');
  const bad = pane({ signal: 'pressure', count: 7, fresh: 7 });
  client.publishBatch('line-3', 'panes', {
    incarnation,
    firstSeq: 1,
    entries: [frame([pane(), bad]), frame([pane({ index: 1 })])],
  });
  await acked(client, 2);
  expect(gatewayView(test)).toMatchObject({ stored: 20, lost: { quarantined: 7 } });
  expect(test.hub.state.quarantine.rows('line-3')).toMatchObject([
    { kind: 'refused', reason: 'field type conflict', readings: 7 },
  ]);
});

test('a poisoned frame is quarantined with the readings it held, and the entries behind it are stored', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const unreadable = { frame: Uint8Array.of(0xff, 0xff, 0xff), span: 1, readings: 8 };
  const senseless = { frame: frame([pane({ device: 'no/name' })]), span: 2, readings: 6 };
  const entries = [frame([pane()]), unreadable, senseless, frame([pane({ index: 1 })])];
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries });
  await acked(client, 5);
  expect(gatewayView(test)).toMatchObject({ stored: 20, lost: { quarantined: 14 } });
  expect(test.hub.state.quarantine.rows('line-3')).toMatchObject([
    { kind: 'frame', readings: 6, reason: 'series "no/name/temperature"', size: senseless.frame.length },
    { kind: 'frame', readings: 8, size: 3, whole: true },
  ]);
});

test('a batch that is no batch is counted, kept aside, and the next one is taken', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  for (const payload of [Uint8Array.of(), Uint8Array.of(9, 1), Uint8Array.of(1, 1, 2, 3), Uint8Array.of(0, 0xff)]) {
    client.publish('weir/v1/line-3/up/panes', payload);
  }
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(1) });
  await acked(client, 1);
  expect(test.hub.status().counts).toMatchObject({ batches_undecodable: 4, panes_stored: 1 });
  expect(test.hub.state.quarantine.rows().map(({ kind, readings }) => [kind, readings])).toEqual(
    Array.from({ length: 4 }, () => ['batch', 0]),
  );
});

test('a batch nobody can read blocks nothing: what it must have held is quarantined with the next one', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(2) });
  const poison = Uint8Array.of(9, 1, 2, 3);
  // The second is the agent's, which got no answer.
  for (const payload of [poison, poison]) client.publish('weir/v1/line-3/up/panes', payload);
  await acked(client, 2);
  await ping(client);
  expect(test.hub.state.quarantine.rows(), 'nothing says what was in it').toEqual([]);
  const after = frame([pane({ index: 9 })]);
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 6, entries: [after], readingsBefore: 53 });
  await acked(client, 6);
  expect(gatewayView(test)).toMatchObject({ stored: 30, lost: { quarantined: 33 } });
  expect(test.hub.state.quarantine.rows()).toMatchObject([{ kind: 'batch', readings: 33, size: 4 }]);
  expect(test.hub.state.gaps.of('line-3')).toEqual([]);
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 8, entries: [after] });
  await client.until(() => client.closed);
});

test('a gateway whose batches nobody can read is shown so, and nothing of it is acknowledged or let go', async () => {
  await using test = await TestHub.start();
  const before = await test.gateway('line-3');
  for (const n of [1, 2, 3]) before.publish('weir/v1/line-3/up/panes', Uint8Array.of(9, n));
  await eventually(() => gatewayView(test)?.health.length === 1);
  expect(gatewayView(test)?.health).toMatchObject([
    { part: 'hub: its panes', up: false, detail: expect.stringContaining('packed in an unknown way') },
  ]);
  await ping(before);
  expect(before.acks).toEqual([]);
  expect(test.hub.state.quarantine.rows()).toEqual([]);
  await before.drop();
  const after = await test.gateway('line-3');
  after.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(1) });
  await acked(after, 1);
  expect(gatewayView(test)).toMatchObject({ stored: 10, health: [], gaps: { count: 0 } });
});

test('a batch that was turned away behind one nobody can read is not taken for part of it', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  test.store.hold();
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(1) });
  await eventually(() => test.store.writes === 1);
  client.publish('weir/v1/line-3/up/panes', Uint8Array.of(9));
  for (let seq = 3; seq <= 12; seq++) {
    client.publishBatch('line-3', 'panes', { incarnation, firstSeq: seq, entries: [frame([pane({ index: seq })])] });
  }
  await eventually(() => Number(test.hub.status().counts.batches_turned_away) > 0);
  test.store.release();
  await client.until(() => client.closed);
  expect(client.acks.at(-1)).toMatchObject({ seq: 1 });
  expect(test.hub.state.quarantine.rows()).toEqual([]);
});

test('what a gateway no longer has when it comes back is noted as a gap, and what lies behind it is stored', async () => {
  await using test = await TestHub.start();
  const before = await test.gateway('line-3');
  before.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(2) });
  await acked(before, 2);
  await before.drop();
  const after = await test.gateway('line-3');
  const entries = [frame([pane({ index: 7 })])];
  after.publishBatch('line-3', 'panes', { incarnation, firstSeq: 6, entries, readingsBefore: 47 });
  await acked(after, 6);
  const gap = { incarnation, lane: 'panes', firstSeq: 3, lastSeq: 5, readings: 27 };
  expect(test.hub.state.gaps.of('line-3')).toMatchObject([gap]);
  expect(gatewayView(test)).toMatchObject({ stored: 30 });
});

test('a batch behind one that is missing is not acknowledged: the gateway is sent away to start from its cursor', async () => {
  await using test = await TestHub.start();
  const before = await test.gateway('line-3');
  before.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(2) });
  await acked(before, 2);
  before.publishBatch('line-3', 'panes', { incarnation, firstSeq: 4, entries: frames(4).slice(3) });
  before.publishBatch('line-3', 'panes', { incarnation, firstSeq: 5, entries: frames(5).slice(4) });
  await before.until(() => before.closed);
  expect(before.acks.at(-1)).toMatchObject({ seq: 2 });
  const after = await test.gateway('line-3');
  await acked(after, 2);
  after.publishBatch('line-3', 'panes', { incarnation, firstSeq: 3, entries: frames(5).slice(2) });
  await acked(after, 5);
  expect(after.closed).toBe(false);
  expect(await test.store.countStored()).toBe(50);
  expect(test.hub.state.gaps.of('line-3')).toEqual([]);
});

test('stopping finishes the batch in flight and acknowledges it', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  test.store.hold();
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(2) });
  await eventually(() => test.store.writes === 1);
  const stopped = test.hub.stop();
  test.store.release();
  await stopped;
  await client.until(() => client.closed);
  expect(client.acks).toMatchObject([{ seq: 2 }]);
});

test('the sums of a gateway balance: the hub counts what is stored, the gateway the rest', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(2) });
  await acked(client, 2);
  const status = {
    online: true,
    version: '0.1.0',
    taken: 33,
    open: 4,
    pending: 6,
    lost: { too_late: 3, 'no word': 9 },
  };
  client.publish(statusTopic('line-3'), encodeStatus({ ...status, signals: [{ name: 'temperature', unit: '°C' }] }));
  await eventually(() => gatewayView(test)?.taken === 33);
  const view = gatewayView(test);
  expect(view).toMatchObject({
    online: true,
    version: '0.1.0',
    stored: 20,
    open: 4,
    pending: 6,
    lost: { too_late: 3 },
  });
  expect(await (await test.get('/api/series')).json()).toEqual([
    {
      gateway: 'line-3',
      device: 'press',
      signal: 'temperature',
      unit: '°C',
      windows: [{ id: '10s', kind: 'tumbling', sizeMs: 10_000, stepMs: 10_000, compute: ['mean', 'min', 'max'] }],
    },
  ]);
  await client.drop();
  await eventually(() => gatewayView(test)?.online === false);
  expect(gatewayView(test)).toMatchObject({ taken: 33 });
  await test.restart();
  expect(gatewayView(test)).toMatchObject({ online: false, taken: 33, stored: 20 });
});

test('what a gateway flagged, and where it lost most, is shown cut to shape', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  client.publish(statusTopic('line-3'), encodeStatus({ online: true, taken: 1 }));
  await eventually(() => gatewayView(test)?.taken === 1);
  expect(gatewayView(test)).toMatchObject({ flagged: {}, seriesLosses: [] });
  const loss = (
    device: string,
    count: number,
    reason = 'too_late',
  ): NonNullable<StatusFields['seriesLosses']>[number] => {
    return { device, signal: 'temperature', reason, count };
  };
  const many = Array.from({ length: 12 }, (_, index) => loss(`oven-${index}`, index));
  const seriesLosses = [...many, loss('a/b', 99), loss('press', 99, 'no word')];
  client.publish(
    statusTopic('line-3'),
    encodeStatus({ online: true, taken: 2, flagged: { step: 3, stuck: 10, 'no word': 1 }, seriesLosses }),
  );
  await eventually(() => gatewayView(test)?.taken === 2);
  const view = gatewayView(test);
  expect(view?.flagged).toEqual({ step: 3, stuck: 10 });
  expect(view?.seriesLosses).toEqual(many.slice(2).toReversed());
  const nothing = [loss('press', 0), loss('press', Number.NaN), loss('press', -1)];
  client.publish(statusTopic('line-3'), encodeStatus({ online: true, taken: 3, seriesLosses: nothing }));
  await eventually(() => gatewayView(test)?.taken === 3);
  expect(gatewayView(test)?.seriesLosses).toEqual([]);
});

test('a retracted pane is no longer in the store, and costs the count of stored readings nothing', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const window = windowOf('session-10m', { kind: 'session', gapMs: 600_000 });
  const [early, late] = [0, 700_000].map((offset) => {
    const start = baseTime + offset;
    return pane({ window, start, end: start + 600_000, count: 4 });
  });
  const merged = pane({ window, end: baseTime + 1_300_000, revision: 1, count: 9, fresh: 1 });
  if (early === undefined || late === undefined) throw new Error('no panes');
  client.publishBatch('line-3', 'panes', {
    incarnation,
    firstSeq: 1,
    entries: [frame([early, late]), frame([retraction(late), merged])],
  });
  await acked(client, 2);
  expect(gatewayView(test)).toMatchObject({ stored: 9 });
  expect(await test.store.countStored()).toBe(9);
});

test('an alert is shown from firing to cleared, and told once even when it comes again after a restart', async () => {
  await using receiver = await Receiver.start();
  await using test = await TestHub.start({ notify: [webhookNotifier(receiver.url)] });
  const firing = frame([], [transition()]);
  const cleared = frame([], [transition({ state: 'cleared', time: transition().time + 5000 })]);
  const client = await test.gateway('line-3');
  client.publishBatch('line-3', 'alerts', { incarnation, firstSeq: 1, entries: [firing] });
  await acked(client, 1);
  await eventually(() => receiver.bodies.length === 1);
  expect(await alerts(test)).toMatchObject([{ rule: 'too_hot', value: 34.5, cleared: null }]);
  await test.restart();
  const again = await test.gateway('line-3');
  again.publishBatch('line-3', 'alerts', { incarnation: 'incarnation-2', firstSeq: 1, entries: [firing, cleared] });
  await again.until(() => again.acks.some((ack) => ack.seq === 2));
  await eventually(() => receiver.bodies.length >= 2);
  expect(receiver.bodies).toMatchObject([
    { key: expect.stringContaining('/firing'), gateway: 'line-3', rule: 'too_hot', severity: 'critical', value: 34.5 },
    { key: expect.stringContaining('/cleared') },
  ]);
  expect(await alerts(test)).toMatchObject([{ fired: transition().time, cleared: transition().time + 5000 }]);
});

test('alerts overtake panes that wait', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  test.store.hold();
  for (let index = 0; index < 4; index++) {
    client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1 + index, entries: [bigFrame(index)] });
  }
  await eventually(() => test.store.writes === 1);
  client.publishBatch('line-3', 'alerts', { incarnation, firstSeq: 1, entries: [frame([], [transition()])] });
  await ping(client);
  test.store.release();
  await client.until(() => client.acks.some(({ lane, seq }) => lane === 'panes' && seq === 4));
  const order = client.acks.map(({ lane, seq }) => `${lane} ${seq}`);
  expect(order.indexOf('alerts 1')).toBe(1);
});

function frames(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => frame([pane({ index })]));
}

/** As many panes as are stored together. */
function bigFrame(index: number): Uint8Array {
  return frame(Array.from({ length: 5000 }, (_, n) => pane({ index: index * 5000 + n })));
}

async function acked(client: MqttClient, seq: number): Promise<void> {
  await client.until(() => client.acks.at(-1)?.seq === seq);
}

async function ping(client: MqttClient): Promise<void> {
  const before = client.packets.filter(({ cmd }) => cmd === 'pingresp').length;
  client.send({ cmd: 'pingreq' });
  await client.until(() => client.packets.filter(({ cmd }) => cmd === 'pingresp').length > before);
}

function gatewayView(test: TestHub): GatewayView | undefined {
  return test.hub.status().gateways[0];
}

async function alerts(test: TestHub): Promise<AlertView[]> {
  return test.get('/api/alerts').then((answer) => answer.json());
}
