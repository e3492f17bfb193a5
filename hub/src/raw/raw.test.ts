// Raw on demand through a whole hub, with an MQTT client that plays the gateway.

import { expect, test } from 'vitest';
import { commandTopic } from '@weir/shared/wire/topics.ts';
import * as z from 'zod';
import type { RawRequestView } from '../http/views.ts';
import { eventually, frame, transition } from '../testing/fixtures.ts';
import type { MqttClient } from '../testing/mqtt-client.ts';
import { rawFrame, rawReadings, type ReadingRow } from '../testing/raw.ts';
import { TestHub } from '../testing/test-hub.ts';

const incarnation = 'incarnation-1';
/** A whole second a quarter of an hour ago. */
const then = Math.floor(Date.now() / 1000) * 1000 - 900_000;
const series = { gateway: 'line-3', device: 'press', signal: 'temperature' };

test('what is asked for is sent to the gateway, and its answer can be read', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const asked = await ask(test, { from: then, to: then + 3000 });
  expect(asked).toMatchObject({ ...series, from: then, to: then + 3000, why: 'asked', sent: true, done: null });
  await client.until(() => client.commands.length === 1);
  expect(client.commands).toEqual([
    { id: asked.id, series: { device: 'press', signal: 'temperature' }, from: then, to: then + 3000 },
  ]);
  publish(client, 1, rawFrame(answer(asked.id, { rows: rows(0, 2), last: false })));
  publish(client, 2, rawFrame(answer(asked.id, { rows: rows(2, 3) })));
  await eventually(async () => (await requests(test))[0]?.done !== null);
  expect(await requests(test)).toMatchObject([{ id: asked.id, readings: 3, shortfall: '', done: expect.any(Number) }]);
  expect(await readings(test)).toEqual(rows(0, 3).map(([time, value]) => [time, value, 'good']));
  expect(client.acks.at(-1)).toMatchObject({ lane: 'raw', seq: 2 });
});

test('a request outlives a restart of the hub and a gateway that is away, and goes out until it is answered', async () => {
  await using test = await TestHub.start();
  await test.keyOf('line-3');
  const { id, sent } = await ask(test, { from: then, to: then + 3000 });
  expect(sent).toBe(false);
  await test.restart();
  const first = await test.gateway('line-3');
  await first.until(() => first.commands.length === 1);
  await first.drop();
  const second = await test.gateway('line-3');
  await second.until(() => second.commands.length === 1);
  expect(second.commands[0]?.id).toBe(id);
  publish(second, 1, rawFrame(answer(id, { shortfall: 'the first second is not on the gateway any more' })));
  await second.until(() => second.acks.length > 0);
  await second.disconnect();
  const third = await test.gateway('line-3');
  await third.until(() => third.acks.length > 0);
  await subscribedAgain(third);
  expect(third.commands).toEqual([]);
  expect(await requests(test)).toMatchObject([{ id, shortfall: 'the first second is not on the gateway any more' }]);
});

test('an answer is only noted when it is durable, and before that it is not acknowledged', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const { id } = await ask(test, { from: then, to: then + 3000 });
  test.store.outage = 'the disk is full';
  publish(client, 1, rawFrame(answer(id)));
  await eventually(() => test.store.writes > 3);
  expect((await requests(test))[0]).toMatchObject({ done: null, readings: 0 });
  expect(client.acks).toEqual([]);
  test.store.outage = undefined;
  await client.until(() => client.acks.length > 0);
  expect((await requests(test))[0]).toMatchObject({ done: expect.any(Number), readings: 3 });
  expect(await readings(test)).toHaveLength(3);
});

test('what is sent again is stored and counted once', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const { id } = await ask(test, { from: then, to: then + 3000 });
  for (const _ of [1, 2]) publish(client, 1, rawFrame(answer(id)));
  await client.until(() => client.acks.length === 2);
  expect((await requests(test))[0]).toMatchObject({ readings: 3 });
  expect(await readings(test)).toHaveLength(3);
});

test('raw readings nobody has asked for are not stored, and the lane goes on', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const other = await test.gateway('line-4');
  const { id } = await ask(test, { from: then, to: then + 3000 });
  const wrong = [answer('nobody'), answer(id, { signal: 'humidity' }), answer(`${id}1`)];
  publish(client, 1, rawFrame(...wrong));
  publish(other, 1, rawFrame(answer(id)), 'line-4');
  await client.until(() => client.acks.length === 1);
  await other.until(() => other.acks.length === 1);
  expect(await readings(test)).toEqual([]);
  expect(await readings(test, { signal: 'humidity' })).toEqual([]);
  expect(await readings(test, { gateway: 'line-4' })).toEqual([]);
  expect((await requests(test))[0]).toMatchObject({ done: null, readings: 0 });
  expect(test.hub.status().counts).toMatchObject({ raw_unasked: 12 });
});

test('an alert that begins to fire asks for the readings around it, once', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const firing = transition({ time: then, since: then - 5000 });
  const cleared = { ...firing, state: 'cleared' as const, time: then + 30_000 };
  client.publishBatch('line-3', 'alerts', { incarnation, firstSeq: 1, entries: [frame([], [firing, cleared])] });
  await client.until(() => client.commands.length > 0);
  expect(client.commands).toMatchObject([
    { series: { device: 'press', signal: 'temperature' }, from: then - 60_000, to: then + 60_000 },
  ]);
  client.publishBatch('line-3', 'alerts', { incarnation, firstSeq: 2, entries: [frame([], [firing])] });
  await client.until(() => client.acks.some(({ seq }) => seq === 2));
  expect(await requests(test)).toMatchObject([{ ...series, why: 'alert too_hot', sent: true }]);
});

