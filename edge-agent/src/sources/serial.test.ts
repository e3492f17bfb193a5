import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Health } from '../health.ts';
import { Cable, cable, hasSocat } from '../testing/cable.ts';
import { freePort, portOf } from '../testing/ports.ts';
import { Puller } from '../testing/puller.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { systemClock } from '../time/clock.ts';
import { Router } from './router.ts';
import { serial } from './serial.ts';
import { supervise } from './supervisor.ts';

/** Runs the source as the agent does. */
function supervised(raw: object) {
  const values: number[] = [];
  const health = new Health(
    () => 0,
    () => undefined,
  );
  const source = serial.make(
    { kind: 'serial', raw },
    {
      id: 'board',
      gateway: 'bench',
      base: '/',
      data: '/',
      clock: systemClock,
      router: new Router(new Map([['temp', 'temp']]), new SeriesTable(10)),
      random: () => 0,
      opened: () => health.up('source board'),
      device: () => undefined,
      trouble: () => undefined,
      hurry: () => undefined,
    },
  );
  const end = new AbortController();
  const take = async ({ readings }: { readings: readonly { value: number }[] }): Promise<void> =>
    void values.push(...readings.map(({ value }) => value));
  const done = supervise({ id: 'board', source, health, clock: systemClock, random: () => 0, take }, end.signal);
  onTestFinished(async () => {
    end.abort();
    await done;
  });
  return { values, health: () => health.all()[0] };
}

describe.skipIf(!hasSocat)('a serial line on a pty', () => {
  it('gives the readings of JSON lines, whole and in pieces', async () => {
    const line = await cable();
    const puller = new Puller(serial, { serial: line.path, format: 'json' });
    await expect.poll(() => puller.opened).toBe(1);
    await line.print('{"temp": 21.5, "rh": 40}\n{"temp":');
    await expect.poll(() => puller.readings).toEqual(['board/temp = 21.5', 'board/rh = 40']);
    await line.print(' 22}\r\n');
    await expect.poll(() => puller.readings.at(-1)).toBe('board/temp = 22');
    expect(new Set(puller.deliveries.map(({ attempt }) => attempt))).toEqual(new Set(['only']));
    await puller.end();
    expect(puller.error).toBeUndefined();
  });

  it('gives the readings of CSV lines, with the name of the device', async () => {
    const line = await cable();
    const raw = {
      serial: line.path,
      format: 'csv',
      columns: ['t', 'temp', '-'],
      separator: ';',
      time: 't',
      timeUnit: 's',
      device: 'press',
    };
    const puller = new Puller(serial, raw);
    await expect.poll(() => puller.opened).toBe(1);
    await line.print('1700000000;61.2;x\nboot\n');
    await expect.poll(() => puller.deadLetters.length).toBe(1);
    expect(puller.readings).toEqual(['press/temp = 61.2']);
    expect(puller.deliveries[0]?.readings[0]?.time).toBe(1_700_000_000_000);
    expect(puller.deadLetters[0]).toMatchObject({ reason: 'malformed', where: 'board press', sample: 'boot' });
  });

  it.each(['cobs', 'slip'] as const)('gives the readings of CBOR in %s with a checksum', async (framing) => {
    const line = await cable();
    const puller = new Puller(serial, { serial: line.path, format: 'cbor', framing, crc: 'crc16' });
    await expect.poll(() => puller.opened).toBe(1);
    // {"temp": 21} with its CRC-16 behind it, stuffed; and once more with one bit changed.
    const payload = Buffer.from('a16474656d7015', 'hex');
    const frame = Buffer.concat([payload, Buffer.from('37f9', 'hex')]);
    const [start, end] = framing === 'cobs' ? [frame.length + 1, 0] : [192, 192];
    await line.print(Buffer.from([start, ...frame, end]));
    await expect.poll(() => puller.readings).toEqual(['board/temp = 21']);
    frame[1] = 0x65;
    await line.print(Buffer.from([start, ...frame, end]));
    await expect.poll(() => puller.deadLetters.length).toBe(1);
    expect(puller.deadLetters[0]).toMatchObject({ detail: 'wrong crc16: bytes were changed on the way' });
  });

  it('is let go of when the source is closed, and can be opened again', async () => {
    const line = await cable();
    for (let round = 1; round <= 3; round++) {
      const puller = new Puller(serial, { serial: line.path, format: 'json' });
      await expect.poll(() => puller.opened).toBe(1);
      await line.print(`{"temp": ${round}}\n`);
      await expect.poll(() => puller.readings).toEqual([`board/temp = ${round}`]);
      await puller.end();
      expect(puller.error).toBeUndefined();
    }
  });

  it('that is closed while it opens is let go of', async () => {
    const line = await cable();
    for (let round = 1; round <= 3; round++) await new Puller(serial, { serial: line.path, format: 'json' }).end();
    const puller = new Puller(serial, { serial: line.path, format: 'json' });
    await expect.poll(() => puller.opened).toBe(1);
  });

  it('that another program has says so', async () => {
    const line = await cable();
    const first = new Puller(serial, { serial: line.path, format: 'json' });
    await expect.poll(() => first.opened).toBe(1);
    const second = new Puller(serial, { serial: line.path, format: 'json' });
    await expect.poll(() => second.error).toMatchObject({ message: `${line.path} is in use by another program` });
  });

  it('drops a line that never ends and says what may be wrong', async () => {
    const line = await cable();
    const puller = new Puller(serial, { serial: line.path, format: 'json' });
    await expect.poll(() => puller.opened).toBe(1);
    for (let kilobytes = 0; kilobytes < 70; kilobytes += 2) await line.print('x'.repeat(2048));
    await expect.poll(() => puller.deadLetters.length).toBe(1);
    await line.print('\n{"temp": 1}\n');
    await expect.poll(() => puller.readings).toEqual(['board/temp = 1']);
    expect(puller.deadLetters).toMatchObject([
      { reason: 'malformed', detail: 'line longer than 65536 bytes; wrong baud rate?' },
    ]);
  });

  it('is down when unplugged, and up again when it is back', async () => {
    const line = await cable();
    const { values, health } = supervised({ serial: line.path, format: 'json' });
    await expect.poll(() => health()?.up).toBe(true);
    await line.print('{"temp": 1}\n');
    await expect.poll(() => values).toEqual([1]);
    await line.unplug();
    await expect.poll(() => health()).toMatchObject({ up: false });
    expect(health()?.detail).not.toBe('');
    await line.plugIn();
    await expect.poll(() => health()?.up, { timeout: 20_000 }).toBe(true);
    await line.print('{"temp": 2}\n');
    await expect.poll(() => values).toEqual([1, 2]);
  });

  it('that is not there yet is tried until it is', async () => {
    const folder = await tempFolder();
    const line = new Cable(folder);
    onTestFinished(() => line.unplug());
    const { values, health } = supervised({ serial: line.path, format: 'json' });
    await expect.poll(() => health()?.detail).toMatch(/No such file or directory; is it plugged in\?/);
    await line.plugIn();
    await expect.poll(() => health()?.up, { timeout: 20_000 }).toBe(true);
    await line.print('{"temp": 3}\n');
    await expect.poll(() => values).toEqual([3]);
  });
});

