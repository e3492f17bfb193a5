// The boards' lines of a simulation: where they are made, and what pulling a cable does to what was printed.

import { existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReadStream } from 'node:tty';
import { describe, expect, it } from 'vitest';
import { BoardLines } from './board-lines.ts';
import { asLines, collectLines, hasSocat, type Reader, readLines, until } from './test-kit.ts';

const patience = (): AbortSignal => AbortSignal.timeout(20_000);

describe.skipIf(!hasSocat)('boards on serial lines (needs socat)', () => {
  it('unplugging waits until what was printed is read, and takes nothing more meanwhile', async () => {
    const lines = await BoardLines.open(new Map([['oven', {}]]), 'serial');
    const slow = openSync(lines.devices().get('oven') ?? '', 'r');
    expect(await lines.write('oven', asLines(['one', 'two']))).toBe(2);
    const unplugging = lines.unplug('oven', patience());
    expect(await lines.write('oven', asLines(['lost']))).toBe(0);
    let reader: Reader | undefined;
    setTimeout(() => {
      reader = collectLines(new ReadStream(slow));
    }, 100);
    await unplugging;
    await until(() => reader?.isClosed() === true);
    expect(reader?.lines).toEqual(['one', 'two']);
    await lines.close();
  });

  it('print where they are told to, each in its own place', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-sim-test-'));
    const link = join(folder, 'deep', 'oven.tty');
    const lines = await BoardLines.open(
      new Map([
        ['oven', { link }],
        ['cold', { tcp: '127.0.0.1:0' }],
        ['line', {}],
      ]),
      'serial',
    );
    expect(lines.devices().get('oven')).toBe(link);
    expect(lines.devices().get('cold')).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    expect(lines.devices().get('line')).toMatch(/line\.tty$/);
    await lines.close();
    rmSync(folder, { recursive: true });
  });

  it('tell which board was not read to the end', async () => {
    const lines = await BoardLines.open(
      new Map([
        ['oven', {}],
        ['cold', {}],
        ['idle', {}],
      ]),
      'serial',
    );
    const oven = await readLines(lines.devices().get('oven') ?? '');
    openSync(lines.devices().get('cold') ?? '', 'r');
    await Promise.all([lines.write('oven', asLines(['a'])), lines.write('cold', asLines(['b']))]);
    await until(() => oven.lines.length === 1);
    expect(await lines.drain(AbortSignal.timeout(200))).toEqual(['cold']);
    await lines.close();
  });
});

describe('boards', () => {
  it('leave nothing open when one of them cannot be', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-sim-test-'));
    const places = new Map([
      ['oven', { link: join(folder, 'oven.tty') }],
      ['cold', { tcp: 'nonsense' }],
    ]);
    await expect(BoardLines.open(places, 'serial')).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    expect(existsSync(join(folder, 'oven.tty'))).toBe(false);
    rmSync(folder, { recursive: true });
  });

  it('know each other by name', async () => {
    const lines = await BoardLines.open(new Map([['oven', {}]]), 'tcp');
    await expect(lines.replug('owen')).rejects.toThrow('there is no board "owen"; boards: oven');
    await lines.close();
  });
});
