// The command line of the quarantine, without a hub beside it.

import { expect, test } from 'vitest';
import type { Quarantined } from '../state/quarantine.ts';
import { State } from '../state/state.ts';
import { tempFolder } from '../testing/fixtures.ts';
import { quarantineCommand } from './quarantine.ts';

const row: Quarantined = {
  gateway: 'line-3',
  incarnation: 'incarnation-1',
  lane: 'panes',
  kind: 'frame',
  reason: 'panes: timing 3',
  readings: 4,
  payload: Uint8Array.of(1, 2, 3),
};

/** Three rows: of line-3, of line-4, and one of line-3 that is not kept whole. */
class Bench implements Disposable {
  readonly #folder = tempFolder();
  readonly state = State.open(this.#folder.path);

  constructor() {
    const large = new Uint8Array(2 * 1024 * 1024);
    this.state.cursors.put({ ...row, seq: 1, reported: 9, stored: 0, quarantined: 9 });
    this.state.quarantine.add([row, { ...row, gateway: 'line-4', readings: 1 }, { ...row, payload: large }], 0);
  }

  async say(...args: readonly string[]): Promise<string[]> {
    const lines: string[] = [];
    const command = quarantineCommand({
      withState: async (_, work) => work(this.state),
      print: (line) => void lines.push(line),
      patienceMs: 0,
    });
    await command.parseAsync(args, { from: 'user' });
    return lines;
  }

  get ids(): number[] {
    return this.state.quarantine.rows().map(({ id }) => id);
  }

  [Symbol.dispose](): void {
    this.state.close();
    this.#folder[Symbol.dispose]();
  }
}

test('rows are listed newest first, with why and what they hold', async () => {
  using bench = new Bench();
  expect((await bench.say('list')).map((line) => line.split('\t'))).toEqual([
    [
      '3',
      '1970-01-01T00:00:00.000Z',
      'line-3',
      'panes frame',
      '4 readings',
      '2097152 bytes, not kept whole',
      row.reason,
    ],
    ['2', '1970-01-01T00:00:00.000Z', 'line-4', 'panes frame', '1 reading', '3 bytes', row.reason],
    ['1', '1970-01-01T00:00:00.000Z', 'line-3', 'panes frame', '4 readings', '3 bytes', row.reason],
  ]);
});

test('rows are listed for one gateway, and for machines', async () => {
  using bench = new Bench();
  const lines = await bench.say('list', '--gateway', 'line-4', '--json');
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { id: 2, gateway: 'line-4', lane: 'panes', kind: 'frame', readings: 1, size: 3, whole: true, asked: false },
  ]);
});

test('a retry asks for the rows, and says so when no hub does it', async () => {
  using bench = new Bench();
  expect(await bench.say('retry', '2', '1')).toEqual([expect.stringMatching(/^2 rows not tried yet: no hub/)]);
  expect(bench.state.quarantine.rows().map(({ asked }) => asked)).toEqual([false, true, true]);
  expect((await bench.say('list'))[1]).toContain('to be tried again; ');
});

test('all that are kept whole are tried again, or those of one gateway', async () => {
  using bench = new Bench();
  await bench.say('retry', '--all', '--gateway', 'line-3');
  expect(bench.state.quarantine.rows().map(({ asked }) => asked)).toEqual([false, false, true]);
  await bench.say('retry', '--all');
  expect(bench.state.quarantine.rows().map(({ asked }) => asked)).toEqual([false, true, true]);
});

test('rows that are dropped are gone, and stay counted as lost', async () => {
  using bench = new Bench();
  expect(await bench.say('drop', '1')).toEqual(['1\tdropped\t4 readings lost']);
  expect(bench.ids).toEqual([3, 2]);
  expect(bench.state.cursors.readings('line-3').quarantined).toBe(9);
  await bench.say('drop', '--all', '--gateway', 'line-3');
  expect(bench.ids).toEqual([2]);
  await bench.say('drop', '--all');
  expect(bench.ids).toEqual([]);
});

test.each([
  ['no row named', [], 'name the rows'],
  ['a row there is not', ['9'], 'there is no row "9"'],
  ['no number', ['x'], 'there is no row "x"'],
])('%s is an error that says what to do, and nothing is done', async (_, ids, message) => {
  using bench = new Bench();
  await expect(bench.say('drop', ...ids)).rejects.toThrow(message);
  await expect(bench.say('retry', '1', ...ids.concat(ids.length === 0 ? '3' : []))).rejects.toThrow(/row/);
  expect(bench.ids).toEqual([3, 2, 1]);
  expect(bench.state.quarantine.isAsked()).toBe(false);
});
