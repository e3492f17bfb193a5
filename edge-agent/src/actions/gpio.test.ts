// A horn on a whole agent: a process of its own, with a gpioset made of a script.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Running } from '../testing/command.ts';
import { FakeGpioset } from '../testing/fake-gpio.ts';
import { portOf } from '../testing/ports.ts';
import { tempFolder } from '../testing/temp-folder.ts';

/** A real board's lines are not to be touched by a test. */
const hasGpio = existsSync('/sys/class/gpio/export');
const hasSetpriv = existsSync('/usr/bin/setpriv');
const patience = { timeout: 15_000 };

async function plant() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const folder = await tempFolder();
  const lines = [
    'gateway: bench',
    `sources: { board: { serial: "tcp://127.0.0.1:${portOf(server)}", format: json } }`,
    'signals: { temperature: { from: board.temperature } }',
    'windows: [ { every: 1m, of: all, compute: [mean] } ]',
    'alerts: { too_hot: { when: temperature > 34, clear: temperature < 33, do: [horn] } }',
    'actions: { horn: { gpio: 27 } }',
    'settings: { clock: machine }',
  ];
  await writeFile(join(folder, 'gateway.yaml'), `${lines.join('\n')}\n`);
  const board = await FakeGpioset.make('2.2.1');
  const agent = new Running(folder, ['run', 'gateway.yaml']);
  await expect.poll(() => sockets.length, patience).toBe(1);
  await expect.poll(() => board.level(27), patience).toBe(false);
  const say = (temperature: number): void => void sockets.at(-1)?.write(`{"temperature": ${temperature}}\n`);
  return { board, agent, say, folder };
}

describe.skipIf(hasGpio)('a horn on a line of the board', () => {
  it('sounds while an alarm is firing, and is silent when the agent was told to stop', async () => {
    const { board, agent, say } = await plant();
    say(40);
    await expect.poll(() => board.level(27), patience).toBe(true);
    say(20);
    await expect.poll(() => board.level(27), patience).toBe(false);
    say(40);
    await expect.poll(() => board.level(27), patience).toBe(true);
    agent.child.kill('SIGTERM');
    expect(await agent.exit()).toBe(0);
    expect(board.level(27)).toBeUndefined();
  }, 60_000);

  it('sounds again after a restart in the middle of an alarm', async () => {
    const { board, agent, say, folder } = await plant();
    say(40);
    await expect.poll(() => board.level(27), patience).toBe(true);
    agent.child.kill('SIGTERM');
    await agent.exit();
    expect(board.level(27)).toBeUndefined();
    const next = new Running(folder, ['run', 'gateway.yaml']);
    await expect.poll(() => board.level(27), patience).toBe(true);
    next.child.kill('SIGTERM');
    expect(await next.exit()).toBe(0);
  }, 60_000);

  it.skipIf(!hasSetpriv)(
    'is let go of by the kernel when the agent is killed',
    async () => {
      const { board, agent, say } = await plant();
      say(40);
      await expect.poll(() => board.level(27), patience).toBe(true);
      agent.child.kill('SIGKILL');
      await agent.exit();
      await expect.poll(() => board.level(27), patience).toBeUndefined();
    },
    60_000,
  );
});
