// What is asked for around alerts, however rules chatter and gateways stay away.

import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rawReadings } from '../testing/raw.ts';
import { tempFolder, transition, type TempFolder } from '../testing/fixtures.ts';
import type { RawRequest } from '../state/raw-requests.ts';
import { State } from '../state/state.ts';
import { askAround, askRaw, maxOpenOfGateway } from './ask.ts';

const gateway = 'line-3';
const series = { gateway, device: 'press', signal: 'temperature' };
const now = Date.UTC(2026, 5, 1);
const minute = 60_000;
const day = 86_400_000;

let folder: TempFolder;
let state: State;
beforeEach(() => {
  folder = tempFolder();
  state = State.open(folder.path);
  state.gateways.add(gateway, 'hash', now);
});
afterEach(() => {
  state.close();
  folder[Symbol.dispose]();
});

function fire(timeMs: number, settings: Partial<Parameters<typeof askAround>[2]> = {}): void {
  const fired = { gateway, transition: transition({ time: timeMs, since: timeMs }) };
  askAround(state.rawRequests, fired, { aroundMs: minute, keepMs: 30 * day, nowMs: now, ...settings });
}

function open(): [from: number, to: number][] {
  return state.rawRequests
    .openOfSeries(series)
    .map(({ fromMs, toMs }) => [(fromMs - now) / minute, (toMs - now) / minute]);
}

function answer(request: RawRequest): void {
  state.rawRequests.take(rawReadings({ request: request.id }), new Map(), now);
}

function send(): void {
  state.rawRequests.markSent(state.rawRequests.openOfSeries(series));
}

test('a request that was not sent yet is made longer by an alert that follows it, up to a limit', () => {
  for (const at of [-60, -59, -57.5]) fire(now + at * minute);
  expect(open()).toEqual([[-61, -56.5]]);
  for (let at = -57; at <= -40; at++) fire(now + at * minute);
  expect(open()).toEqual([
    [-61, -51],
    [-51, -41],
    [-41, -39],
  ]);
});

test('an alert that comes late makes it longer towards the past', () => {
  fire(now - 60 * minute);
  fire(now - 61 * minute);
  expect(open()).toEqual([[-62, -59]]);
});

test('alerts further apart are asked for each on their own', () => {
  fire(now - 60 * minute);
  fire(now - 57 * minute);
  expect(open()).toEqual([
    [-61, -59],
    [-58, -56],
  ]);
});

test('of what has been sent already only the rest is asked for', () => {
  fire(now - 60 * minute);
  send();
  fire(now - 59 * minute);
  expect(open()).toEqual([
    [-61, -59],
    [-59, -58],
  ]);
  fire(now - 59.5 * minute);
  fire(now - 60 * minute);
  expect(open()).toHaveLength(2);
});

test('one that was not sent yet is not made longer by what another is asked for already', () => {
  fire(now - 60 * minute);
  send();
  fire(now - 59 * minute);
  fire(now - 60 * minute);
  fire(now - 58.5 * minute);
  expect(open()).toEqual([
    [-61, -59],
    [-59, -57.5],
  ]);
});

test('what somebody asked for covers alerts, and is not changed by them', () => {
  askRaw(state, { ...series, fromMs: now - 70 * minute, toMs: now - 50 * minute }, { keepMs: day, nowMs: now });
  fire(now - 60 * minute);
  fire(now - 50 * minute);
  expect(open()).toEqual([
    [-70, -50],
    [-50, -49],
  ]);
});

test('of a gateway that does not answer few requests are open for one series, and as many of another', () => {
  for (let at = -600; at < 0; at += 10) {
    fire(now + at * minute);
    send();
  }
  expect(open()).toHaveLength(4);
  const other = transition({ series: { device: 'oven', signal: 'temperature' }, time: now - minute });
  askAround(state.rawRequests, { gateway, transition: other }, { aroundMs: minute, keepMs: day, nowMs: now });
  expect(state.rawRequests.countOpen(gateway)).toBe(5);
  for (const request of state.rawRequests.openOfSeries(series)) answer(request);
  fire(now - 5 * minute);
  expect(open()).toEqual([[-6, -4]]);
});

test('nothing is asked for when that is the setting, for what clears, and for what is too old to keep', () => {
  fire(now, { aroundMs: 0 });
  fire(now - day, { keepMs: day });
  const cleared = { gateway, transition: transition({ state: 'cleared', time: now }) };
  askAround(state.rawRequests, cleared, { aroundMs: minute, keepMs: day, nowMs: now });
  const nameless = { gateway, transition: transition({ series: { device: '', signal: '' }, time: now }) };
  askAround(state.rawRequests, nameless, { aroundMs: minute, keepMs: day, nowMs: now });
  expect(state.rawRequests.newest(10)).toEqual([]);
});

