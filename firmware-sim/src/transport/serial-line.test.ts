// A serial line as an agent meets it: a device whose every byte can be read, that vanishes and comes back.

import { createReadStream, existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asLines, hasSocat, readLines, until } from '../test-kit.ts';
import type { Line } from './line.ts';
import { openSerialLine } from './serial-line.ts';

const patience = (): AbortSignal => AbortSignal.timeout(20_000);
const numbered = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `{"t":${from + i},"temp":31.42}`);

let folder = '';
let line: Line | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-sim-test-'));
});

afterEach(async () => {
  await line?.close();
  line = undefined;
  rmSync(folder, { recursive: true });
});

async function open(): Promise<Line> {
  line = await openSerialLine(join(folder, 'board.tty'));
  return line;
}

describe.skipIf(!hasSocat)('a serial line on a pseudo-terminal (needs socat)', () => {
  it('hands every byte to a plain stream that opens the link, far more than the terminal can hold', async () => {
    const board = await open();
    const lines = numbered(0, 5000);
    const stream = createReadStream(board.device);
    const chunks: Buffer[] = [];
    stream.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
    stream.on('error', () => {});
    expect(await board.write(asLines(lines))).toBe(5000);
    expect(await board.drain(patience())).toBe(true);
    await until(() => Buffer.concat(chunks).length === lines.join('\n').length + 1);
    expect(Buffer.concat(chunks).toString()).toBe(`${lines.join('\n')}\n`);
    await board.close();
    await until(() => stream.destroyed);
  });

  it('passes bytes as they are: raw, without echo and without changing line ends', async () => {
    const board = await open();
    const stream = createReadStream(board.device);
    stream.on('error', () => {});
    const bytes = '\x03\x04\r\t\x7f\x11\x13ü°';
    const taken = board.write(asLines([bytes]));
    const read = new Promise<Buffer>((resolve) => stream.once('data', (chunk) => resolve(Buffer.from(chunk))));
    expect((await read).toString()).toBe(`${bytes}\n`);
    expect(await taken).toBe(1);
  });

  it('prints nothing before somebody has opened the device', async () => {
    const board = await open();
    let taken: number | undefined;
    const writing = board.write(asLines(numbered(0, 3))).then((lines) => (taken = lines));
    expect(board.hasReader).toBe(false);
    const reader = await readLines(board.device);
    expect(taken).toBeUndefined();
    await writing;
    expect(board.hasReader).toBe(true);
    await until(() => reader.lines.length === 3);
    expect(reader.lines).toEqual(numbered(0, 3));
  });

  it('is not drained while bytes lie unread in the terminal', async () => {
    const board = await open();
    const reader = await readLines(board.device);
    await board.write(asLines(['first']));
    await until(() => reader.lines.length === 1);
    reader.close();
    await until(() => reader.isClosed());
    await board.write(asLines(['second', 'third']));
    expect(await board.drain(AbortSignal.timeout(100))).toBe(false);
    const next = await readLines(board.device);
    expect(await board.drain(patience())).toBe(true);
    await until(() => next.lines.length === 2);
    expect(next.lines).toEqual(['second', 'third']);
  });

  it('vanishes under its reader when unplugged, takes nothing, and comes back at the same link', async () => {
    const board = await open();
    const reader = await readLines(board.device);
    await board.write(asLines(numbered(0, 2)));
    await board.drain(patience());
    await board.unplug();
    await until(() => reader.isClosed());
    expect(reader.lines).toEqual(numbered(0, 2));
    expect(existsSync(board.device)).toBe(false);
    expect(await board.write(asLines(['lost']))).toBe(0);
    await board.replug();
    expect(lstatSync(board.device).isSymbolicLink()).toBe(true);
    const again = await readLines(board.device);
    expect(await board.write(asLines(numbered(2, 2)))).toBe(2);
    await until(() => again.lines.length === 2);
    expect(again.lines).toEqual(numbered(2, 2));
  });

  it('says how many whole lines went out when it is unplugged in the middle of writing', async () => {
    const board = await open();
    const reader = await readLines(board.device);
    await board.write(asLines(numbered(0, 1)));
    await until(() => reader.lines.length === 1);
    reader.close();
    await until(() => reader.isClosed());
    // Nobody reads any more, so the terminal fills up.
    const writing = board.write(asLines(numbered(1, 50_000)));
    await board.unplug();
    expect(await writing).toBeLessThan(50_000);
  });

  it('removes its link when closed, also while a write waits for a reader', async () => {
    const board = await open();
    const writing = board.write(asLines(numbered(0, 1)));
    await board.close();
    expect(await writing).toBe(0);
    expect(existsSync(board.device)).toBe(false);
  });

  it('does not overwrite a file, and takes the place of a dead link', async () => {
    const place = join(folder, 'board.tty');
    writeFileSync(place, 'precious');
    await expect(openSerialLine(place)).rejects.toMatchObject({ code: 'LINE_FAILED' });
    rmSync(place);
    const killed = await openSerialLine(place);
    line = await openSerialLine(place);
    const reader = await readLines(line.device);
    await line.write(asLines(['hello']));
    await until(() => reader.lines.length === 1);
    await killed.close();
  });
});

describe('a serial line without socat', () => {
  it('is a TCP port on this machine', async () => {
    line = await openSerialLine(join(folder, 'board.tty'), 'no-such-socat');
    expect(line.device).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    const reader = await readLines(line.device);
    await line.write(asLines(numbered(0, 100)));
    await line.close();
    await until(() => reader.isClosed());
    expect(reader.lines).toEqual(numbered(0, 100));
  });
});
