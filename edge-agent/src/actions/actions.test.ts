import { describe, expect, it } from 'vitest';
import { transitionKey, type Silence, type Transition } from '@weir/shared/model/alert.ts';
import { Health } from '../health.ts';
import { silentLogger, type Fields } from '../logger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { transition } from '../testing/outputs.ts';
import { Horn, settle } from '../testing/station.ts';
import { actedKey, Actions, type Unfinished } from './actions.ts';
import { usualDelivery, type Delivery } from './delivery.ts';
import { Levels } from './levels.ts';

const unlimited: Delivery = { ...usualDelivery, limit: { count: Infinity, intervalMs: 0 } };

function start(horns: Readonly<Record<string, Horn>>, delivery: Delivery = unlimited) {
  const clock = new FakeClock();
  const acted: string[] = [];
  const logged: [string, Fields?][] = [];
  const health = new Health(
    () => clock.now(),
    () => undefined,
  );
  const note = (message: string, fields?: Fields): void =>
    void logged.push(fields === undefined ? [message] : [message, fields]);
  const actions = new Actions({
    messages: new Map(Object.entries(horns).map(([id, action]) => [id, { action, delivery }])),
    actionsOf: (rule) => (rule === 'too_hot' ? Object.keys(horns) : []),
    health,
    logger: { info: note, warn: note },
    clock,
    random: () => 0.999_999,
    acted: (key) => acted.push(key),
  });
  const end = new AbortController();
  const running = actions.run(end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await running;
  };
  return { clock, acted, logged, health, actions, stop };
}

const times = (transitions: readonly Transition[]): number[] => transitions.map(({ time }) => time);

function left(actions: Actions): Unfinished[] {
  return JSON.parse(actions.unfinished());
}

