import { once } from 'node:events';
import { createServer } from 'node:net';
import { HttpClientFactory } from '@node-wot/binding-http';
import { Helpers, Servient } from '@node-wot/core';
import type { Transition } from '@weir/shared/model/alert.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { Health } from '../health.ts';
import { wot as wotSource } from '../sources/wot.ts';
import { freePort } from '../testing/ports.ts';
import { Puller } from '../testing/puller.ts';
import { gatewayFile } from '../testing/station.ts';
import { systemClock } from '../time/clock.ts';
import { ThingServer, type Latest } from './thing-server.ts';

const text = `
gateway: line-3
sources:
  oven: { serial: /dev/oven, format: json }
  bands: { mqtt: "mqtt://127.0.0.1", topics: ["band/{device}/{signal}"] }
signals:
  temperature: { from: oven.t, unit: °C, range: -20..120 }
  pulse: { from: bands.hr, unit: bpm, range: 25.. }
windows: [{ every: 1m, of: all, compute: [mean] }]
alerts:
  too_hot: { when: temperature > 50, severity: critical }
`;

const at = Date.UTC(2026, 0, 2, 3, 4, 5);
const firing: Transition = {
  rule: 'too_hot',
  series: { device: 'oven', signal: 'temperature' },
  state: 'firing',
  severity: 'critical',
  time: at,
  since: at - 1000,
  value: 51.5,
  reason: 'above 50',
  quiet: '',
  by: '',
  comment: '',
};

async function serve(options: { port?: number } = {}) {
  const port = options.port ?? (await freePort());
  const table = new SeriesTable(100);
  const latest: Latest[] = [];
  const health = new Health(Date.now, () => undefined);
  const file = gatewayFile(text);
  const end = new AbortController();
  const server = new ThingServer({
    host: '127.0.0.1',
    port,
    file,
    latest: () => latest,
    health,
    clock: systemClock,
    random: Math.random,
  });
  const done = server.run(end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await done;
  };
  onTestFinished(stop);
  const set = (device: string, signal: string, newestValue: number, newestTime = Date.now()): void => {
    const series = table.intern(device, signal);
    if (series !== undefined) latest[series.id] = { series, newestTime, newestValue };
  };
  const isUp = () => health.all().find(({ part }) => part === 'thing')?.up;
  if (options.port === undefined) await expect.poll(isUp).toBe(true);
  return { server, port, url: `http://127.0.0.1:${port}`, set, stop, health, isUp };
}

const descriptionSchema = z.looseObject({
  title: z.string(),
  properties: z.record(z.string(), z.looseObject({ unit: z.string().optional() })),
  events: z.record(z.string(), z.unknown()),
});

async function consume(url: string) {
  const servient = new Servient();
  servient.addClientFactory(new HttpClientFactory());
  const wot = await servient.start();
  onTestFinished(() => servient.shutdown());
  return wot.consume(await wot.requestThingDescription(url));
}

