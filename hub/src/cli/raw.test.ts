import { expect, test } from 'vitest';
import { rawReadings } from '../testing/raw.ts';
import { tempFolder } from '../testing/fixtures.ts';
import { State } from '../state/state.ts';
import { rawCommand } from './raw.ts';

const now = Date.UTC(2026, 5, 1, 12);

async function run(folder: string, ...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  const command = rawCommand({
    withState: async (_, work) => {
      const state = State.open(folder);
      try {
        await work(state);
      } finally {
        state.close();
      }
    },
    print: (line) => printed.push(line),
    now: () => now,
    keepMs: () => Promise.resolve(86_400_000),
  });
  await command.parseAsync(args, { from: 'user' });
  return printed;
}

function folderWithGateway(): ReturnType<typeof tempFolder> {
  const folder = tempFolder();
  const state = State.open(folder.path);
  state.gateways.add('line-3', 'hash', now);
  state.close();
  return folder;
}

test('what is asked for is listed with its id, newest first, and with what has come', async () => {
  using folder = folderWithGateway();
  const range = ['--from', '2026-06-01T10:00:00Z', '--to', String(Date.UTC(2026, 5, 1, 10, 5))];
  const [first = ''] = await run(folder.path, 'ask', 'line-3', 'press', 'temperature', ...range);
  const [second = ''] = await run(folder.path, 'ask', 'line-3', 'oven', 'humidity', '--last', '10m');
  const state = State.open(folder.path);
  state.rawRequests.take(rawReadings({ request: first, shortfall: 'evicted before 10:01' }), new Map(), now);
  state.close();
  expect(await run(folder.path, 'list')).toEqual([
    `${second}\tline-3/oven/humidity\t2026-06-01T11:50:00.000Z to 2026-06-01T12:00:00.000Z\tasked\tnot sent yet\t0 readings`,
    `${first}\tline-3/press/temperature\t2026-06-01T10:00:00.000Z to 2026-06-01T10:05:00.000Z\tasked\tdone\t3 readings\tevicted before 10:01`,
  ]);
  expect(await run(folder.path, 'list', '--gateway', 'line-4')).toEqual([]);
  const [json = ''] = await run(folder.path, 'list', '--json');
  expect(JSON.parse(json)).toMatchObject({ id: second, device: 'oven', toMs: now });
});

test.each([
  [['--last', 'soon'], '"soon" is not a duration'],
  [['--last', '10m', '--to', '5'], 'say --from and --to, or --last'],
  [['--from', '2026-06-01'], 'say --from and --to, or --last'],
  [['--from', 'noon', '--to', '5'], '"noon" is not a time'],
  [['--last', '2d'], 'at most 24 hours'],
  [['--from', '2026-05-31T11:00Z', '--to', '2026-05-31T11:30Z'], 'raw.keep in hub.yaml'],
])('a mistake in %j is told', async (args, reason) => {
  using folder = folderWithGateway();
  await expect(run(folder.path, 'ask', 'line-3', 'press', 'temperature', ...args)).rejects.toThrow(reason);
  expect(await run(folder.path, 'list')).toEqual([]);
});