describe('actions', () => {
  it('are taken in order, and said to be done one by one', async () => {
    const horn = new Horn();
    const { actions, acted, stop } = start({ horn });
    for (const index of [1, 2, 3]) actions.dispatch(transition(index), 0);
    await expect.poll(() => times(horn.sounded)).toEqual([1, 2, 3]);
    expect(acted).toEqual([1, 2, 3].map((index) => actedKey('horn', transition(index))));
    expect(actedKey('horn', transition(1))).toBe(`horn|${transitionKey(transition(1))}`);
    expect(left(actions)).toEqual([]);
    expect(actions.count).toBe(3);
    await stop();
  });

  it('that fail are tried again with backoff up to a minute, and delay no other', async () => {
    const [horn, lamp] = [new Horn(), new Horn()];
    horn.state = 'fails';
    const { actions, clock, health, acted, stop } = start({ horn, lamp });
    for (const index of [1, 2]) actions.dispatch(transition(index), 0);
    await expect.poll(() => times(lamp.sounded)).toEqual([1, 2]);
    const pauses = (): number[] => clock.slept.filter((ms) => ms !== unlimited.timeoutMs);
    for (let attempt = 1; attempt <= 8; attempt++) {
      await settle();
      expect(horn.attempts).toBe(attempt);
      clock.advance(pauses().at(-1) ?? 0);
    }
    expect(pauses().map((ms) => Math.round(ms))).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(health.all()).toContainEqual(
      expect.objectContaining({ part: 'action horn', up: false, detail: 'the horn is broken; trying again' }),
    );
    expect(left(actions)).toEqual([1, 2].map((index) => ({ action: 'horn', transition: transition(index) })));
    await settle();
    horn.state = 'works';
    clock.advance(60_000);
    await expect.poll(() => times(horn.sounded)).toEqual([1, 2]);
    expect(health.all()).toContainEqual(expect.objectContaining({ part: 'action horn', up: true }));
    expect(acted).toHaveLength(4);
    horn.state = 'fails';
    actions.dispatch(transition(3), 0);
    await settle();
    expect(Math.round(pauses().at(-1) ?? 0), 'patience begins anew').toBe(1000);
    await stop();
  });

  it('that end neither in their time nor when told to are left behind, also when the agent stops', async () => {
    const horn = new Horn();
    horn.state = 'hangs';
    const { actions, clock, stop } = start({ horn });
    actions.dispatch(transition(1), 0);
    await settle();
    clock.advance(usualDelivery.timeoutMs);
    await settle();
    clock.advance(1000);
    await settle();
    expect(horn.attempts).toBe(2);
    await stop();
    expect(left(actions)).toHaveLength(1);
  });

  it('are of what somebody is to be told of, in the states asked for', async () => {
    const horn = new Horn();
    const { actions, stop } = start({ horn });
    const quiet: Silence[] = ['late', 'shelved', 'suppressed', 'disabled', 'chattering'];
    for (const [index, reason] of quiet.entries()) actions.dispatch({ ...transition(index), quiet: reason }, 0);
    for (const [index, state] of (['acknowledged', 'cleared', 'latched', 'reminded'] as const).entries())
      actions.dispatch({ ...transition(10 + index), state }, 0);
    await settle();
    expect(horn.sounded.map(({ state }) => state)).toEqual(['cleared', 'reminded']);
    expect(actions.count).toBe(4);
    await stop();
    const other = new Horn();
    const asked = start({ other }, { ...unlimited, on: new Set(['acknowledged']) });
    asked.actions.dispatch({ ...transition(1), state: 'acknowledged' }, 0);
    asked.actions.dispatch(transition(2), 0);
    await settle();
    expect(other.sounded.map(({ state }) => state)).toEqual(['acknowledged']);
    await asked.stop();
  });

  it('wait in a bounded queue: beyond it only the number is kept, is said once, and is told in the end', async () => {
    const horn = new Horn();
    horn.state = 'fails';
    const { actions, clock, logged, stop } = start({ horn });
    for (let index = 0; index < 1500; index++) actions.dispatch(transition(index), 0);
    await settle();
    expect(left(actions)).toHaveLength(1001);
    expect(left(actions)[0]).toMatchObject({ count: 500, transition: { time: 0 } });
    expect(
      logged.filter(([message]) => message.startsWith('action horn: more than 1000 transitions wait')),
    ).toHaveLength(1);
    horn.state = 'works';
    clock.advance(60_000);
    await expect.poll(() => left(actions)).toEqual([]);
    // The five hundred are one digest, told of by their first.
    expect(times(horn.sounded)).toEqual([...Array.from({ length: 1000 }, (_, index) => index + 500), 0]);
    await stop();
  });

  it('are given up when the gateway file says so, and that is said', async () => {
    const horn = new Horn();
    horn.state = 'fails';
    const { actions, clock, acted, logged, stop } = start({ horn }, { ...unlimited, giveUpAfterMs: 2500 });
    actions.dispatch(transition(1), 0);
    await settle();
    clock.advance(1000);
    actions.dispatch(transition(2), 0);
    await settle();
    expect(left(actions)).toHaveLength(2);
    clock.advance(2000);
    await settle();
    expect(left(actions).map(({ transition }) => transition.time)).toEqual([2]);
    expect(acted).toEqual([actedKey('horn', transition(1))]);
    expect(logged).toContainEqual(['action horn: gave up what could not be told in time', { count: 1 }]);
    await stop();
  });

  it('of another run are taken first, counts too, unless they are known to be done', async () => {
    const horn = new Horn();
    const { actions, stop } = start({ horn }, { ...unlimited, limit: { count: 1, intervalMs: 1000 } });
    const unfinished: Unfinished[] = [1, 2, 3].map((index) => ({ action: 'horn', transition: transition(index) }));
    actions.resume(
      [
        ...unfinished,
        { action: 'gone', transition: transition(4) },
        { action: 'horn', transition: transition(6), count: 9 },
      ],
      new Set([actedKey('horn', transition(2))]),
    );
    actions.dispatch(transition(5), 0);
    await expect.poll(() => times(horn.sounded)).toEqual([1]);
    expect(left(actions).map(({ transition, count = 1 }) => [transition.time, count])).toEqual([
      [6, 9],
      [3, 1],
      [5, 1],
    ]);
    await stop();
  });

  it('that are levels are looked at with every transition, quiet ones too', async () => {
    const clock = new FakeClock();
    const health = new Health(
      () => 0,
      () => undefined,
    );
    let on = false;
    const orders: boolean[] = [];
    const set = async (level: boolean): Promise<void> => void orders.push(level);
    const action = { set, close: () => Promise.resolve() };
    const levels = new Levels({
      levels: new Map([['lamp', { action, mode: 'firing', pulse: undefined }]]),
      wanted: () => on,
      health,
      clock,
      random: () => 0.5,
    });
    const parts = { messages: new Map(), levels, actionsOf: () => [], health, logger: silentLogger, clock };
    const actions = new Actions({ ...parts, random: () => 0.5, acted: () => undefined });
    const end = new AbortController();
    const running = actions.run(end.signal);
    for (const quiet of ['', 'shelved'] as const) {
      await settle();
      clock.advance(50);
      await settle();
      on = !on;
      actions.dispatch({ ...transition(1), quiet }, 0);
      await settle();
    }
    expect(orders).toEqual([false, true, false]);
    end.abort();
    await running;
  });

  it('are logged also when a rule asks for none, and their latency is measured from the bytes', async () => {
    const { actions, clock, logged, stop } = start({});
    expect(actions.latencyMs().p50).toBeNaN();
    actions.dispatch(transition(1, 'too_cold'), clock.monotonicMs() - 40);
    actions.dispatch({ ...transition(1), quiet: 'shelved', by: 'ann', comment: 'known' }, clock.monotonicMs() - 900);
    const common = { device: 'press', signal: 'temperature', value: 99, severity: 'critical' };
    expect(logged).toEqual([
      ['alert firing', { rule: 'too_cold', ...common }],
      ['alert firing', { rule: 'too_hot', ...common, quiet: 'shelved', by: 'ann', comment: 'known' }],
    ]);
    expect(actions.count).toBe(1);
    expect(actions.latencyMs().p99).toBeCloseTo(40, 0);
    await stop();
  });
});
