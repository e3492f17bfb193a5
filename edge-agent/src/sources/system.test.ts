import { describe, expect, it } from 'vitest';
import { Puller } from '../testing/puller.ts';
import { SystemSource, system } from './system.ts';

describe('the gateway as a source', () => {
  it('says how it is, as often as it is to', async () => {
    const puller = new Puller(system, { system: '20ms' }, { channels: ['memory', 'uptime', 'cpu'] });
    await expect.poll(() => puller.readings.length).toBeGreaterThan(6);
    expect(puller.readings[0]).toMatch(/^board\/\w+ = \d/);
    expect(new Set(puller.readings.map((text) => text.split(' ')[0]))).toEqual(
      new Set(['board/memory', 'board/uptime', 'board/cpu']),
    );
    expect(puller.problems.size).toBe(0);
  });

  it('says which of what is asked for it does not know', async () => {
    const kind = {
      ...system,
      make: (_: unknown, context: ConstructorParameters<typeof SystemSource>[1]) =>
        new SystemSource({ system: 10, device: undefined }, context, {
          read: async (names) => new Map(names.map((name) => [name, name === 'load' ? 0.5 : undefined])),
        }),
    };
    const puller = new Puller(kind, { system: '10ms' }, { channels: ['wifi_signal', 'load'] });
    await expect.poll(() => puller.readings.length).toBeGreaterThan(1);
    expect([...puller.problems]).toEqual([['wifi_signal', 'this machine does not say']]);
  });

  it('has the channels it has', () => {
    expect(system.channels?.({ system: '10s' })).toContain('cpu_temperature');
  });
});