describe('the gateway as a Thing', () => {
  it('has a Thing Description at both addresses: signals with unit and range as properties, alerts as events', async () => {
    const { url, set } = await serve();
    set('anna', 'pulse', 72);
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toBe('application/td+json');
    const raw: unknown = await response.json();
    expect(raw).toEqual(await (await fetch(`${url}/.well-known/wot`)).json());
    expect(Helpers.tsSchemaValidator(raw)).toBe(true);
    const { title, properties, events } = descriptionSchema.parse(raw);
    expect([title, Object.keys(events)]).toEqual(['line-3', ['too_hot']]);
    expect(properties).toMatchObject({
      'oven/temperature': { type: 'number', unit: '°C', minimum: -20, maximum: 120, readOnly: true, observable: true },
      'anna/pulse': { type: 'number', unit: 'bpm', minimum: 25 },
    });
    expect(properties['anna/pulse']).not.toHaveProperty('maximum');
  });

  it('is consumed by node-wot: a property read and observed, an event subscribed', async () => {
    const { server, url, set } = await serve();
    set('oven', 'temperature', 21.5);
    const thing = await consume(url);
    expect(await (await thing.readProperty('oven/temperature')).value()).toBe(21.5);
    const seen: unknown[] = [];
    const told: unknown[] = [];
    const into =
      (list: unknown[]) =>
      (output: WoT.InteractionOutput): void =>
        void output.value().then((value) => list.push(value));
    const observing = await thing.observeProperty('oven/temperature', into(seen));
    const subscription = await thing.subscribeEvent('too_hot', into(told));
    await expect.poll(() => seen).toEqual([21.5]);
    set('oven', 'temperature', 22, Date.now() + 1);
    await expect.poll(() => seen).toEqual([21.5, 22]);
    server.tell(firing);
    server.tell({ ...firing, state: 'cleared', value: NaN });
    await expect.poll(() => told.length).toBe(2);
    expect(told[0]).toEqual({
      alert: 'too_hot',
      state: 'firing',
      severity: 'critical',
      device: 'oven',
      signal: 'temperature',
      value: 51.5,
      time: '2026-01-02T03:04:05.000Z',
      since: '2026-01-02T03:04:04.000Z',
      reason: 'above 50',
    });
    expect(told[1]).not.toHaveProperty('value');
    await observing.stop();
    await subscription.stop();
  });

  it('is read by the wot source of another gateway', async () => {
    const { server, url, set } = await serve();
    set('oven', 'temperature', 21.5);
    const source = new Puller(
      wotSource,
      { wot: url, poll: '1h', refresh: '1h' },
      { channels: ['oven/temperature', 'too_hot', 'too_hot.value'] },
    );
    await expect.poll(() => source.readings, { timeout: 15_000 }).toContain('line-3/oven/temperature = 21.5');
    set('oven', 'temperature', 23, Date.now() + 1);
    await expect.poll(() => source.readings).toContain('line-3/oven/temperature = 23');
    await expect
      .poll(() => {
        server.tell(firing);
        return source.readings;
      })
      .toEqual(expect.arrayContaining(['line-3/too_hot = 1', 'line-3/too_hot.value = 51.5']));
    expect(source.deadLetters).toEqual([]);
  });

  it('answers all properties at once, and says what it has not', async () => {
    const { url, set } = await serve();
    set('oven', 'temperature', 21.5, at);
    set('anna', 'pulse', 72);
    set('ben', 'pulse', NaN, -Infinity);
    expect(await (await fetch(`${url}/properties`)).json()).toEqual({ 'oven/temperature': 21.5, 'anna/pulse': 72 });
    const read = await fetch(`${url}/properties/oven/temperature`);
    expect([await read.json(), read.headers.get('last-modified')]).toEqual([21.5, 'Fri, 02 Jan 2026 03:04:05 GMT']);
    const statuses = await Promise.all(
      ['/properties/ben/pulse', '/properties/oven', '/events/cold', '/%zz', '/x/y/z/w/v', '/events/too_hot/x'].map(
        async (path) => (await fetch(url + path)).status,
      ),
    );
    expect(statuses).toEqual([404, 404, 404, 400, 404, 404]);
    const written = await fetch(`${url}/properties/oven/temperature`, { method: 'PUT', body: '5' });
    expect([written.status, written.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('has room for so many listeners, and again when they have gone', async () => {
    const { url } = await serve();
    const end = new AbortController();
    const listen = async (signal?: AbortSignal) =>
      (await fetch(`${url}/events/too_hot`, signal === undefined ? {} : { signal })).status;
    const statuses = await Promise.all(Array.from({ length: 32 }, () => listen(end.signal)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await listen()).toBe(503);
    expect((await fetch(url)).status).toBe(200);
    end.abort();
    const next = new AbortController();
    await expect.poll(() => listen(next.signal)).toBe(200);
    next.abort();
  });

  it('waits for its port, says so in its health, and gives it back at the end', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const address = blocker.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const { isUp, health, stop } = await serve({ port });
    await expect.poll(isUp).toBe(false);
    expect(health.all()[0]?.detail).toContain(`127.0.0.1:${port} cannot be listened at: listen EADDRINUSE`);
    blocker.close();
    await expect.poll(isUp, { timeout: 10_000 }).toBe(true);
    await stop();
    const next = createServer().listen(port, '127.0.0.1');
    await once(next, 'listening');
    next.close();
  });
});
