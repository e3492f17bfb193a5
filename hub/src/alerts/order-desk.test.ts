import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Operation } from '@weir/shared/model/alert.ts';
import { decodeCommand, encodeStatus } from '@weir/shared/wire/codec.ts';
import { alertsCommand } from '../cli/alerts.ts';
import { RateLimitedLog, silentLog } from '../log.ts';
import { State } from '../state/state.ts';
import { transition } from '../testing/fixtures.ts';
import { OrderDesk } from './order-desk.ts';

let folder = '';
let state: State;
let nowMs = 1_800_000_000_000;
const sent: string[] = [];
const operation: Operation = {
  kind: 'acknowledge',
  rule: 'too_hot',
  series: { device: 'press', signal: 'temperature' },
  since: undefined,
  until: Number.NaN,
  by: 'Ada',
  comment: 'on my way',
};

function deskOf(): OrderDesk {
  const clock = { now: () => nowMs, monotonicMs: () => nowMs, sleep: async () => undefined };
  return new OrderDesk({
    state,
    clock,
    log: new RateLimitedLog(silentLog, clock),
    command: (gateway, payload) => {
      const ask = decodeCommand(payload);
      if (ask.kind === 'operation') sent.push(`${gateway} ${ask.operation.kind} ${ask.id}`);
    },
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-orders-'));
  state = State.open(folder);
  state.gateways.add('line-3', 'hash', nowMs);
  sent.length = 0;
});

afterEach(() => {
  state.close();
  rmSync(folder, { recursive: true });
});

test('an order goes out at once to a gateway that listens, and again until the gateway says it is done', () => {
  const desk = deskOf();
  desk.subscribed('line-3');
  const id = desk.order('line-3', operation);
  expect(sent).toEqual([`line-3 acknowledge ${id}`]);
  desk.subscribed('line-3');
  expect(sent).toHaveLength(2);
  desk.status('line-3', encodeStatus({ online: true, operations: ['another', id] }));
  desk.subscribed('line-3');
  expect(sent).toHaveLength(2);
  expect(state.operations.newest(10)).toMatchObject([{ id, operation, doneMs: nowMs }]);
});

test('an order for a gateway that is away waits for it, also over a restart of the hub, for a week', () => {
  const id = deskOf().order('line-3', { ...operation, kind: 'shelve', until: nowMs + 3_600_000 });
  expect(sent).toEqual([]);
  state.close();
  state = State.open(folder);
  deskOf().subscribed('line-3');
  expect(sent).toEqual([`line-3 shelve ${id}`]);
  nowMs += 8 * 86_400_000;
  deskOf().subscribed('line-3');
  expect(sent).toHaveLength(1);
});

test('an order for nobody, and a shelf that is over already, are refused', () => {
  expect(() => deskOf().order('line-9', operation)).toThrow('there is no gateway "line-9"');
  expect(() => deskOf().order('line-3', { ...operation, kind: 'shelve', until: nowMs })).toThrow('a time to come');
});

test('nonsense instead of a status changes nothing', () => {
  const desk = deskOf();
  desk.order('line-3', operation);
  desk.status('line-3', Uint8Array.of(255, 255));
  expect(state.operations.openOf('line-3', nowMs)).toHaveLength(1);
});

test('an episode shows who acknowledged it; what was recorded quietly is told when it still holds', () => {
  const told: number[] = [];
  const record = (fields: Parameters<typeof transition>[0]): boolean => {
    const isNew = state.transaction(() =>
      state.alerts.record({ gateway: 'line-3', transition: transition(fields) }, ['mail'], nowMs),
    );
    told.push(state.alerts.dueCount());
    return isNew;
  };
  expect(record({ quiet: 'late', reason: 'temperature is 35, above 34' })).toBe(true);
  expect(record({ quiet: 'late' })).toBe(false);
  expect(record({ quiet: '' })).toBe(true);
  expect(record({ quiet: '' })).toBe(false);
  expect(record({ state: 'acknowledged', by: 'Ada', comment: 'on my way', time: 5 })).toBe(true);
  expect(record({ state: 'reminded', time: 6 })).toBe(true);
  expect(record({ state: 'reminded', time: 7 })).toBe(true);
  expect(record({ state: 'reminded', time: 7 })).toBe(false);
  expect(told, 'of the firing, once').toEqual([0, 0, 1, 1, 1, 1, 1, 1]);
  expect(state.alerts.episodes(10)).toMatchObject([
    {
      rule: 'too_hot',
      quiet: '',
      acknowledgedBy: 'Ada',
      acknowledgedMs: 5,
      comment: 'on my way',
      latched: false,
      clearedMs: null,
    },
  ]);
  record({ state: 'cleared', quiet: 'shelved' });
  expect(state.alerts.dueCount(), 'nobody is told of what was shelved').toBe(1);
});

test('the command line lists alarms and orders what operators want', async () => {
  state.transaction(() =>
    state.alerts.record({ gateway: 'line-3', transition: transition({ reason: 'it is hot' }) }, [], nowMs),
  );
  const lines: string[] = [];
  const run = (...args: string[]): Promise<unknown> =>
    alertsCommand({ withState: async (_, work) => work(state), print: (line) => lines.push(line), now: () => nowMs })
      .exitOverride()
      .parseAsync(args, { from: 'user' });
  await run('list');
  expect(lines[0]).toMatch(/line-3 too_hot \(critical\) press\/temperature firing: it is hot$/);
  await run('shelve', 'line-3', 'too_hot', '--for', '8h', '--by', 'Ada', '--comment', 'being cleaned');
  expect(state.operations.newest(1)).toMatchObject([
    {
      gateway: 'line-3',
      operation: { kind: 'shelve', series: undefined, until: nowMs + 28_800_000, by: 'Ada', comment: 'being cleaned' },
    },
  ]);
  await expect(run('acknowledge', 'line-3', 'too_hot', '--device', 'press')).rejects.toThrow('go together');
});
