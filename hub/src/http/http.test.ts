// The HTTP side of a running hub: API, events, metrics, page.

import { connect } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { encodeStatus } from '@weir/shared/wire/codec.ts';
import {
  baseTime,
  eventually,
  frame,
  oneMinute,
  pane,
  retraction,
  tempFolder,
  tenSeconds,
  transition,
  tumbling,
  windowOf,
} from '../testing/fixtures.ts';
import { TestHub } from '../testing/test-hub.ts';
import { Assets } from './assets.ts';
import { encodeMetrics } from './metrics.ts';

const incarnation = 'incarnation-1';

test('panes are answered as columns and rows, with null where a statistic is undefined', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const window = tumbling('10s', 10_000, ['mean', 'stddev']);
  const entries = [
    frame([pane({ window, count: 1, values: [5, Number.NaN] }), pane({ index: 1, window, values: [6, 0.5] })]),
  ];
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries });
  await client.until(() => client.acks.length === 1);
  const query = `gateway=line-3&device=press&signal=temperature&window=10s&from=${baseTime}&to=${baseTime + 20_000}`;
  expect(await (await test.get(`/api/panes?${query}`)).json()).toEqual({
    columns: ['start', 'end', 'count', 'revision', 'mean', 'stddev'],
    rows: [
      [baseTime, baseTime + 10_000, 1, 0, 5, null],
      [baseTime + 10_000, baseTime + 20_000, 10, 0, 6, 0.5],
    ],
  });
});

test('windows of every kind are listed, those of no fixed length last, and say where their panes end', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  const session = windowOf('session-10m', { kind: 'session', gapMs: 600_000 });
  const panes = [
    pane({ window: session, start: baseTime + 0.25, end: baseTime + 700_000 }),
    pane({ window: windowOf('count-100', { kind: 'count', size: 100 }), end: baseTime + 5 }),
    pane({ window: windowOf('1m/10s', { kind: 'hopping', sizeMs: 60_000, slideMs: 10_000 }) }),
    pane({ window: oneMinute }),
    pane({ window: tenSeconds }),
  ];
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: [frame(panes)] });
  await client.until(() => client.acks.length === 1);
  const [series] = z.array(z.object({ windows: z.array(z.unknown()) })).parse(await json(test, '/api/series'));
  expect(series?.windows).toEqual([
    { id: '10s', kind: 'tumbling', sizeMs: 10_000, stepMs: 10_000, compute: ['mean', 'min', 'max'] },
    { id: '1m', kind: 'tumbling', sizeMs: 60_000, stepMs: 60_000, compute: ['mean'] },
    { id: '1m/10s', kind: 'hopping', sizeMs: 60_000, stepMs: 10_000, compute: ['mean'] },
    { id: 'count-100', kind: 'count', sizeMs: 0, stepMs: 0, compute: ['mean'] },
    { id: 'session-10m', kind: 'session', sizeMs: 0, stepMs: 0, compute: ['mean'] },
  ]);
  const query = new URLSearchParams({ gateway: 'line-3', device: 'press', signal: 'temperature' });
  const rowsOf = async (window: string): Promise<unknown> => {
    query.set('window', window);
    return json(test, `/api/panes?from=0&${query.toString()}`);
  };
  expect(await rowsOf('session-10m')).toMatchObject({
    columns: ['start', 'end', 'count', 'revision', 'mean'],
    rows: [[baseTime + 0.25, baseTime + 700_000, 10, 0, 20.5]],
  });
  expect(await rowsOf('1m/10s')).toMatchObject({ rows: [[baseTime, baseTime + 60_000, 10, 0, 20.5]] });
});

test('a question that cannot be answered is answered with what is wrong with it', async () => {
  await using test = await TestHub.start();
  const answer = await test.get('/api/panes?gateway=line-3&from=yesterday');
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: expect.stringMatching(/device.*signal.*window.*from/s) });
  expect((await test.get('/nothing')).status).toBe(404);
  expect((await test.get('/../../etc/passwd')).status).toBe(404);
  expect((await fetch(`${test.hub.url}/api/gateways`, { method: 'DELETE' })).status).toBe(405);
});

