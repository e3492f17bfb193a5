// A scan of real things: boards on ptys, a broker, a bus with slaves, a Thing; and the gateway file that comes of it is good.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import { ServerTCP } from 'modbus-serial';
import { describe, expect, it, onTestFinished } from 'vitest';
import { guessFormat } from '../scan/guess-format.ts';
import { suggestTopics } from '../scan/mqtt-topics.ts';
import { startingFile } from '../scan/starting-file.ts';
import { cable, hasSocat } from '../testing/cable.ts';
import { hasMosquitto, Mosquitto, publisher } from '../testing/mosquitto.ts';
import { freePort, portOf } from '../testing/ports.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { kinds } from './gateway-file.ts';
import { scanCommand } from './scan.ts';

async function scan(...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  await scanCommand((line) => lines.push(...line.split('\n')))
    .exitOverride()
    .parseAsync(args, { from: 'user' });
  return lines;
}

const problemsOf = (text: string): string[] =>
  readGatewayFile(text, kinds)
    .problems.filter(({ severity }) => severity === 'error')
    .map(({ message }) => message);

describe('weir-agent scan', () => {
  it.skipIf(!hasSocat || !hasMosquitto)(
    'finds what answers, and writes a gateway file that can be run (needs socat, mosquitto)',
    async () => {
      const [board, silent] = [await cable(), await cable()];
      const printing = setInterval(
        () => void board.print('{"t":1700000000000,"temp":21.5,"rh":40}\n').catch(() => undefined),
        50,
      );
      onTestFinished(() => clearInterval(printing));
      const broker = await Mosquitto.start();
      const publish = await publisher(broker.url);
      const beats = setInterval(() => {
        for (const name of ['anna', 'ben']) void publish(`band/${name}/hr`, '72').catch(() => undefined);
      }, 50);
      onTestFinished(() => clearInterval(beats));
      const port = await freePort();
      const never = new Promise<number>(() => undefined);
      const slaves = new ServerTCP(
        { getHoldingRegister: (address: number, slave: number) => (slave === 3 ? Promise.resolve(7) : never) },
        { host: '127.0.0.1', port },
      );
      await once(slaves, 'initialized');
      onTestFinished(() => {
        for (const socket of slaves.socks.keys()) socket.destroy();
        slaves.close(() => undefined);
      });
      const thing = createServer((_, response) => {
        const form = { href: 'http://127.0.0.1/properties/temperature' };
        const temperature = { type: 'number', unit: 'celsius', forms: [form] };
        response.end(
          JSON.stringify({
            '@context': 'https://www.w3.org/2022/wot/td/v1.1',
            title: 'Boiler',
            security: 'none',
            securityDefinitions: { none: { scheme: 'nosec' } },
            properties: { temperature },
          }),
        );
      }).listen(0, '127.0.0.1');
      await once(thing, 'listening');
      onTestFinished(() => void thing.close());

      const out = join(await tempFolder(), 'gateway.yaml');
      const lines = await scan(
        '--listen',
        '--for',
        '1s',
        '--serial',
        board.path,
        '--serial',
        silent.path,
        '--mqtt',
        broker.url,
        '--modbus',
        `tcp://127.0.0.1:${port}`,
        '--slaves',
        '2-4',
        '--wot',
        `http://127.0.0.1:${portOf(thing)}/`,
        '--out',
        out,
      );
      expect(lines).toContain(`#   ${board.path}  format: json, time: t  {"t":1700000000000,"temp":21.5,"rh":40}`);
      expect(lines).toContain(`#   ${silent.path}  silent for 1 s at 115200 baud`);
      expect(lines).toContain('#   band/anna/hr  72');
      expect(lines.filter((line) => line.startsWith('#   slave'))).toEqual([
        '#   slave 3  answers; holding register 0 is 7',
      ]);
      expect(lines).toContain('#   boiler  temperature');
      const text = await readFile(out, 'utf8');
      expect(problemsOf(text)).toEqual([]);
      const { file } = readGatewayFile(text, kinds);
      expect([...(file?.signals.keys() ?? [])]).toEqual(['temp', 'rh', 'hr', 'temperature']);
      expect([...(file?.sources.keys() ?? [])]).toEqual(['agent', 'band', 'boiler']);
      expect(text).toContain('temperature: { from: "boiler.temperature", unit: "°C" }');
      await expect(scan('--out', out)).rejects.toThrow('is there already; name another file');
    },
  );

  it('says what cannot be reached, and goes on', async () => {
    const port = await freePort();
    const lines = await scan(
      '--mqtt',
      `mqtt://127.0.0.1:${port}`,
      '--modbus',
      `tcp://127.0.0.1:${port}`,
      '--wot',
      `http://127.0.0.1:${port}/`,
      '--for',
      '10ms',
    );
    expect(lines.filter((line) => line.includes('ECONNREFUSED')).length).toBeGreaterThanOrEqual(2);
    expect(problemsOf(lines.filter((line) => !line.startsWith('#')).join('\n'))).toEqual([]);
  });

  it.each([
    [['--mqtt', '10.0.0.5'], '--mqtt 10.0.0.5: write it like mqtt://10.0.0.5'],
    [['--wot', 'ftp://x'], '--wot ftp://x: write it like http://10.0.0.5'],
    [['--modbus', 'somewhere'], '--modbus somewhere: write tcp://host:502'],
    [['--serial', 'COM1'], '--serial COM1: write a path'],
  ])('%j is refused', async (args, message) => {
    await expect(scan(...args)).rejects.toThrow(message);
  });
});