test('around an alert of this moment is asked for when the time after it has passed', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const now = Date.now();
  client.publishBatch('line-3', 'alerts', {
    incarnation,
    firstSeq: 1,
    entries: [frame([], [transition({ time: now, since: now })])],
  });
  await client.until(() => client.acks.length > 0);
  await subscribedAgain(client);
  expect(client.commands).toEqual([]);
  expect(await requests(test)).toMatchObject([{ from: now - 60_000, to: now + 60_000, sent: false, done: null }]);
});

test('the API says what is wrong with a question', async () => {
  await using test = await TestHub.start();
  await test.keyOf('line-3');
  const hour = 3_600_000;
  const good = { ...series, from: then, to: then + 1000 };
  const now = Date.now();
  for (const [body, reason] of [
    [{ ...good, gateway: 'line-9' }, 'there is no gateway "line-9"'],
    [{ ...good, signal: 'a b' }, 'signal: "a b" is no name'],
    [{ ...good, to: then }, 'from has to be before to'],
    [{ ...good, from: now - 25 * hour, to: now }, 'at most 24 hours'],
    [{ ...good, from: now - 31 * 24 * hour, to: now - 31 * 24 * hour + 1 }, 'raw.keep in hub.yaml'],
    [{ ...good, from: now, to: now + 2 * hour }, 'more than an hour ahead'],
    [{ ...good, from: 'yesterday' }, 'from: '],
    [{ ...good, why: 'because' }, 'why'],
    ['text', 'expected object'],
  ] as const) {
    const answer = await post(test, JSON.stringify(body));
    expect([answer.status, await answer.json()]).toEqual([400, { error: expect.stringContaining(reason) }]);
  }
  expect((await post(test, '{')).status).toBe(400);
  expect((await post(test, JSON.stringify(good), 'text/plain')).status).toBe(415);
  expect((await post(test, JSON.stringify({ ...good, why: 'x'.repeat(5000) }))).status).toBe(413);
  expect((await fetch(`${test.hub.url}/api/panes`, { method: 'POST' })).status).toBe(405);
  expect((await test.get('/api/raw?gateway=line-3&device=press')).status).toBe(400);
  expect((await test.get('/api/raw/requests?limit=none')).status).toBe(400);
  expect(await requests(test)).toEqual([]);
});

test('who asks the same again gets the request that is open', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const first = await ask(test, { from: then, to: then + 3000 });
  expect((await ask(test, { from: then, to: then + 3000 })).id).toBe(first.id);
  publish(client, 1, rawFrame(answer(first.id)));
  await client.until(() => client.acks.length > 0);
  expect((await ask(test, { from: then, to: then + 3000 })).id).not.toBe(first.id);
});

test('pages are told when raw readings are asked for and when they have come', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const stream = await test.get('/api/events');
  let told = '';
  const follow = async (): Promise<void> => {
    for await (const chunk of stream.body ?? []) told += Buffer.from(chunk).toString();
  };
  // It ends with the hub, and a stream that is cut off is an error to its reader.
  const following = follow().catch(() => undefined);
  const { id } = await ask(test, { from: then, to: then + 3000 });
  await eventually(() => told.includes(id));
  expect(told).toMatch(/event: raw\ndata: \[.*"done":null/);
  publish(client, 1, rawFrame(answer(id)));
  await eventually(() => /event: raw\ndata: \[.*"done":\d/.test(told));
  await test.hub.stop();
  await following;
});

const requestView: z.ZodType<RawRequestView> = z.object({
  id: z.string(),
  gateway: z.string(),
  device: z.string(),
  signal: z.string(),
  from: z.number(),
  to: z.number(),
  why: z.string(),
  asked: z.number(),
  sent: z.boolean(),
  done: z.number().nullable(),
  readings: z.number(),
  shortfall: z.string(),
});

function post(test: TestHub, body: string, type = 'application/json'): Promise<Response> {
  return fetch(`${test.hub.url}/api/raw`, { method: 'POST', headers: { 'content-type': type }, body });
}

async function ask(test: TestHub, range: { from: number; to: number }): Promise<RawRequestView> {
  const response = await post(test, JSON.stringify({ ...series, ...range }));
  expect(response.status).toBe(202);
  return requestView.parse(await response.json());
}

async function requests(test: TestHub): Promise<RawRequestView[]> {
  return z.array(requestView).parse(await (await test.get('/api/raw/requests?gateway=line-3')).json());
}

async function readings(test: TestHub, changes: Partial<typeof series> = {}): Promise<unknown[]> {
  const query = new URLSearchParams({ ...series, ...changes, from: String(then), to: String(then + 60_000) });
  const answer = await (await test.get(`/api/raw?${query}`)).json();
  return z
    .object({
      columns: z.tuple([z.literal('time'), z.literal('value'), z.literal('quality')]),
      rows: z.array(z.unknown()),
    })
    .parse(answer).rows;
}

/** One a second. */
function rows(from: number, to: number): ReadingRow[] {
  return Array.from({ length: to - from }, (_, index) => [then + (from + index) * 1000, 20 + from + index]);
}

function answer(request: string, fields: Parameters<typeof rawReadings>[0] = {}): ReturnType<typeof rawReadings> {
  return rawReadings({ request, rows: rows(0, 3), ...fields });
}

function publish(client: MqttClient, seq: number, bytes: Uint8Array, gateway = 'line-3'): void {
  client.publishBatch(gateway, 'raw', { incarnation, firstSeq: seq, entries: [bytes] });
}

/** When it resolves, whatever a subscription brings has come. */
async function subscribedAgain(client: MqttClient): Promise<void> {
  const before = client.packets.length;
  client.subscribe(commandTopic('line-3'));
  client.send({ cmd: 'pingreq' });
  await client.until(() => client.packets.slice(before).some(({ cmd }) => cmd === 'pingresp'));
}