test('every answer forbids what the page does not need', async () => {
  await using test = await TestHub.start();
  for (const path of ['/api/gateways', '/nothing', '/metrics', '/healthz']) {
    const { headers } = await test.get(path);
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  }
});

test('a page that follows events is told of panes, alerts and gateways', async () => {
  await using test = await TestHub.start();
  const answer = await test.get('/api/events');
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  const events: { name: string; data: unknown }[] = [];
  const reading = follow(answer, (name, data) => events.push({ name, data }));
  const client = await test.gateway('line-3');
  client.publish('weir/v1/line-3/status', encodeStatus({ online: true, taken: 10 }));
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: [frame([pane()])] });
  client.publishBatch('line-3', 'alerts', { incarnation, firstSeq: 1, entries: [frame([], [transition()])] });
  await eventually(() => new Set(events.map(({ name }) => name)).size === 3);
  const data = (name: string): unknown => events.find((event) => event.name === name)?.data;
  expect(data('panes')).toEqual([
    {
      gateway: 'line-3',
      device: 'press',
      signal: 'temperature',
      window: '10s',
      start: baseTime,
      end: baseTime + 10_000,
      revision: 0,
      retracted: false,
      count: 10,
      values: { mean: 20.5, min: 19, max: 22 },
    },
  ]);
  expect(data('alert')).toMatchObject({ gateway: 'line-3', rule: 'too_hot', since: baseTime, cleared: null });
  expect(data('gateway')).toMatchObject({ name: 'line-3', online: true, taken: 10 });
  await test.hub.stop();
  await reading;
});

test('a page is told of a retraction, also among more panes than it is told of', async () => {
  await using test = await TestHub.start();
  const told: unknown[] = [];
  const reading = follow(await test.get('/api/events'), (name, data) => name === 'panes' && told.push(data));
  const client = await test.gateway('line-3');
  const many = Array.from({ length: 600 }, (_, index) => pane({ index }));
  const [first = pane(), second = pane()] = many;
  const panes = [...many, retraction(first), retraction(second), { ...second, revision: 7 }];
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: [frame(panes)] });
  await eventually(() => told.length === 1);
  const said = z.array(z.object({ start: z.number(), retracted: z.boolean() })).parse(told[0]);
  expect(said.filter(({ retracted }) => retracted)).toEqual([{ start: baseTime, retracted: true }]);
  expect(said.filter(({ retracted }) => !retracted).map(({ start }) => start)).toEqual(
    many.slice(-500).map(({ start }) => start),
  );
  await test.hub.stop();
  await reading;
});

test('a page that does not read is dropped, and the hub goes on', async () => {
  await using test = await TestHub.start();
  const socket = connect({ port: test.hub.httpPort, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.write('GET /api/events HTTP/1.1\r\nhost: hub\r\n\r\n');
  await once(socket, 'readable');
  const metric = async (name: string): Promise<number> => {
    const text = await (await test.get('/metrics')).text();
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
  };
  await eventually(async () => (await metric('weir_hub_pages')) === 1);
  const client = await test.gateway('line-3');
  const panes = Array.from({ length: 500 }, (_, index) => pane({ index }));
  let seq = 0;
  while ((await metric('weir_hub_pages_dropped_total')) === 0) {
    seq += 1;
    client.publishBatch('line-3', 'panes', { incarnation, firstSeq: seq, entries: [frame(panes)] });
    await client.until(() => client.acks.at(-1)?.seq === seq);
  }
  expect(await metric('weir_hub_pages')).toBe(0);
  socket.destroy();
});

test('metrics are Prometheus text with the counts of the hub and its gateways', async () => {
  await using test = await TestHub.start();
  const client = await test.gateway('line-3');
  await test.login('line-4', { key: 'wrong' });
  client.publish('weir/v1/line-3/status', encodeStatus({ online: true, taken: 25, pending: 5, lost: { too_late: 2 } }));
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: [frame([pane(), pane({ index: 1 })])] });
  await client.until(() => client.acks.length === 1);
  const answer = await test.get('/metrics');
  expect(answer.headers.get('content-type')).toContain('version=0.0.4');
  const samples = parsePrometheus(await answer.text());
  expect(samples).toMatchObject({
    weir_hub_panes_stored_total: 2,
    weir_hub_batches_total: 1,
    weir_hub_store_up: 1,
    'weir_hub_refused_total{reason="bad_key"}': 1,
    'weir_gateway_up{gateway="line-3"}': 1,
    'weir_gateway_readings_taken{gateway="line-3"}': 25,
    'weir_gateway_readings_pending{gateway="line-3"}': 5,
    'weir_gateway_readings_stored{gateway="line-3"}': 20,
    'weir_gateway_readings_lost{gateway="line-3",reason="too_late"}': 2,
  });
});

