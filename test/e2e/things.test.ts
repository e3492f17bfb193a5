// Things from end to end: a gateway is a Thing, another one reads it, and a killed agent leaves nothing behind.

import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { freePort } from '@weir/deploy/local/servers.ts';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { startAgentProcess } from '../support/agent.ts';
import { scratchFolder } from '../support/processes.ts';
import { until } from '../support/wait.ts';

const lineYaml = (board: number, port: number): string => `
gateway: line-3
sources:
  oven: { serial: "tcp://127.0.0.1:${board}", format: json }
signals:
  temperature: { from: oven.temp, unit: °C, range: -20..120 }
windows: [{ every: 1s, of: all, compute: [mean] }]
alerts:
  too_hot: { when: temperature > 50, clear: temperature < 45, severity: critical }
thing: { port: ${port} }
`;

const hallYaml = (line: number, port: number): string => `
gateway: hall
sources:
  line: { wot: "http://127.0.0.1:${line}/", poll: 100ms, refresh: 200ms }
signals:
  oven: { from: line.oven/temperature, unit: °C }
  alarms: { from: line.too_hot }
windows: [{ every: 1s, of: all, compute: [mean] }]
thing: { port: ${port} }
`;

it('a gateway reads the signals and alarms of another one, and its process for that is started again when it dies, and ends with it', async () => {
  using folder = scratchFolder('things-line');
  using other = scratchFolder('things-hall');
  const boards = new Set<Socket>();
  const board = createServer((socket) => boards.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(board, 'listening');
  const say = (temp: number): void => {
    for (const socket of boards) socket.write(`{"temp": ${temp}}\n`);
  };
  try {
    const [linePort, hallPort] = [await freePort(), await freePort()];
    await using _line = await startAgentProcess(folder.path, lineYaml(portOf(board), linePort));
    const valuesAt = async (port: number): Promise<Record<string, number>> =>
      z
        .record(z.string(), z.number())
        .parse(await (await fetch(`http://127.0.0.1:${port}/properties`).catch(() => Response.json({}))).json());
    await until('the board is read', async () => {
      say(21.5);
      return (await valuesAt(linePort))['oven/temperature'] === 21.5;
    });
    await using hall = await startAgentProcess(other.path, hallYaml(linePort, hallPort));
    await until('its value is at the other gateway', async () => (await valuesAt(hallPort))['line-3/oven'] === 21.5);
    await until('its alarm is at the other gateway', async () => {
      say(60);
      say(20);
      return (await valuesAt(hallPort))['line-3/alarms'] === 1;
    });
    expect((await hall.status()).health.find(({ part }) => part === 'source line')).toMatchObject({ up: true });
    const children = childrenOf(hall.process.pid ?? -1);
    expect(children).toHaveLength(1);
    process.kill(Number(children[0]), 'SIGKILL');
    await until('another process reads the line', async () => {
      say(22);
      return (await valuesAt(hallPort))['line-3/oven'] === 22;
    });
    children.push(...childrenOf(hall.process.pid ?? -1));
    expect(children).toHaveLength(2);
    await hall.kill();
    await until('the process that reads Things has ended', async () =>
      children.every((pid) => !existsSync(`/proc/${pid}`)),
    );
  } finally {
    for (const socket of boards) socket.destroy();
    board.close();
  }
}, 60_000);

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

function childrenOf(parent: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(parent);
    } catch {
      // It has just ended.
      return false;
    }
  });
}
