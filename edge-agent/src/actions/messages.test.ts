// The suite every kind of message action passes, against a far end of its own (testing/far-ends.ts).

import { describe, expect, it, onTestFinished } from 'vitest';
import type { Transition } from '@weir/shared/model/alert.ts';
import { Health } from '../health.ts';
import { silentLogger } from '../logger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import {
  commandEnd,
  hasSocat,
  mqttEnd,
  serialPortEnd,
  serialServerEnd,
  webhookEnd,
  type FarEnd,
  type Said,
} from '../testing/far-ends.ts';
import { noticeOf } from '../testing/notices.ts';
import { transition } from '../testing/outputs.ts';
import { Horn, settle } from '../testing/station.ts';
import type { Message, MessageKind } from './action.ts';
import { Actions, type Unfinished } from './actions.ts';
import { command } from './command.ts';
import { usualDelivery } from './delivery.ts';
import { mqtt } from './mqtt.ts';
import { serial } from './serial.ts';
import { webhook } from './webhook.ts';

interface Case {
  readonly name: string;
  readonly kind: MessageKind;
  readonly far: () => Promise<FarEnd>;
  readonly hangs: boolean;
  readonly skipped?: boolean;
}

const cases: readonly Case[] = [
  { name: 'webhook', kind: webhook, far: webhookEnd, hangs: true },
  { name: 'mqtt', kind: mqtt, far: mqttEnd, hangs: true },
  { name: 'command', kind: command, far: commandEnd, hangs: true },
  { name: 'serial, behind a device server', kind: serial, far: serialServerEnd, hangs: false },
  { name: 'serial, on a pty', kind: serial, far: serialPortEnd, hangs: true, skipped: !hasSocat },
];

function start(messages: Readonly<Record<string, Message>>) {
  const clock = new FakeClock(0);
  const health = new Health(
    () => 0,
    () => undefined,
  );
  const acted: string[] = [];
  const actions = new Actions({
    messages: new Map(Object.entries(messages)),
    actionsOf: () => Object.keys(messages),
    health,
    logger: silentLogger,
    clock,
    random: () => 0.5,
    acted: (key) => acted.push(key),
  });
  const end = new AbortController();
  const running = actions.run(end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await running;
  };
  onTestFinished(stop);
  /** Lets time go by as long as it takes. */
  const until = async (met: () => boolean, stepMs = 1000): Promise<void> => {
    await expect
      .poll(
        () => {
          if (!met()) clock.advance(stepMs);
          return met();
        },
        { timeout: 20_000 },
      )
      .toBe(true);
  };
  return { clock, health, acted, actions, stop, until };
}

function make(kind: MessageKind, { raw }: FarEnd, more: object = {}): Message {
  const context = { id: 'it', gateway: 'line-3', base: '/', unitOf: () => '°C', clock: new FakeClock() };
  return kind.make({ kind: kind.key, raw: { ...raw, ...more } }, context);
}

/** Of what may have come more than once, each once. */
function distinct(said: readonly Said[]): Said[] {
  return [...new Map(said.map((one) => [one.time, one])).values()];
}

const at = (...times: number[]): Said[] => times.map((time) => ({ count: 1, time }));

