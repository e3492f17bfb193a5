// Playing a recording: every row goes out once, in order, with its own time.

import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReadStream } from 'node:tty';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Row } from './csv-rows.ts';
import { play } from './play.ts';
import {
  asLines,
  collectLines,
  freePort,
  hasMosquitto,
  hasSocat,
  readLines,
  type Reader,
  TestBroker,
  until,
} from './test-kit.ts';
import { openTcpLine } from './transport/tcp-line.ts';

const rowCount = 3000;
const rows: Row[] = Array.from({ length: rowCount }, (_, i) => ({
  timeMs: 1_400_000_000_000 + i * 60_000,
  values: { hr: 60 + (i % 7), steps: i },
}));
const jsonLines = rows.map(({ timeMs, values }) => JSON.stringify({ t: timeMs, ...values }));

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'weir-sim-test-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('play at max speed', () => {
  it.skipIf(!hasSocat)('keeps every row and its time on a serial line (needs socat)', async () => {
    let reader: Promise<Reader> | undefined;
    const { readings } = await play({
      source: rows,
      target: { serial: join(folder, 'board.tty') },
      speed: 'max',
      onReady: (device) => {
        reader = readLines(device);
      },
    });
    expect(readings).toBe(2 * rowCount);
    const got = await reader;
    await until(() => got?.isClosed() === true);
    expect(got?.lines).toEqual(jsonLines);
  });

  it.skipIf(!hasSocat)('waits for a reader that is slow to take the last rows (needs socat)', async () => {
    let reader: Reader | undefined;
    let slow = 0;
    await play({
      source: rows.slice(0, 50),
      target: { serial: join(folder, 'slow.tty') },
      speed: 'max',
      onReady: (device) => {
        slow = openSync(device, 'r');
      },
      afterRows: () => {
        setTimeout(() => {
          reader = collectLines(new ReadStream(slow));
        }, 100);
      },
    });
    await until(() => reader?.isClosed() === true);
    expect(reader?.lines).toEqual(jsonLines.slice(0, 50));
  });

  it('keeps every row and its time over TCP, from a file, as CSV', async () => {
    const file = join(folder, 'series.csv');
    const text = rows.map(({ timeMs, values }) => `${timeMs},${values['hr']},${values['steps']}`);
    writeFileSync(file, `t,hr,steps\n${text.join('\n')}\n`);
    const port = await freePort();
    let reader: Promise<Reader> | undefined;
    const { readings } = await play({
      source: { file },
      target: { tcp: `127.0.0.1:${port}` },
      speed: 'max',
      format: 'csv',
      onReady: (device) => {
        reader = readLines(device);
      },
    });
    expect(readings).toBe(2 * rowCount);
    const got = await reader;
    await until(() => got?.isClosed() === true);
    expect(got?.lines).toEqual(text);
  });

  it.skipIf(!hasMosquitto)('keeps every row and its time over MQTT, in order (needs mosquitto)', async () => {
    const broker = await TestBroker.start();
    const messages = await broker.listen();
    const { readings } = await play({
      source: rows.slice(0, 500),
      target: { mqtt: broker.url, topic: 'band/anna/{signal}' },
      speed: 'max',
    });
    await until(() => messages.length >= readings);
    const hr = messages.filter(({ topic }) => topic === 'band/anna/hr').map(({ payload }) => payload);
    expect(hr).toEqual(rows.slice(0, 500).map(({ timeMs, values }) => JSON.stringify({ t: timeMs, v: values['hr'] })));
    expect(messages).toHaveLength(1000);
    await broker.stop();
  });
});

describe('play', () => {
  it('keeps the gaps between rows at a speed factor, and leaves a line open that it was given', async () => {
    const line = await openTcpLine({ host: '127.0.0.1', port: 0 });
    const reader = await readLines(line.device);
    let nowMs = 0;
    const sentAt: number[] = [];
    await play({
      source: [0, 0, 1000, 1500].map((offsetMs) => ({ timeMs: 1e12 + offsetMs, values: { v: offsetMs } })),
      target: { line },
      speed: 10,
      clock: {
        epochMs: () => 2e12 + nowMs,
        monotonicMs: () => nowMs,
        sleep: async (ms) => void (nowMs += ms),
      },
      afterRows: () => void sentAt.push(nowMs),
    });
    expect(sentAt).toEqual([0, 100, 150]);
    await line.write(asLines(['still open']));
    await until(() => reader.lines.length === 5);
    await line.close();
  });

  it('stops at the limit of rows, and tells its progress', async () => {
    const line = await openTcpLine({ host: '127.0.0.1', port: 0 });
    const reader = await readLines(line.device);
    const progress: number[] = [];
    const { readings } = await play({
      source: rows,
      target: { line },
      speed: 'max',
      limit: 300,
      afterRows: (sent) => void progress.push(sent),
    });
    expect(readings).toBe(600);
    expect(progress).toEqual([256, 300]);
    await until(() => reader.lines.length === 300);
    await line.close();
  });

  it('leaves out what was not measured', async () => {
    const line = await openTcpLine({ host: '127.0.0.1', port: 0 });
    const reader = await readLines(line.device);
    const gappy: Row[] = [
      { timeMs: 1, values: { a: 1 } },
      { timeMs: 2, values: {} },
      { timeMs: 3, values: { b: 3 } },
    ];
    expect(await play({ source: gappy, target: { line }, speed: 'max' })).toEqual({ readings: 2 });
    await play({ source: gappy, target: { line }, speed: 'max', format: 'csv' });
    await until(() => reader.lines.length === 4);
    expect(reader.lines).toEqual(['{"t":1,"a":1}', '{"t":3,"b":3}', '1,1,', '3,,3']);
    await line.close();
  });

  it.each([
    ['kv', ['t=1000 hr=61 steps=5', 't=2000 steps=7']],
    ['nmea', ['$WIXDR,G,61,,hr,G,5,,steps*19\r', '$WIXDR,G,7,,steps*41\r']],
    ['senml', ['[{"bn":"band:","n":"hr","v":61},{"n":"steps","v":5}]', '[{"bn":"band:","n":"steps","v":7}]']],
  ] as const)('says rows as %s', async (format, expected) => {
    const line = await openTcpLine({ host: '127.0.0.1', port: 0 });
    const reader = await readLines(line.device);
    const source = [
      { timeMs: 1000, values: { hr: 61, steps: 5 } },
      { timeMs: 2000, values: { steps: 7 } },
    ];
    expect(await play({ source, target: { line }, speed: 'max', format, board: 'band' })).toEqual({ readings: 3 });
    await until(() => reader.lines.length === 2);
    expect(reader.lines).toEqual(expected);
    await line.close();
  });

  it('says what to do about a column that the format has no name for', async () => {
    const source = [{ timeMs: 1, values: { 'heart rate': 61 } }];
    await expect(play({ source, target: { tcp: '127.0.0.1:0' }, format: 'kv' })).rejects.toThrow('--rename');
  });

  it('ends when interrupted while nobody reads', async () => {
    const controller = new AbortController();
    const { readings } = await play({
      source: rows,
      target: { tcp: '127.0.0.1:0' },
      speed: 'max',
      signal: controller.signal,
      onReady: () => setImmediate(() => controller.abort()),
    });
    expect(readings).toBe(0);
  });

  it('asks for {signal} in the topic where there are several signals', async () => {
    const playing = play({ source: rows, target: { mqtt: 'mqtt://127.0.0.1', topic: 'band/anna/hr' } });
    await expect(playing).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });
});
