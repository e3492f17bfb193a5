import { describe, expect, it } from 'vitest';
import { AedesBroker } from '../testing/aedes.ts';
import { transition } from '../testing/outputs.ts';
import { mqtt } from './mqtt.ts';

const context = { id: 'lamp', gateway: 'line-3', base: '/' };

describe('the mqtt action', () => {
  it('publishes the transition, with the topic filled in', async () => {
    const published: [string, unknown, boolean][] = [];
    const broker = await AedesBroker.start((aedes) =>
      aedes.on('publish', ({ topic, payload, retain }, client) => {
        if (client) published.push([topic, JSON.parse(payload.toString()), retain]);
      }),
    );
    const raw = { mqtt: broker.url, topic: 'alarms/{gateway}/{rule}/{device}/{signal}/{other}', retain: true };
    const action = mqtt.make({ kind: 'mqtt', raw }, context);
    await action.perform(transition(7), new AbortController().signal);
    await action.close?.();
    expect(published).toEqual([
      [
        'alarms/line-3/too_hot/press/temperature/{other}',
        {
          id: 'line-3/too_hot/press/temperature/7/firing',
          gateway: 'line-3',
          rule: 'too_hot',
          state: 'firing',
          severity: 'critical',
          device: 'press',
          signal: 'temperature',
          value: 99,
          time: '1970-01-01T00:00:00.007Z',
          since: '1970-01-01T00:00:00.007Z',
        },
        true,
      ],
    ]);
  });

  it('fails while the broker is away, and works when it is back', async () => {
    const broker = await AedesBroker.start();
    const action = mqtt.make({ kind: 'mqtt', raw: { mqtt: broker.url, topic: 'alarm' } }, context);
    const { signal } = new AbortController();
    await action.perform(transition(1), signal);
    await broker.kill();
    await expect.poll(() => action.perform(transition(2), signal).then(() => 'done', String)).toContain('ECONNREFUSED');
    await broker.restart();
    await action.perform(transition(2), signal);
    await action.close?.();
  });

  it('gives up when the agent stops, also on a broker that never answers', async () => {
    const broker = await AedesBroker.start((aedes) => {
      aedes.authorizePublish = () => undefined;
    });
    const action = mqtt.make({ kind: 'mqtt', raw: { mqtt: broker.url, topic: 'alarm' } }, context);
    const end = new AbortController();
    const performing = action.perform(transition(1), end.signal).then(
      () => 'done',
      () => 'given up',
    );
    await expect.poll(() => broker.aedes.connectedClients).toBe(1);
    end.abort();
    expect(await performing).toBe('given up');
    await action.close?.();
  });
});