describe('the format of a board', () => {
  it.each([
    [['{"temp":1,"name":"x"}', 'boot'], undefined],
    [['{"ts":1,"temp":1,"name":"x","on":true}', '{"ts":2,"temp":2}'], 'format: json, time: ts | temp on'],
    [['temp=1 rh=2', 'boot', 'temp=1 rh=3'], 'format: kv | temp rh'],
    [['1700000000000,1,2.5', '1700000000001,1,2.5'], 'format: csv, columns: [t, c2, c3], time: t | c2 c3'],
    [['1;2', '3;4'], 'format: csv, columns: [c1, c2], separator: ";" | c1 c2'],
    [['$IIMTW,17.9,C*00', '$WIXDR,C,31.4,C,tank*00'], 'format: nmea | MTW.temperature XDR.tank'],
    [['[{"bn":"a:","n":"temp","v":1},{"n":"rh","v":2}]'], 'format: senml | temp rh'],
    [['hello', 'world'], undefined],
    [[], undefined],
  ])('%j is %s', (lines, expected) => {
    const guessed = guessFormat(lines);
    expect(guessed && `${guessed.keys} | ${guessed.channels.map(({ channel }) => channel).join(' ')}`).toBe(expected);
  });
});

describe('the topics of a broker', () => {
  const suggested = (heard: Record<string, string>): string[] => {
    const sources = suggestTopics('mqtt://b', new Map(Object.entries(heard)));
    expect(problemsOf(startingFile('g', [{ what: '', lines: [], sources }]))).toEqual([]);
    return sources.map(
      ({ name, entry, channels }) => `${name}: ${entry} ${channels.map(({ channel }) => channel).join(' ')}`,
    );
  };

  it('that differ in one or two levels are one source', () => {
    expect(suggested({ 'band/anna/hr': '72', 'band/ben/hr': '80', 'band/ben/steps': '5' })).toEqual([
      'band: { mqtt: "mqtt://b", topics: ["band/{device}/{signal}"] } hr steps',
    ]);
    expect(
      suggested({ 'tele/plug-1/SENSOR': '{"Time":"x","power":5}', 'tele/plug-2/SENSOR': '{"Time":"x","power":7}' }),
    ).toEqual(['tele: { mqtt: "mqtt://b", topics: ["tele/{device}/SENSOR"] } power']);
  });

  it('of Sparkplug are named, and text is passed over', () => {
    expect(suggested({ 'spBv1.0/plant/NDATA/press': 'x', 'log/info': 'started', 'weir/v1/x/status': '1' })).toEqual([
      'plant: { mqtt: "mqtt://b", topics: ["spBv1.0/plant/#"], format: sparkplug } ',
    ]);
  });
});
