// Keys of gateways, with the real state behind them.

import { expect, test } from 'vitest';
import { State } from '../state/state.ts';
import { tempFolder } from '../testing/fixtures.ts';
import { Credentials } from './credentials.ts';

test('the key that was given is accepted, every other is refused', async () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const credentials = new Credentials(state.gateways);
  const key = await credentials.add('line-3', 0);
  expect(Buffer.from(key, 'base64url')).toHaveLength(32);
  expect(await credentials.verify('line-3', key)).toBe('accepted');
  expect(await credentials.verify('line-3', `${key}x`)).toBe('refused');
  expect(await credentials.verify('line-3', '')).toBe('refused');
  expect(await credentials.verify('line-4', key)).toBe('refused');
  expect(await credentials.verify('line-3', key)).toBe('accepted');
  state.close();
});

test('the key itself is nowhere on disk', async () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const key = await new Credentials(state.gateways).add('line-3', 0);
  expect(state.gateways.keyHash('line-3')).toMatch(/^scrypt\$/);
  expect(state.gateways.keyHash('line-3')).not.toContain(key);
  state.close();
});

test('what another program adds, removes or gives a new key counts at once', async () => {
  using folder = tempFolder();
  const [running, cli] = [State.open(folder.path), State.open(folder.path)];
  const credentials = new Credentials(running.gateways);
  const other = new Credentials(cli.gateways);
  const first = await other.add('line-3', 0);
  expect(await credentials.verify('line-3', first)).toBe('accepted');
  cli.gateways.remove('line-3');
  expect(await credentials.verify('line-3', first)).toBe('refused');
  const second = await other.add('line-3', 0);
  expect(await credentials.verify('line-3', first)).toBe('refused');
  expect(await credentials.verify('line-3', second)).toBe('accepted');
  cli.gateways.remove('line-3');
  const third = await other.add('line-3', 0);
  expect(await credentials.verify('line-3', second)).toBe('refused');
  expect(await credentials.verify('line-3', third)).toBe('accepted');
  running.close();
  cli.close();
});

test('a name that is taken or no name is refused with what to do', async () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const credentials = new Credentials(state.gateways);
  await credentials.add('line-3', 0);
  await expect(credentials.add('line-3', 0)).rejects.toThrow('remove it first');
  await expect(credentials.add('a/b', 0)).rejects.toThrow('cannot be a gateway');
  state.close();
});

test('more wrong keys at once than may be hashed at once are put off, not queued', async () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const credentials = new Credentials(state.gateways);
  await credentials.add('line-3', 0);
  const verdicts = await Promise.all(Array.from({ length: 528 }, (_, n) => credentials.verify('line-3', `wrong ${n}`)));
  expect(verdicts.filter((verdict) => verdict === 'busy')).toHaveLength(16);
  state.close();
});
