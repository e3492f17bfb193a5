import { describe, expect, it } from 'vitest';
import { transitionKey, type Transition } from '@weir/shared/model/alert.ts';
import { Health } from '../health.ts';
import type { Fields } from '../logger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { transition } from '../testing/outputs.ts';
import { Horn, settle } from '../testing/station.ts';
import { actedKey, Actions } from './actions.ts';

function start(horns: Record<string, Horn>) {
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
    actions: new Map(Object.entries(horns)),
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

describe('actions', () => {
  it('are taken in order, and said to be done one by one', async () => {
    const horn = new Horn();
    const { actions, acted, stop } = start({ horn });
    for (const index of [1, 2, 3]) actions.dispatch(transition(index), 0);
    await expect.poll(() => times(horn.sounded)).toEqual([1, 2, 3]);
    expect(acted).toEqual([1, 2, 3].map((index) => actedKey('horn', transition(index))));
    expect(actedKey('horn', transition(1))).toBe(`horn|${transitionKey(transition(1))}`);
    expect(JSON.parse(actions.unfinished())).toEqual([]);
    expect(actions.count).toBe(3);
    await stop();
  });

  it('that fail are tried again with backoff, and delay no other', async () => {
    const [horn, lamp] = [new Horn(), new Horn()];
    horn.state = 'fails';
    const { actions, clock, health, acted, stop } = start({ horn, lamp });
    for (const index of [1, 2]) actions.dispatch(transition(index), 0);
    await expect.poll(() => times(lamp.sounded)).toEqual([1, 2]);
    for (let attempt = 1; attempt <= 8; attempt++) {
      await expect.poll(() => clock.sleepers).toBe(1);
      expect(horn.attempts).toBe(attempt);
      clock.advance(clock.slept.at(-1) ?? 0);
    }
    expect(clock.slept.slice(0, 8).map((ms) => Math.round(ms))).toEqual([
      1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
    ]);
    expect(health.all()).toContainEqual(
      expect.objectContaining({ part: 'action horn', up: false, detail: 'the horn is broken; trying again' }),
    );
    expect(JSON.parse(actions.unfinished())).toEqual(
      [1, 2].map((index) => ({ action: 'horn', transition: transition(index) })),
    );
    await expect.poll(() => clock.sleepers).toBe(1);
    horn.state = 'works';
    clock.advance(60_000);
    await expect.poll(() => times(horn.sounded)).toEqual([1, 2]);
    expect(health.all()).toContainEqual(expect.objectContaining({ part: 'action horn', up: true }));
    expect(acted).toHaveLength(4);
    await stop();
  });

  it('that hang delay no other', async () => {
    const [horn, lamp] = [new Horn(), new Horn()];
    horn.state = 'hangs';
    const { actions } = start({ horn, lamp });
    for (const index of [1, 2]) actions.dispatch(transition(index), 0);
    await expect.poll(() => times(lamp.sounded)).toEqual([1, 2]);
    expect(JSON.parse(actions.unfinished())).toHaveLength(2);
  });

  it('wait in a bounded queue: the oldest is given up, and that is said', async () => {
    const horn = new Horn();
    horn.state = 'fails';
    const { actions, clock, logged, stop } = start({ horn });
    for (let index = 0; index < 1003; index++) actions.dispatch(transition(index), 0);
    await settle();
    expect(JSON.parse(actions.unfinished())).toHaveLength(1000);
    expect(
      logged.filter(([message]) => message === 'action horn: gave up the oldest of 1000 waiting transitions'),
    ).toHaveLength(3);
    horn.state = 'works';
    clock.advance(60_000);
    await expect.poll(() => horn.sounded.length).toBeGreaterThanOrEqual(1000);
    expect(times(horn.sounded).slice(-1000)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 3));
    await stop();
  });

  it('of another run are taken first, unless they are known to be done', async () => {
    const horn = new Horn();
    const { actions, stop } = start({ horn });
    const unfinished = [1, 2, 3].map((index) => ({ action: 'horn', transition: transition(index) }));
    actions.resume(
      [...unfinished, { action: 'gone', transition: transition(4) }],
      new Set([actedKey('horn', transition(2))]),
    );
    actions.dispatch(transition(5), 0);
    await expect.poll(() => times(horn.sounded)).toEqual([1, 3, 5]);
    await stop();
  });

  it('are logged also when a rule asks for none, and their latency is measured from the bytes', async () => {
    const { actions, clock, logged, stop } = start({});
    expect(actions.latencyMs().p50).toBeNaN();
    actions.dispatch(transition(1, 'too_cold'), clock.monotonicMs() - 40);
    expect(logged).toEqual([
      ['alert firing', { rule: 'too_cold', device: 'press', signal: 'temperature', value: 99, severity: 'critical' }],
    ]);
    expect(actions.latencyMs().p50).toBeCloseTo(40, 0);
    await stop();
  });
});
