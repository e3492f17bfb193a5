// Who gets in and what they may do, over real sockets.

import { encodeAck, encodeCommand, encodeStatus } from '@weir/shared/wire/codec.ts';
import { expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { RateLimitedLog, silentLog } from '../log.ts';
import { State } from '../state/state.ts';
import { Broker } from './broker.ts';
import { Credentials } from './credentials.ts';
import { eventually, frame, pane, tempFolder } from '../testing/fixtures.ts';
import { MqttClient } from '../testing/mqtt-client.ts';
import { TestHub } from '../testing/test-hub.ts';

const batch = { incarnation: 'incarnation-1', firstSeq: 1, entries: [frame([pane()])] };

test('a client without name and key is refused', async () => {
  await using test = await TestHub.start();
  const client = await MqttClient.login({ port: test.hub.mqttPort, name: 'line-3' });
  expect(client.returnCode).toBe(5);
  await client.until(() => client.closed);
  expect(test.hub.status().refused).toEqual({ anonymous: 1 });
});

test('a wrong key is refused', async () => {
  await using test = await TestHub.start();
  await test.keyOf('line-3');
  const client = await test.login('line-3', { key: 'wrong' });
  expect(client.returnCode).toBe(4);
  await client.until(() => client.closed);
  expect(test.hub.status().refused).toEqual({ bad_key: 1 });
});

test('the key of one gateway does not open another, by user name or by client id', async () => {
  await using test = await TestHub.start();
  await test.keyOf('line-4');
  const key = await test.keyOf('line-3');
  expect((await test.login('line-4', { key })).returnCode).toBe(4);
  expect((await test.login('line-3', { clientId: 'line-4' })).returnCode).toBe(5);
});

test('refusals are logged at most once a minute for one gateway', async () => {
  const lines: string[] = [];
  const say = (message: string): void => void lines.push(message);
  await using test = await TestHub.start({ log: { info: () => undefined, warn: say, error: say } });
  await test.keyOf('line-3');
  for (let attempt = 0; attempt < 5; attempt++) await test.login('line-3', { key: 'wrong' });
  expect(test.hub.status().refused).toEqual({ bad_key: 5 });
  expect(lines).toEqual(['refused a gateway']);
});

test('a gateway added by the command line while the hub runs gets in', async () => {
  await using test = await TestHub.start();
  const cli = State.open(test.folder + '/weir-hub-data');
  const key = await new Credentials(cli.gateways).add('line-9', 0);
  cli.close();
  const client = await MqttClient.login({ port: test.hub.mqttPort, name: 'line-9', key });
  expect(client.returnCode).toBe(0);
  await client.disconnect();
});

test('a gateway that was removed is sent away at its next word', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  test.hub.state.gateways.remove('line-3');
  client.publishBatch('line-3', 'panes', batch);
  await client.until(() => client.closed);
  expect(test.hub.status().refused).toEqual({ removed: 1 });
  expect(await test.store.countStored()).toBe(0);
});

