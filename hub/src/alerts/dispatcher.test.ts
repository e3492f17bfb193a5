// Delivery of notifications to a real HTTP receiver.

import { expect, test } from 'vitest';
import { systemClock, type Clock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { State } from '../state/state.ts';
import { eventually, tempFolder, transition } from '../testing/fixtures.ts';
import { Receiver } from '../testing/receiver.ts';
import { Dispatcher } from './dispatcher.ts';
import { webhookNotifier } from './webhook.ts';

function start(
  state: State,
  url: string,
  clock: Clock = systemClock,
): { dispatcher: Dispatcher; end: () => Promise<void> } {
  const stop = new AbortController();
  const dispatcher = new Dispatcher(webhookNotifier(url), { state, clock, random: () => 0, log: silentLog });
  const running = dispatcher.run(stop.signal);
  return {
    dispatcher,
    end: () => {
      stop.abort();
      return running;
    },
  };
}

function record(state: State, url: string, since: number, nowMs = Date.now()): void {
  const reason = 'temperature is 34.5, above 34';
  const firing = { gateway: 'line-3', transition: transition({ since, time: since + 5, reason }) };
  state.transaction(() => state.alerts.record(firing, [`webhook ${url}`], nowMs));
}

test('sends one transition as one POST, with everything somebody must know', async () => {
  using folder = tempFolder();
  await using receiver = await Receiver.start();
  const state = State.open(folder.path);
  const { dispatcher, end } = start(state, receiver.url);
  record(state, receiver.url, 1000);
  dispatcher.wake();
  await eventually(() => state.alerts.dueCount() === 0);
  expect(receiver.bodies).toEqual([
    {
      key: 'line-3/too_hot/press/temperature/1000/firing',
      gateway: 'line-3',
      rule: 'too_hot',
      device: 'press',
      signal: 'temperature',
      severity: 'critical',
      state: 'firing',
      since: 1000,
      time: 1005,
      value: 34.5,
      reason: 'temperature is 34.5, above 34',
    },
  ]);
  await end();
  state.close();
});

test('a receiver that fails is tried again until it takes it, in order', async () => {
  using folder = tempFolder();
  await using receiver = await Receiver.start();
  receiver.answer = 500;
  const state = State.open(folder.path);
  for (const since of [1000, 2000, 3000]) record(state, receiver.url, since);
  const { dispatcher, end } = start(state, receiver.url);
  await eventually(() => dispatcher.counts.of('failed') >= 3);
  receiver.answer = 204;
  await eventually(() => state.alerts.dueCount() === 0);
  expect(receiver.bodies.slice(-3)).toMatchObject([{ since: 1000 }, { since: 2000 }, { since: 3000 }]);
  await end();
  state.close();
});

test('what was due before a restart is sent after it, and what was taken is not sent again', async () => {
  using folder = tempFolder();
  await using receiver = await Receiver.start();
  const before = State.open(folder.path);
  record(before, receiver.url, 1000);
  const first = start(before, receiver.url);
  await eventually(() => before.alerts.dueCount() === 0);
  await first.end();
  record(before, receiver.url, 2000);
  before.close();
  const after = State.open(folder.path);
  const second = start(after, receiver.url);
  await eventually(() => after.alerts.dueCount() === 0);
  expect(receiver.bodies).toMatchObject([{ since: 1000 }, { since: 2000 }]);
  await second.end();
  after.close();
});

test('after a day a notification nobody takes is given up, and the next one is tried', async () => {
  using folder = tempFolder();
  await using receiver = await Receiver.start();
  receiver.answer = 500;
  const state = State.open(folder.path);
  const now = Date.now();
  record(state, receiver.url, 1000, now - 25 * 3_600_000);
  record(state, receiver.url, 2000, now);
  const { dispatcher, end } = start(state, receiver.url);
  await eventually(() => dispatcher.counts.of('given_up') === 1);
  receiver.answer = 204;
  await eventually(() => state.alerts.dueCount() === 0);
  expect(receiver.bodies.at(-1)).toMatchObject({ since: 2000 });
  await end();
  state.close();
});
