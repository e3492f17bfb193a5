// Against ser2net, the device server of Debian.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serial } from '../sources/serial.ts';
import { cable, hasSocat } from '../testing/cable.ts';
import { freePort, portOf } from '../testing/ports.ts';
import { Puller } from '../testing/puller.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { TelnetParser } from './rfc2217.ts';

const hasSer2net = hasSocat && existsSync('/usr/sbin/ser2net');

async function ser2net(path: string, options = 'telnet(rfc2217)'): Promise<number> {
  const [folder, port] = [await tempFolder(), await freePort()];
  const config = join(folder, 'ser2net.yaml');
  const lines = [
    'connection: &line',
    `  accepter: ${options},tcp,127.0.0.1,${port}`,
    `  connector: serialdev,${path},9600n81,local`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const server = spawn('ser2net', ['-n', '-c', config, '-P', join(folder, 'pid')], { stdio: 'ignore' });
  onTestFinished(async () => {
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  });
  return port;
}

/** Tries until the server listens. */
async function pull(port: number, raw: object): Promise<Puller> {
  let puller = new Puller(serial, { serial: `rfc2217://127.0.0.1:${port}`, format: 'json', ...raw });
  await expect
    .poll(
      async () => {
        if (String(puller.error).includes('ECONNREFUSED'))
          puller = new Puller(serial, { serial: `rfc2217://127.0.0.1:${port}`, format: 'json', ...raw });
        return puller.opened > 0 || (puller.ended && !String(puller.error).includes('ECONNREFUSED'));
      },
      { timeout: 20_000, interval: 100 },
    )
    .toBe(true);
  return puller;
}

describe.skipIf(!hasSer2net)('a device server that speaks RFC 2217 (needs ser2net)', () => {
  it('sets the port as the gateway file says, and gives its readings', async () => {
    const line = await cable();
    const puller = await pull(await ser2net(line.path), { baud: 57_600, stopBits: 1 });
    expect(puller.error).toBeUndefined();
    await line.print('{"temp": 21.5}\n');
    await expect.poll(() => puller.readings).toEqual(['board/temp = 21.5']);
    await puller.end();
    expect(puller.error).toBeUndefined();
  });

  it('may hold any byte, 255 too', async () => {
    const line = await cable();
    const puller = await pull(await ser2net(line.path), { format: 'csv', columns: ['temp'] });
    await line.print(Buffer.from([0x31, 0xff, 0xff, 0x0a]));
    await expect.poll(() => puller.deadLetters).toMatchObject([{ detail: '"temp" is "1��", not a number' }]);
  });

  it('that takes no settings is told to be used by tcp://', async () => {
    const line = await cable();
    const puller = await pull(await ser2net(line.path, 'telnet'), {});
    expect(puller.error).toMatchObject({
      message: 'the device server does not take settings (RFC 2217); set them there and use tcp://',
    });
  });
});

describe('RFC 2217', () => {
  it('with a server that never answers gives up', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.resume())).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    const puller = new Puller(serial, { serial: `rfc2217://127.0.0.1:${portOf(server)}`, format: 'json' });
    await expect.poll(() => puller.ended, { timeout: 10_000 }).toBe(true);
    expect(puller.error).toMatchObject({ message: expect.stringContaining('does not answer to RFC 2217') });
    await expect.poll(() => sockets[0]?.destroyed || sockets[0]?.readableEnded).toBe(true);
  });

  it('reads the same bytes and commands however they are cut into chunks', () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => ({ data: [...bytes] })),
      fc.constantFrom(251, 252, 253, 254).map((verb) => ({ command: [255, verb, 44], said: `${verb} 44` })),
      fc.uint8Array({ minLength: 1, maxLength: 10 }).map((bytes) => ({
        command: [255, 250, ...[...bytes].flatMap((byte) => (byte === 255 ? [255, 255] : [byte])), 255, 240],
        said: `sub ${[...bytes].join(' ')}`,
      })),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), fc.integer({ min: 1, max: 7 }), (parts, size) => {
        const wire = Buffer.from(
          parts.flatMap((one) =>
            'data' in one ? one.data.flatMap((b) => (b === 255 ? [255, 255] : [b])) : one.command,
          ),
        );
        const parser = new TelnetParser();
        const [bytes, said]: [number[], string[]] = [[], []];
        for (let at = 0; at < wire.length; at += size) {
          bytes.push(
            ...parser.push(wire.subarray(at, at + size), {
              option: (verb, option) => said.push(`${verb} ${option}`),
              subnegotiation: (content) => said.push(`sub ${[...content].join(' ')}`),
            }),
          );
        }
        expect(bytes).toEqual(parts.flatMap((one) => ('data' in one ? one.data : [])));
        expect(said).toEqual(parts.flatMap((one) => ('said' in one ? [one.said] : [])));
      }),
    );
  });

  it('keeps no more of a command that never ends than it needs', () => {
    const parser = new TelnetParser();
    const handler = { option: () => undefined, subnegotiation: () => undefined };
    parser.push(Buffer.of(255, 250), handler);
    for (let round = 0; round < 100; round++) expect(parser.push(Buffer.alloc(65_536, 1), handler)).toHaveLength(0);
    const heard: number[] = [];
    parser.push(Buffer.of(255, 240), { ...handler, subnegotiation: (content) => heard.push(content.length) });
    expect(heard).toEqual([256]);
  });
});
