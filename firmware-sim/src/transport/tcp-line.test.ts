// A board behind a TCP port: the same promises as a serial line.

import { afterEach, describe, expect, it } from 'vitest';
import { asLines, readLines, until } from '../test-kit.ts';
import type { Line } from './line.ts';
import { openTcpLine } from './tcp-line.ts';

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i},31.42`);

let line: Line | undefined;

afterEach(async () => {
  await line?.close();
  line = undefined;
});

async function open(): Promise<Line> {
  line = await openTcpLine({ host: '127.0.0.1', port: 0 });
  return line;
}

describe('a TCP line', () => {
  it('waits for a reader and hands it every line, also those written right before closing', async () => {
    const board = await open();
    const writing = board.write(asLines(numbered(20_000)));
    expect(board.hasReader).toBe(false);
    const reader = await readLines(board.device);
    expect(await writing).toBe(20_000);
    await board.close();
    await until(() => reader.isClosed());
    expect(reader.lines).toEqual(numbered(20_000));
  });

  it('goes on with the next reader when one leaves', async () => {
    const board = await open();
    const first = await readLines(board.device);
    await board.write(asLines(['one']));
    await until(() => first.lines.length === 1);
    first.close();
    await until(() => !board.hasReader);
    const writing = board.write(asLines(['two']));
    const second = await readLines(board.device);
    expect(await writing).toBe(1);
    await until(() => second.lines.length === 1);
    expect(second.lines).toEqual(['two']);
  });

  it('gives a new reader the place of one that hangs', async () => {
    const board = await open();
    const first = await readLines(board.device);
    await until(() => board.hasReader);
    const second = await readLines(board.device);
    await until(() => first.isClosed());
    expect(await board.write(asLines(['hello']))).toBe(1);
    await until(() => second.lines.length === 1);
    expect(first.lines).toEqual([]);
  });

  it('vanishes when unplugged, takes nothing, and comes back on the same port', async () => {
    const board = await open();
    const { device } = board;
    const reader = await readLines(device);
    await board.write(asLines(['one']));
    await until(() => reader.lines.length === 1);
    await board.unplug();
    await until(() => reader.isClosed());
    expect(await board.write(asLines(['lost']))).toBe(0);
    await expect(readLines(device)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await board.replug();
    expect(board.device).toBe(device);
    const again = await readLines(device);
    await board.write(asLines(['two']));
    await until(() => again.lines.length === 1);
    expect(again.lines).toEqual(['two']);
  });

  it('says which address is taken', async () => {
    const { device } = await open();
    const port = Number(new URL(device).port);
    await expect(openTcpLine({ host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'LINE_FAILED',
      message: expect.stringContaining(device),
    });
  });
});
