import { describe, expect, it } from 'vitest';
import { AedesBroker } from '../testing/aedes.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { noticeOf } from '../testing/notices.ts';
import { transition } from '../testing/outputs.ts';
import type { Action } from './action.ts';
import { mqtt } from './mqtt.ts';

const forever = new AbortController().signal;

function action(raw: object): Action {
  const context = { id: 'lamp', gateway: 'line-3', base: '/', unitOf: () => '', clock: new FakeClock() };
  return mqtt.make({ kind: 'mqtt', raw }, context).action;
}

async function board(): Promise<{ broker: AedesBroker; published: [topic: string, text: string, retain: boolean][] }> {
  const published: [string, string, boolean][] = [];
  const broker = await AedesBroker.start((aedes) =>
    aedes.on('publish', ({ topic, payload, retain }, client) => {
      if (client) published.push([topic, payload.toString(), retain]);
    }),
  );
  return { broker, published };
}

describe('the mqtt action', () => {
  it('publishes the transition, with the topic filled in', async () => {
    const { broker, published } = await board();
    const it = action({ mqtt: broker.url, topic: 'alarms/{gateway}/{rule}/{device}/{signal}', retain: true });
    await it.perform(noticeOf(transition(7)), forever);
    await it.close?.();
    expect(published).toEqual([['alarms/line-3/too_hot/press/temperature', expect.any(String), true]]);
    expect(JSON.parse(published[0]?.[1] ?? '')).toMatchObject({
      id: 'line-3/too_hot/press/temperature/7/firing',
      value: 99,
    });
  });

  it('publishes in words of its own, and no name becomes another level of the topic, or a wildcard', async () => {
    const { broker, published } = await board();
    const it = action({ mqtt: broker.url, topic: 'a/{device}', body: '{rule}: {device}' });
    await it.perform(noticeOf({ ...transition(7), series: { device: '+/#/x\n', signal: 's' } }), forever);
    await it.close?.();
    expect(published).toEqual([['a/____x ', 'too_hot: +/#/x ', false]]);
  });

  it('fails while the broker is away, and works when it is back', async () => {
    const { broker } = await board();
    const it = action({ mqtt: broker.url, topic: 'alarm' });
    await it.perform(noticeOf(transition(1)), forever);
    await broker.kill();
    const outcome = (): Promise<string> => it.perform(noticeOf(transition(2)), forever).then(() => 'done', String);
    await expect.poll(outcome).toContain('ECONNREFUSED');
    await broker.restart();
    await it.perform(noticeOf(transition(2)), forever);
    await it.close?.();
  });
});