describe('a serial line behind a device server', () => {
  async function deviceServer(port = 0): Promise<{ server: Server; url: string; sockets: Socket[] }> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(port, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return { server, url: `tcp://127.0.0.1:${portOf(server)}`, sockets };
  }

  it('gives readings, and says so when the far end hangs up', async () => {
    const { url, sockets } = await deviceServer();
    const puller = new Puller(serial, { serial: url, format: 'json' });
    await expect.poll(() => puller.opened).toBe(1);
    sockets[0]?.write('{"temp": 5}\n');
    await expect.poll(() => puller.readings).toEqual(['board/temp = 5']);
    sockets[0]?.end();
    await expect.poll(() => puller.ended).toBe(true);
    expect(puller.error).toMatchObject({ message: `${url} closed: unplugged, or the far end hung up` });
  });

  it('is opened again when the server is back', async () => {
    const first = await deviceServer();
    const { values, health } = supervised({ serial: first.url, format: 'json' });
    await expect.poll(() => health()?.up).toBe(true);
    first.server.close();
    for (const socket of first.sockets) socket.destroy();
    await expect.poll(() => health()?.detail).toMatch(/ECONNREFUSED/);
    const second = await deviceServer(Number(new URL(first.url).port));
    await expect.poll(() => health()?.up, { timeout: 20_000 }).toBe(true);
    second.sockets[0]?.write('{"temp": 6}\n');
    await expect.poll(() => values).toEqual([6]);
  });

  it('stops reading while nobody pulls', async () => {
    const { url, sockets } = await deviceServer();
    const puller = new Puller(serial, { serial: url, format: 'json' }, { paused: true });
    await expect.poll(() => sockets.length).toBe(1);
    const line = Buffer.from(`{"temp": 1, "filling": "${'x'.repeat(1000)}"}\n`);
    const megabytes = Buffer.concat(Array.from({ length: 16_000 }, () => line));
    let sent = false;
    sockets[0]?.write(megabytes, () => (sent = true));
    await expect.poll(() => puller.deliveries.length).toBe(1);
    expect(sent, 'buffers of the operating system are smaller than 16 MB').toBe(false);
    puller.resume();
    await expect.poll(() => puller.readings.length, { timeout: 20_000 }).toBe(16_000);
    expect(sent).toBe(true);
  });

  it('may be closed at any moment: while connecting, while reading', async () => {
    const { url, sockets } = await deviceServer();
    const reading = new Puller(serial, { serial: url, format: 'json' });
    await expect.poll(() => reading.opened).toBe(1);
    await reading.end();
    expect(reading.error).toBeUndefined();
    await expect.poll(() => sockets[0]?.destroyed || sockets[0]?.readableEnded).toBe(true);

    // Nobody answers here any more, and the refusal comes when nobody waits for it.
    const connecting = new Puller(serial, { serial: `tcp://127.0.0.1:${await freePort()}`, format: 'json' });
    await connecting.end();
    expect(connecting.opened).toBe(0);
    const accepted = new Puller(serial, { serial: url, format: 'json' });
    await accepted.end();
    await expect.poll(() => sockets.every((socket) => socket.destroyed || socket.readableEnded)).toBe(true);
  });
});