describe.each(cases.filter(({ skipped }) => skipped !== true))('a message by $name', ({ kind, far: farEnd, hangs }) => {
  it('is told once for each transition, in their order', async () => {
    const far = await farEnd();
    const { actions, acted } = start({ it: make(kind, far) });
    for (const time of [1, 2, 3]) actions.dispatch(transition(time), 0);
    await expect.poll(() => acted.length).toBe(3);
    await expect.poll(() => far.said()).toEqual(at(1, 2, 3));
    expect(JSON.parse(actions.unfinished())).toEqual([]);
  });

  it('that fails is tried again with backoff, and delays no other', async () => {
    const far = await farEnd();
    await far.turn('fails');
    const horn = new Horn();
    const { actions, clock, health, until } = start({
      it: make(kind, far),
      horn: { action: horn, delivery: usualDelivery },
    });
    for (const time of [1, 2]) actions.dispatch(transition(time), 0);
    await expect.poll(() => horn.sounded.length).toBe(2);
    await until(() => clock.slept.includes(1100));
    expect(far.said()).toEqual([]);
    expect(health.all()).toContainEqual(
      expect.objectContaining({ part: 'action it', up: false, detail: expect.stringMatching(/.; trying again$/) }),
    );
    await far.turn('works');
    await until(() => distinct(far.said()).length === 2);
    expect(distinct(far.said())).toEqual(at(1, 2));
    await expect.poll(() => health.all()).toContainEqual(expect.objectContaining({ part: 'action it', up: true }));
  });

  it.runIf(hangs)('that hangs is tried again after its time, and delays no other', async () => {
    const far = await farEnd();
    await far.turn('hangs');
    const horn = new Horn();
    const { actions, clock, health, until } = start({
      it: make(kind, far, { timeout: '3s' }),
      horn: { action: horn, delivery: usualDelivery },
    });
    actions.dispatch(transition(1), 0);
    await expect.poll(() => horn.sounded.length).toBe(1);
    expect(clock.slept).toContain(3000);
    await settle();
    clock.advance(2999);
    await settle();
    expect(health.all()).not.toContainEqual(expect.objectContaining({ part: 'action it' }));
    clock.advance(1);
    await expect
      .poll(() => health.all())
      .toContainEqual(expect.objectContaining({ part: 'action it', detail: 'not done within 3s; trying again' }));
    await far.turn('works');
    await until(() => JSON.parse(actions.unfinished()).length === 0, 500);
    expect(distinct(far.said())).toEqual(at(1));
  });

  it.runIf(hangs)('ends when the agent stops in the middle of it, and is known to the next run', async () => {
    const far = await farEnd();
    await far.turn('hangs');
    const first = start({ it: make(kind, far) });
    for (const time of [1, 2, 3]) first.actions.dispatch(transition(time), 0);
    await expect.poll(() => first.clock.sleepers).toBeGreaterThan(0);
    await first.stop();
    const unfinished: Unfinished[] = JSON.parse(first.actions.unfinished());
    expect(unfinished.map(({ transition }) => transition.time)).toEqual([1, 2, 3]);
    await far.turn('works');
    const second = start({ it: make(kind, far) });
    second.actions.resume(unfinished, new Set());
    await second.until(() => second.acted.length === 3, 500);
    expect(distinct(far.said())).toEqual(at(1, 2, 3));
  });

  it.runIf(hangs)('ends as soon as it is told to, and can be told again', async () => {
    const far = await farEnd();
    await far.turn('hangs');
    const { action } = make(kind, far);
    const end = new AbortController();
    const outcome = action.perform(noticeOf(transition(1)), end.signal).then(
      () => 'told',
      () => 'ended',
    );
    await settle();
    end.abort();
    expect(await outcome).toBe('ended');
    await expect(action.perform(noticeOf(transition(2)), end.signal)).rejects.toBeInstanceOf(Error);
    await far.turn('works');
    const again = (): Promise<string> =>
      action.perform(noticeOf(transition(3)), new AbortController().signal).then(() => 'told', String);
    await expect.poll(again, { timeout: 10_000 }).toBe('told');
    await expect.poll(() => far.said().at(-1)).toEqual({ count: 1, time: 3 });
    await action.close?.();
  });

  it('comes ten times at most for a thousand alarms in ten seconds, and all thousand are counted', async () => {
    const far = await farEnd();
    // Time goes by faster here than bytes do.
    const { actions, clock, acted, until } = start({ it: make(kind, far, { timeout: '1d' }) });
    for (let index = 0; index < 1000; index++) {
      const made: Transition = { ...transition(index), severity: index % 10 === 7 ? 'critical' : 'warning' };
      actions.dispatch(made, 0);
      if (index % 20 === 19) await settle();
      clock.advance(10);
    }
    const early = far.said().length;
    expect(early).toBeLessThan(10);
    await until(() => acted.length === 1000);
    await expect.poll(() => far.said().reduce((sum, { count }) => sum + count, 0)).toBe(1000);
    expect(far.said().length).toBeLessThanOrEqual(10);
  });
});