test.each([
  'weir/v1/line-4/up/panes',
  'weir/v1/line-4/status',
  'weir/v1/line-3/ack',
  'weir/v1/line-4/ack',
  'weir/v1/line-3/command',
  'weir/v1/line-4/command',
  'weir/v1/line-3/up/other',
  'other',
])('a publish to %s closes the connection and reaches nobody', async (topic) => {
  await using test = await TestHub.start();
  const other = await test.gateway('line-4');
  const client = await test.gateway('line-3');
  client.publish(topic, Uint8Array.of(0));
  await client.until(() => client.closed);
  expect(test.hub.status().refused).toEqual({ foreign_publish: 1 });
  expect(test.hub.status().counts).toEqual({});
  expect(other.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
});

test('a last will to another gateway is refused at the door', async () => {
  await using test = await TestHub.start();
  const will = { topic: 'weir/v1/line-4/status', payload: Buffer.of(), qos: 1, retain: true } as const;
  const client = await test.login('line-3', { will });
  expect(client.returnCode).toBe(5);
  expect(test.hub.status().refused).toEqual({ foreign_will: 1 });
});

test('the last will of a gateway whose power goes marks it offline', async () => {
  await using test = await TestHub.start();
  const will = {
    topic: 'weir/v1/line-3/status',
    payload: Buffer.from(encodeStatus({ online: false })),
    qos: 1,
    retain: true,
  } as const;
  const client = await test.login('line-3', { will });
  expect(client.returnCode).toBe(0);
  client.publish('weir/v1/line-3/status', encodeStatus({ online: true, taken: 5 }));
  await eventually(() => test.hub.status().gateways[0]?.online === true);
  await client.drop();
  await eventually(() => test.hub.status().gateways[0]?.online === false);
  expect(test.hub.status().gateways[0]).toMatchObject({ taken: 5 });
});

test.each([
  'weir/v1/line-4/ack',
  'weir/v1/line-4/command',
  'weir/v1/+/ack',
  'weir/v1/+/command',
  '#',
  '$SYS/#',
  'weir/v1/line-3/status',
])('a subscription to %s is refused', async (topic) => {
  await using test = await TestHub.start();
  const client = await test.login('line-3');
  client.subscribe(topic);
  await client.until(() => client.packets.some(({ cmd }) => cmd === 'suback'));
  expect(client.packets.find((packet) => packet.cmd === 'suback')?.granted).toEqual([128]);
  const other = await test.gateway('line-4');
  other.publishBatch('line-4', 'panes', batch);
  await other.until(() => other.acks.length === 1);
  expect(client.acks).toEqual([]);
});

test('acks go to the gateway they are for and to no other', async () => {
  await using test = await TestHub.start();
  const [a, b] = [await test.gateway('line-3'), await test.gateway('line-4')];
  a.publishBatch('line-3', 'panes', batch);
  await a.until(() => a.acks.length === 1);
  b.publishBatch('line-4', 'panes', batch);
  await b.until(() => b.acks.length === 1);
  expect([a.acks.length, b.acks.length]).toEqual([1, 1]);
});

test('commands and acks go to the one gateway that listens for them, each on its own topic', async () => {
  const heard: string[] = [];
  using folder = tempFolder();
  const state = State.open(folder.path);
  const credentials = new Credentials(state.gateways);
  const [key, other] = [await credentials.add('line-3', 0), await credentials.add('line-4', 0)];
  const broker = new Broker(
    { host: '127.0.0.1', port: 0, maxPacketBytes: 65_536, maxConnections: 10 },
    {
      credentials,
      isGateway: () => true,
      log: new RateLimitedLog(silentLog, systemClock),
      fail: (error) => expect.unreachable(String(error)),
      events: {
        connected: () => undefined,
        batch: () => undefined,
        status: () => undefined,
        subscribed: (gateway, to) => void heard.push(`${gateway} ${to}`),
        disconnected: () => undefined,
      },
    },
  );
  const port = await broker.listen();
  const request = { id: 'r-1', series: { device: 'press', signal: 'temperature' }, from: 0, to: 1 };
  const command = encodeCommand({ kind: 'raw', request });
  const deaf = await MqttClient.login({ port, name: 'line-4', key: other });
  deaf.subscribe('weir/v1/line-4/ack');
  await deaf.until(() => deaf.packets.some(({ cmd }) => cmd === 'suback'));
  const client = await MqttClient.gateway({ port, name: 'line-3', key });
  expect(heard).toEqual(['line-4 ack', 'line-3 ack', 'line-3 command']);
  for (const gateway of ['line-3', 'line-4', 'line-5']) broker.command(gateway, command);
  for (const gateway of ['line-3', 'line-4']) {
    broker.ack(gateway, encodeAck({ incarnation: 'incarnation-1', lane: 'panes', seq: 7 }));
  }
  await client.until(() => client.acks.length === 1 && client.commands.length === 1);
  await deaf.until(() => deaf.acks.length === 1);
  expect(client.commands).toEqual([request]);
  expect(deaf.commands, 'it does not listen for commands').toEqual([]);
  await client.disconnect();
  await deaf.disconnect();
  await broker.close();
  state.close();
});

test('a publish of 10 MB closes the connection before it is there, and costs no memory', async () => {
  await using test = await TestHub.start();
  const client = await test.login('line-3');
  // One buffer for all of it: what grows is the hub's.
  const chunk = Buffer.alloc(64 * 1024);
  const before = process.memoryUsage().arrayBuffers;
  client.write(Uint8Array.of(0x32, 0x80, 0x80, 0xe2, 0x04)); // PUBLISH, QoS 1, remaining length 10,000,384
  for (let sent = 0; sent < 10_000_384; sent += chunk.length) client.write(chunk);
  await client.until(() => client.closed);
  expect(test.hub.status().refused).toEqual({ packet_too_long: 1 });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2e6);
});

test('a batch as long as the limit allows gets through', async () => {
  await using test = await TestHub.start({ broker: { maxPacketBytes: 300_000 } });
  const client = await test.gateway('line-3');
  const entries = Array.from({ length: 25 }, (_, n) =>
    frame(Array.from({ length: 300 }, (_, m) => pane({ index: n * 300 + m }))),
  );
  client.publishBatch('line-3', 'panes', { incarnation: 'incarnation-1', firstSeq: 1, entries });
  await client.until(() => client.acks.at(-1)?.seq === 25);
  expect(await test.store.countStored()).toBe(75_000);
});

test('a connection that says nothing is closed', async () => {
  await using test = await TestHub.start({ broker: { connectTimeoutMs: 20 } });
  const client = await MqttClient.open(test.hub.mqttPort);
  await client.until(() => client.closed);
  expect(test.hub.status().refused).toEqual({ no_connect: 1 });
});

test('connections beyond the limit are closed', async () => {
  await using test = await TestHub.start({ broker: { maxConnections: 1 } });
  const first = await test.login('line-3');
  const second = await MqttClient.open(test.hub.mqttPort);
  await second.until(() => second.closed);
  expect(test.hub.status().refused).toEqual({ too_many_connections: 1 });
  expect(first.closed).toBe(false);
});

test('a second connection of a gateway takes over from the first', async () => {
  await using test = await TestHub.start();
  const first = await test.gateway('line-3');
  const second = await test.gateway('line-3');
  await first.until(() => first.closed);
  second.publishBatch('line-3', 'panes', batch);
  await second.until(() => second.acks.length === 1);
  expect(test.hub.status().refused).toEqual({});
});
