// The socket by which operators at the gateway speak with the running agent, link or no link. Whoever may write to the data
// folder's socket (its owner and its group) may operate.

import { chmod, unlink } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { AlarmView } from '@weir/shared/pipeline/alarm-measures.ts';
import type { Operation } from '@weir/shared/model/alert.ts';
import type { Health } from '../health.ts';
import { messageOf } from '../logger.ts';
import { requestSchema, socketName, type Answer, type ControlAlarm } from './protocol.ts';

export interface ControlParts {
  /** Data folder of the agent, whose lock is held. */
  readonly folder: string;
  readonly alarms: () => readonly AlarmView[];
  readonly operate: (operation: Operation) => Promise<number | undefined>;
  readonly health: Health;
}

const part = 'control';
/** No request is longer. */
const longestLine = 10_000;
/** Who says nothing for so long has gone. */
const idleMs = 10_000;

/** Never throws: an agent without a socket works, and says so in its health. @returns how to close it */
export async function startControl({ folder, alarms, operate, health }: ControlParts): Promise<() => Promise<void>> {
  const path = join(folder, socketName);
  const answerTo = async (line: string): Promise<Answer> => {
    const request = requestSchema.safeParse(parse(line));
    if (!request.success) return { error: 'no such request: this agent is of another version' };
    if ('ask' in request.data) return { alarms: alarms().map(controlAlarm) };
    return { changed: (await operate(request.data.operate)) ?? null };
  };
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8');
    let text = '';
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end < 0 && text.length > longestLine) socket.destroy();
      if (end < 0) return;
      const line = text.slice(0, end);
      text = '';
      void answerTo(line)
        .catch((error: unknown): Answer => ({ error: messageOf(error) }))
        .then((answer) => socket.end(`${JSON.stringify(answer)}\n`));
    });
  });
  try {
    // What a killed agent has left.
    await unlink(path).catch(() => undefined);
    server.listen(path);
    await once(server, 'listening');
    await chmod(path, 0o660);
  } catch (error) {
    health.down(part, `operators at the gateway cannot reach the agent: ${messageOf(error)}`);
  }
  return async () => {
    for (const socket of open) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
}

function controlAlarm({ series, since, value, shelvedUntil, ...rest }: AlarmView): ControlAlarm {
  return { ...series, ...rest, since: finite(since), value: finite(value), shelvedUntil: finite(shelvedUntil) };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
