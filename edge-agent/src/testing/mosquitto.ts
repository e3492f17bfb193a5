// A real mosquitto on a free port of the loopback, with a folder of its own.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { MqttSession } from '../mqtt/session.ts';
import { freePort } from './ports.ts';
import { tempFolder } from './temp-folder.ts';

const executable = '/usr/sbin/mosquitto';
export const hasMosquitto = existsSync(executable);

export class Mosquitto {
  readonly url: string;
  readonly #port: number;
  readonly #config: string;
  #child: ChildProcess | undefined;

  private constructor(port: number, config: string) {
    this.#port = port;
    this.url = `mqtt://127.0.0.1:${port}`;
    this.#config = config;
  }

  /** Call it inside a test. @param settings more lines for its configuration */
  static async start(settings: readonly string[] = ['allow_anonymous true']): Promise<Mosquitto> {
    const folder = await tempFolder();
    const port = await freePort();
    const config = join(folder, 'mosquitto.conf');
    const lines = [
      `listener ${port} 127.0.0.1`,
      'persistence true',
      `persistence_location ${folder}/`,
      'max_queued_messages 0',
      'user root',
      'log_type none',
      ...settings,
    ];
    await writeFile(config, `${lines.join('\n')}\n`);
    const broker = new Mosquitto(port, config);
    await broker.restart();
    onTestFinished(() => broker.stop());
    return broker;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.#child = spawn(executable, ['-c', this.#config], { stdio: 'ignore' });
    await expect.poll(() => answers(this.#port), { timeout: 10_000 }).toBe(true);
  }

  /** It keeps what it holds for its sessions. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    await gone;
  }

  /** Makes it answer nothing any more, without closing a connection. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }
}

/** A sender with a connection of its own. */
export async function publisher(url: string) {
  const end = new AbortController();
  const session = await MqttSession.connect(
    {
      url,
      clientId: `publisher-${process.pid}-${Math.random()}`,
      protocolVersion: 4,
      clean: true,
      keepaliveS: 30,
      maxPacketBytes: 1e6,
      onMessage: () => undefined,
    },
    end.signal,
  );
  onTestFinished(() => session.destroy());
  return (topic: string, payload: string | Uint8Array) =>
    session.publish(topic, typeof payload === 'string' ? Buffer.from(payload) : payload);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
