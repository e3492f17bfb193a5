// When the desk sends what, with the clock in the test's hand.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeCommand } from '@weir/shared/wire/codec.ts';
import { RateLimitedLog, silentLog } from '../log.ts';
import { tempFolder, type TempFolder } from '../testing/fixtures.ts';
import { State } from '../state/state.ts';
import { StoreOutage } from '../store/store.ts';
import { askRaw } from './ask.ts';
import { RawDesk } from './raw-desk.ts';

const start = Date.UTC(2026, 5, 1);
const minute = 60_000;
const keepMs = 86_400_000;
const range = { gateway: 'line-3', device: 'press', signal: 'temperature', fromMs: start - minute, toMs: start };

let folder: TempFolder;
let state: State;
let now: number;
let sent: string[];
let trims: number;
let outage: boolean;
let desk: RawDesk;
/** Lets the loop of the desk go on after its sleep. */
let wake: () => void;

const clock = {
  now: () => now,
  monotonicMs: () => now,
  sleep: (_: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    }),
};

function openDesk(): RawDesk {
  return new RawDesk({
    state,
    store: {
      trimRaw: () => {
        trims += 1;
        return outage ? Promise.reject(new StoreOutage('down')) : Promise.resolve();
      },
    },
    clock,
    log: new RateLimitedLog(silentLog, clock),
    keepMs,
    command: (gateway, payload) => {
      const ask = decodeCommand(payload);
      if (ask.kind === 'raw') sent.push(`${gateway} ${ask.request.id}`);
    },
    changed: () => undefined,
  });
}

beforeEach(() => {
  folder = tempFolder();
  state = State.open(folder.path);
  for (const name of ['line-3', 'line-4']) state.gateways.add(name, 'hash', start);
  now = start + 10_000;
  sent = [];
  trims = 0;
  outage = false;
  desk = openDesk();
});
afterEach(() => {
  state.close();
  folder[Symbol.dispose]();
});

test('a request goes out when its range has passed, and to the gateway it is for', () => {
  desk.subscribed('line-3');
  desk.subscribed('line-4');
  const { id } = desk.ask({ ...range, toMs: now + minute });
  desk.look();
  now += minute + 4000;
  desk.look();
  expect(sent).toEqual([]);
  now += 1000;
  desk.look();
  desk.look();
  expect(sent).toEqual([`line-3 ${id}`]);
});

test('what another program asks for is seen, once', () => {
  desk.subscribed('line-3');
  const other = State.open(folder.path);
  const { id } = askRaw(other, range, { keepMs, nowMs: now });
  other.close();
  desk.look();
  desk.look();
  expect(sent).toEqual([`line-3 ${id}`]);
});

test('a gateway that subscribes gets what is open and due, and one that left gets nothing', () => {
  const first = desk.ask(range);
  const second = desk.ask({ ...range, device: 'oven' });
  desk.ask({ ...range, toMs: now + minute });
  expect(sent).toEqual([]);
  desk.subscribed('line-3');
  expect(sent).toEqual([`line-3 ${first.id}`, `line-3 ${second.id}`]);
  expect(state.rawRequests.find(first.id)?.sent).toBe(true);
  desk.disconnected('line-3');
  now += 2 * minute;
  desk.look();
  expect(sent).toHaveLength(2);
});

test('the loop reminds gateways of what they have not answered, and trims the store through outages', async () => {
  const stopping = new AbortController();
  const running = desk.run(stopping.signal);
  const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  const turn = async (ms: number): Promise<void> => {
    now += ms;
    wake();
    await settled();
  };
  await settled();
  expect(trims).toBe(1);
  desk.subscribed('line-3');
  const { id } = desk.ask(range);
  await turn(60_000);
  expect(sent).toEqual([`line-3 ${id}`]);
  outage = true;
  await turn(600_000);
  expect(sent).toEqual([`line-3 ${id}`, `line-3 ${id}`]);
  expect(trims).toBe(2);
  outage = false;
  await turn(keepMs);
  expect(trims).toBe(3);
  expect(state.rawRequests.find(id)).toMatchObject({ shortfall: expect.stringContaining('never answered') });
  stopping.abort();
  await running;
});