test('labels are escaped', () => {
  const samples = [{ labels: { path: 'a"b\\c\nd' }, value: Infinity }];
  expect(encodeMetrics([{ name: 'm', help: 'h', type: 'gauge', samples }])).toBe(
    String.raw`# HELP m h` + '\n# TYPE m gauge\n' + String.raw`m{path="a\"b\\c\nd"} +Inf` + '\n',
  );
});

test('from the repository the page is bundled with what it imports', async () => {
  using folder = tempFolder();
  writeFileSync(join(folder.path, 'index.html'), '<title>Weir</title>');
  writeFileSync(join(folder.path, 'page.ts'), "import { greet } from './other.ts';\ngreet(document.title);\n");
  writeFileSync(
    join(folder.path, 'other.ts'),
    'export function greet(name: string): void { console.log("greetings", name); }\n',
  );
  writeFileSync(join(folder.path, 'page.css'), "@import './more.css';\n");
  writeFileSync(join(folder.path, 'more.css'), 'p { color: teal }\n');
  const assets = new Assets(folder.path, join(folder.path, 'nowhere'));
  const text = async (path: string): Promise<string> => Buffer.from((await assets.find(path))?.body ?? []).toString();
  expect(await text('/')).toBe('<title>Weir</title>');
  expect(await text('/page.js')).toContain('greetings');
  expect(await text('/page.css')).toMatch(/p\{color:teal\}/);
  expect(await assets.find('/page.ts')).toBeUndefined();
});

test('from a bundle the files beside it are served; without a page the answer says so', async () => {
  using folder = tempFolder();
  const built = join(folder.path, 'page');
  const assets = new Assets(join(folder.path, 'nowhere'), built);
  await expect(assets.find('/')).rejects.toThrow('without its page');
  mkdirSync(built);
  writeFileSync(join(built, 'index.html'), 'built');
  expect(Buffer.from((await assets.find('/'))?.body ?? []).toString()).toBe('built');
});

async function json(test: TestHub, path: string): Promise<unknown> {
  return (await test.get(path)).json();
}

/** Reads server-sent events until the answer ends. */
async function follow(answer: Response, event: (name: string, data: unknown) => void): Promise<void> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
        if (name !== undefined && data !== undefined) event(name, JSON.parse(data));
      }
    }
  } catch {
    // The hub or the test closed it.
  }
}

/** Every line must be a comment or a sample; the samples by name and labels. */
function parsePrometheus(text: string): Record<string, number> {
  const samples: Record<string, number> = {};
  for (const line of text.trimEnd().split('\n')) {
    if (/^# (HELP|TYPE) [a-z_]+ .+$/.test(line)) continue;
    const match =
      /^([a-z_]+(?:\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})?) (-?[\d.e+]+|NaN|[+-]Inf)$/.exec(
        line,
      );
    if (match?.[1] === undefined) throw new Error(`not Prometheus text: ${line}`);
    samples[match[1]] = Number(match[2]);
  }
  return samples;
}