test('every alert is covered by what is asked for, as long as few requests are open', () => {
  const alert = fc.record({ second: fc.nat(1800), next: fc.constantFrom('send', 'answer', 'wait', 'wait') });
  fc.assert(
    fc.property(fc.array(alert, { maxLength: 30 }), (alerts) => {
      const device = `device-${state.rawRequests.last()}-${alerts.length}`;
      const requests = (): RawRequest[] => state.rawRequests.openOfSeries({ ...series, device });
      for (const { second, next } of alerts) {
        const time = now - 3_600_000 + second * 1000;
        const fired = transition({ series: { device, signal: 'temperature' }, time, since: time });
        const before = requests().length;
        askAround(state.rawRequests, { gateway, transition: fired }, { aroundMs: minute, keepMs: day, nowMs: now });
        const covering = requests();
        if (before < 4) expect(gapIn(covering, time - minute, time + minute)).toBeUndefined();
        if (next !== 'wait') state.rawRequests.markSent(covering);
        if (next === 'answer') for (const request of covering) answer(request);
      }
    }),
    { numRuns: 100 },
  );
});

/** The first moment of the range that none of the requests, by where they begin, is about. */
function gapIn(requests: readonly RawRequest[], fromMs: number, toMs: number): number | undefined {
  let at = fromMs;
  for (const request of requests) if (request.fromMs <= at) at = Math.max(at, request.toMs);
  return at >= toMs ? undefined : at;
}

test('no gateway has more requests open than the limit', () => {
  const limits = { keepMs: day, nowMs: now };
  state.transaction(() => {
    for (let index = 0; index < maxOpenOfGateway - 1; index++) {
      state.rawRequests.add({ ...series, device: `d${index}`, fromMs: now - minute, toMs: now }, 'asked', now);
    }
  });
  askRaw(state, { ...series, fromMs: now - minute, toMs: now }, limits);
  fire(now - 30 * minute);
  expect(open()).toHaveLength(1);
  const more = { ...series, fromMs: now - 2 * minute, toMs: now };
  expect(() => askRaw(state, more, limits)).toThrow('line-3 has not answered 1000 requests yet');
  state.gateways.add('line-4', 'hash', now);
  expect(askRaw(state, { ...more, gateway: 'line-4' }, limits)).toMatchObject({ gateway: 'line-4' });
});

test('a store that refuses readings is told in the request, each reason once', () => {
  const request = askRaw(state, { ...series, fromMs: now - minute, toMs: now }, { keepMs: day, nowMs: now });
  const refused = new Map([['too old', 2]]);
  state.rawRequests.take(rawReadings({ request: request.id, last: false }), refused, now);
  state.rawRequests.take(rawReadings({ request: request.id, shortfall: 'evicted before 10:00' }), refused, now + 1);
  const expected = { readings: 2, doneMs: now + 1, shortfall: 'not stored: too old; evicted before 10:00' };
  expect(state.rawRequests.find(request.id)).toMatchObject(expected);
});

test('of the requests that are done the oldest go, and those that are open stay', () => {
  const first = state.rawRequests.add({ ...series, fromMs: now - minute, toMs: now }, 'asked', now);
  state.transaction(() => {
    for (let index = 0; index < 10_010; index++) {
      answer(state.rawRequests.add({ ...series, fromMs: now - minute, toMs: now }, 'asked', now));
    }
  });
  const kept = state.rawRequests.newest(20_000);
  expect(kept.length).toBeLessThanOrEqual(10_001);
  expect(kept.length).toBeGreaterThan(9_990);
  expect(state.rawRequests.find(first.id)).toMatchObject({ doneMs: undefined });
});

test('what nobody answers is given up when it is older than raw readings are kept', () => {
  const { id } = state.rawRequests.add({ ...series, fromMs: now - 2 * minute, toMs: now - minute }, 'asked', now);
  state.rawRequests.expire(day, now + day - minute);
  expect(state.rawRequests.find(id)?.doneMs).toBeUndefined();
  state.rawRequests.expire(day, now + day + 1);
  expect(state.rawRequests.find(id)).toMatchObject({
    shortfall: expect.stringContaining('never answered'),
    readings: 0,
  });
});
