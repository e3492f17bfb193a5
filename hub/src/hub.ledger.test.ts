// What the hub makes of a gateway's word: do the sums agree, what lay in gaps, how are its disk and its clock.

import { expect, test } from 'vitest';
import { encodeStatus, type StatusFields } from '@weir/shared/wire/codec.ts';
import { statusTopic } from '@weir/shared/wire/topics.ts';
import { webhookNotifier } from './alerts/webhook.ts';
import type { AlertView, GatewayView } from './http/views.ts';
import { eventually, frame, pane } from './testing/fixtures.ts';
import type { MqttClient } from './testing/mqtt-client.ts';
import { Receiver } from './testing/receiver.ts';
import { TestHub } from './testing/test-hub.ts';

const incarnation = 'incarnation-1';

test('sums that do not balance are an alert of their own, told, kept over a restart, and cleared when they do', async () => {
  await using receiver = await Receiver.start();
  await using test = await TestHub.start({ notify: [webhookNotifier(receiver.url)] });
  const client = await test.gateway('line-3');
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(2) });
  await acked(client, 2);
  const say = (from: MqttClient, taken: number, fields: StatusFields = {}): void =>
    from.publish(
      statusTopic('line-3'),
      encodeStatus({ online: true, taken, pending: 5, lost: { future: 3 }, ...fields }),
    );
  // 20 are stored, 5 wait and 3 are lost: 7 are nowhere.
  for (const taken of [28, 35, 35, 28, 35, 35]) say(client, taken);
  await eventually(() => gatewayView(test)?.imbalance === 7);
  await ping(client);
  expect(await alerts(test), 'twice in a row is not enough').toEqual([]);
  say(client, 35);
  await eventually(async () => (await alerts(test)).length === 1);
  expect(await alerts(test)).toMatchObject([{ rule: 'weir.ledger', severity: 'critical', value: 7, cleared: null }]);
  expect(await (await test.get('/metrics')).text()).toContain('weir_gateway_imbalance_readings{gateway="line-3"} 7\n');
  await eventually(() => receiver.bodies.length === 1);
  await test.restart();
  const after = await test.gateway('line-3');
  say(after, 35);
  await eventually(() => gatewayView(test)?.imbalance === 7);
  expect(await alerts(test)).toHaveLength(1);
  say(after, 28);
  await eventually(async () => (await alerts(test))[0]?.cleared !== null);
  await eventually(() => receiver.bodies.length === 2);
  expect(receiver.bodies).toMatchObject([
    { gateway: 'line-3', rule: 'weir.ledger' },
    { key: expect.stringContaining('/cleared') },
  ]);
  for (const _ of [1, 2, 3]) say(after, 28, { imbalance: -4 });
  await eventually(async () => (await alerts(test)).length === 2);
  expect(gatewayView(test)).toMatchObject({ imbalance: 0, ownImbalance: -4 });
});

test('gaps are shown with what they cost, and what the gateway evicted is not lost twice', async () => {
  await using test = await TestHub.start();
  const before = await test.gateway('line-3');
  before.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: frames(1) });
  await acked(before, 1);
  await before.drop();
  const client = await test.gateway('line-3');
  const entries = [frame([pane({ index: 7 })])];
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 6, entries, readingsBefore: 45 });
  await acked(client, 6);
  client.publish(statusTopic('line-3'), encodeStatus({ online: true, taken: 55, lost: { evicted: 30 } }));
  await eventually(() => gatewayView(test)?.taken === 55);
  expect(gatewayView(test)).toMatchObject({
    stored: 20,
    lost: { evicted: 30, gap: 5 },
    imbalance: 0,
    gaps: { count: 1, last: [{ lane: 'panes', entries: 4, readings: 35 }] },
  });
  expect(await (await test.get('/metrics')).text()).toContain('weir_gateway_gap_readings{gateway="line-3"} 5\n');
});

test('disk and clock of a gateway are shown as it says them, cut to shape; where it says nothing, nothing is', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  client.publish(statusTopic('line-3'), encodeStatus({ online: true, taken: 1 }));
  await eventually(() => gatewayView(test)?.taken === 1);
  expect(gatewayView(test)).toMatchObject({ storage: null, clock: null, thinned: 0 });
  expect(await (await test.get('/metrics')).text()).not.toContain('weir_gateway_disk_free_bytes{');
  const storage = { writtenBytesPerHour: 4e6, syncsPerHour: 7200.5, freeBytes: 1e9, commitMs: 500, years: NaN };
  const time = { state: 'holding', detail: 'x'.repeat(600) };
  client.publish(
    statusTopic('line-3'),
    encodeStatus({ online: true, taken: 2, thinned: 9, storage: { ...storage, damagedRecords: -1, atRisk: 3 }, time }),
  );
  await eventually(() => gatewayView(test)?.taken === 2);
  expect(gatewayView(test)).toMatchObject({
    thinned: 9,
    storage: {
      writtenBytesPerHour: 4e6,
      syncsPerHour: 7200,
      years: null,
      damagedRecords: 0,
      atRisk: 3,
      rawSince: null,
    },
    clock: { state: 'holding', detail: 'x'.repeat(500) },
  });
  const metrics = await (await test.get('/metrics')).text();
  expect(metrics).toContain('weir_gateway_disk_free_bytes{gateway="line-3"} 1000000000\n');
  expect(metrics).toContain('weir_gateway_clock_synchronised{gateway="line-3"} 0\n');
  expect(metrics).not.toContain('weir_gateway_card_years{');
});

function frames(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => frame([pane({ index })]));
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
