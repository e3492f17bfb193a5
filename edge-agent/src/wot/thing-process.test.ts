import { expect, it, onTestFinished } from 'vitest';
import { thingProcesses } from '../testing/children.ts';
import { ThingProcess } from './thing-process.ts';

const start = {
  locations: ['/nowhere'],
  channels: ['a'],
  pollMs: 100,
  refreshMs: 100,
  timeoutMs: 100,
  timeUnit: 'ms' as const,
};

async function failureOf(child: ThingProcess): Promise<string> {
  for (;;) {
    try {
      await child.next();
    } catch (error) {
      return String(error);
    }
  }
}

it('a process that reads Things and crashes is told with what it printed, without its stack', async () => {
  const child = new ThingProcess({ start: { ...start, pollMs: -1 }, silentMs: 10_000, state: () => undefined });
  onTestFinished(() => child.end());
  const failure = await failureOf(child);
  expect(failure).toContain('the process that reads Things ended (exit code 1): ');
  expect(failure).toContain('pollMs');
  expect(failure).not.toContain(' at ');
});

it('its last word is the error, and ending it leaves nothing', async () => {
  const child = new ThingProcess({ start, silentMs: 10_000, state: () => undefined });
  expect(await failureOf(child)).toContain('/nowhere cannot be read');
  expect(thingProcesses()).toHaveLength(1);
  await child.end();
  expect(thingProcesses()).toEqual([]);
});
