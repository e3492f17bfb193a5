// What message actions talk to, made to work, to fail and to hang: every kind of action passes the same suite against its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, open, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { AedesBroker } from './aedes.ts';
import { portOf } from './ports.ts';
import { tempFolder } from './temp-folder.ts';

/** `{count}` and `{time}` of a message, in a form that is found in whatever surrounds it. */
const text = '<{count} {time}>';

export interface Said {
  readonly count: number;
  /** Epoch milliseconds. */
  readonly time: number;
}

export interface FarEnd {
  /** Of the action, as written. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** What has come through, in order. */
  said(): Said[];
  /** How it is from now on. */
  turn(state: 'works' | 'fails' | 'hangs'): Promise<void>;
}

export async function webhookEnd(): Promise<FarEnd> {
  let [state, got] = ['works', ''];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (state === 'works') got += Buffer.concat(chunks).toString();
      if (state !== 'hangs') response.writeHead(state === 'works' ? 204 : 503).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    raw: { webhook: `http://127.0.0.1:${portOf(server)}/`, body: text },
    said: () => parsed(got),
    turn: async (to) => void (state = to),
  };
}

export async function mqttEnd(): Promise<FarEnd> {
  let [state, got] = ['works', ''];
  const broker = await AedesBroker.start((aedes) => {
    aedes.authorizePublish = (client, packet, callback) => {
      if (client === null) return callback(null);
      if (state === 'works') got += packet.payload.toString();
      if (state !== 'hangs') callback(state === 'works' ? null : new Error('refused'));
    };
  });
  return {
    raw: { mqtt: broker.url, topic: 'alarms', body: text },
    said: () => parsed(got),
    turn: async (to) => void (state = to),
  };
}

/** A program that notes its argument. */
export async function commandEnd(): Promise<FarEnd> {
  const folder = await tempFolder();
  const [program, out] = [join(folder, 'siren'), join(folder, 'out')];
  const lines = [
    '#!/bin/sh',
    `cd ${folder}`,
    'if [ -e hangs ]; then sleep 600; fi',
    'if [ -e fails ]; then echo no power >&2; exit 3; fi',
    `printf '%s' "$1" >> ${out}`,
  ];
  await writeFile(program, `${lines.join('\n')}\n`);
  await chmod(program, 0o755);
  return {
    raw: { command: [program, text] },
    said: () => parsed(existsSync(out) ? readFileSync(out, 'utf8') : ''),
    async turn(to) {
      for (const state of ['fails', 'hangs']) await rm(join(folder, state), { force: true });
      if (to !== 'works') await writeFile(join(folder, to), '');
    },
  };
}

/** A device server; it cannot hang, because a network takes what is small. */
export async function serialServerEnd(): Promise<FarEnd> {
  let got = '';
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('data', (chunk) => (got += chunk.toString())).on('close', () => sockets.delete(socket));
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const port = portOf(server);
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  onTestFinished(close);
  return {
    raw: { serial: `tcp://127.0.0.1:${port}`, text },
    said: () => parsed(got),
    turn: (to) => (to === 'works' ? listen(port) : close()),
  };
}

export const hasSocat = existsSync('/usr/bin/socat');

/** A pty. It fails when it is unplugged, and hangs when nobody takes the bytes from it: hence the long line. */
export async function serialPortEnd(): Promise<FarEnd> {
  const folder = await tempFolder();
  const [path, board] = [join(folder, 'agent'), join(folder, 'board')];
  let got = '';
  const plugIn = async () => {
    const socat = spawn('socat', [`pty,raw,echo=0,link=${path}`, `pty,raw,echo=0,link=${board}`], { stdio: 'ignore' });
    await expect.poll(() => existsSync(path) && existsSync(board)).toBe(true);
    const handle = await open(board, 'r+');
    const stream = handle.createReadStream();
    stream.on('data', (chunk) => (got += chunk.toString())).on('error', () => undefined);
    const unplug = async (): Promise<void> => {
      socat.kill('SIGCONT');
      socat.kill('SIGTERM');
      await once(socat, 'exit');
      stream.destroy();
      await handle.close().catch(() => undefined);
    };
    return { socat, unplug };
  };
  let line: Awaited<ReturnType<typeof plugIn>> | undefined = await plugIn();
  onTestFinished(async () => line?.unplug());
  return {
    raw: { serial: path, text, end: `${' '.repeat(200_000)}\n` },
    said: () => parsed(got),
    async turn(to) {
      if (to === 'fails') {
        await line?.unplug();
        line = undefined;
        return;
      }
      line ??= await plugIn();
      line.socat.kill(to === 'hangs' ? 'SIGSTOP' : 'SIGCONT');
    },
  };
}

function parsed(text: string): Said[] {
  return [...text.matchAll(/<(\d+) ([^>\s]+)>/g)].map(([, count, time = '']) => ({
    count: Number(count),
    time: Date.parse(time),
  }));
}
