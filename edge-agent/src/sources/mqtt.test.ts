import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Health } from '../health.ts';
import { AedesBroker } from '../testing/aedes.ts';
import { hasMosquitto, Mosquitto, publisher } from '../testing/mosquitto.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { Puller } from '../testing/puller.ts';
import { Router } from './router.ts';
import { mqtt } from './mqtt.ts';
import { supervise } from './supervisor.ts';
import { systemClock } from '../time/clock.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';

const topics = ['plant/{device}/{signal}'];
const range = (from: number, until: number): number[] =>
  Array.from({ length: until - from }, (_, index) => from + index);
const named = (numbers: readonly number[]): string[] => numbers.map((number) => `press/temp = ${number}`);

async function publishAll(broker: { url: string }, numbers: readonly number[]): Promise<void> {
  const publish = await publisher(broker.url);
  await Promise.all(numbers.map((number) => publish('plant/press/temp', String(number))));
}

describe.skipIf(!hasMosquitto)('the mqtt source with mosquitto', () => {
  it('gives readings of device and signal out of topic and payload', async () => {
    const broker = await Mosquitto.start();
    const puller = new Puller(mqtt, { mqtt: broker.url, topics: [...topics, 'boards/{device}'], time: 't' });
    await expect.poll(() => puller.opened).toBe(1);
    const publish = await publisher(broker.url);
    await publish('plant/press/temp', '{"t": 1700000000000, "value": 21.5}');
    await publish('boards/oven', '{"t": "2023-11-14T22:13:20Z", "temp": 180, "rh": 3}');
    await expect.poll(() => puller.readings).toEqual(['press/temp = 21.5', 'oven/temp = 180', 'oven/rh = 3']);
    expect(puller.deliveries.flatMap(({ readings }) => readings.map(({ time }) => time))).toEqual(
      Array.from({ length: 3 }, () => 1_700_000_000_000),
    );
  });

  it('takes hundreds of messages without acknowledging one, and gets them again until it has', async () => {
    const broker = await Mosquitto.start();
    const first = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => first.opened).toBe(1);
    await publishAll(broker, range(0, 500));
    await expect.poll(() => first.readings.length, { timeout: 10_000 }).toBe(500);
    expect(first.deliveries.map(({ attempt }) => attempt)).not.toContain('again');
    await first.end();

    const second = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => second.readings.length, { timeout: 10_000 }).toBe(500);
    expect(second.readings).toEqual(first.readings);
    expect(new Set(second.deliveries.map(({ attempt }) => attempt))).toEqual(new Set(['again']));
    second.ackAll();
    await second.end();

    const third = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => third.opened).toBe(1);
    await publishAll(broker, [7777]);
    await expect.poll(() => third.readings).toEqual(named([7777]));
    expect(third.deliveries[0]?.attempt).toBe('first');
  });

  it('acknowledges one delivery without those before and after it', async () => {
    const broker = await Mosquitto.start();
    const first = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => first.opened).toBe(1);
    for (const number of [1, 2, 3]) {
      await publishAll(broker, [number]);
      await expect.poll(() => first.deliveries.length).toBe(number);
    }
    first.deliveries[1]?.ack();
    await first.end();
    const second = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => second.readings).toEqual(named([1, 3]));
  });

  it('keeps repeated and new messages in deliveries of their own', async () => {
    const broker = await Mosquitto.start();
    const first = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => first.opened).toBe(1);
    await publishAll(broker, range(0, 10));
    await expect.poll(() => first.readings.length).toBe(10);
    await first.end();
    await publishAll(broker, range(10, 20));
    const second = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => second.readings).toEqual(named(range(0, 20)));
    const attempts = second.deliveries.flatMap(({ attempt, readings }) => readings.map(() => attempt));
    expect(attempts).toEqual([...range(0, 10).map(() => 'again'), ...range(10, 20).map(() => 'first')]);
  });

  it('hurries the commit when a 3.1.1 broker holds back for want of acks', async () => {
    const broker = await Mosquitto.start();
    const puller = new Puller(mqtt, { mqtt: broker.url, topics, version: '3.1.1' });
    await expect.poll(() => puller.opened).toBe(1);
    await publishAll(broker, range(0, 100));
    await expect.poll(() => puller.readings.length).toBe(20);
    await expect.poll(() => puller.hurried).toBeGreaterThan(0);
    expect(puller.readings.length, 'mosquitto waits for acks').toBe(20);
    const hurried = puller.hurried;
    while (puller.readings.length < 100) {
      const before = puller.readings.length;
      puller.ackAll();
      await expect.poll(() => puller.readings.length).toBeGreaterThan(before);
    }
    expect(puller.hurried).toBeGreaterThan(hurried);
    expect(puller.readings).toEqual(named(range(0, 100)));
  });

  it('never hurries a broker that speaks MQTT 5', async () => {
    const broker = await Mosquitto.start();
    const puller = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => puller.opened).toBe(1);
    await publishAll(broker, range(0, 100));
    await expect.poll(() => puller.readings.length).toBe(100);
    expect(puller.hurried).toBe(0);
  });

  it('stops reading from the broker while nobody pulls', async () => {
    const broker = await Mosquitto.start();
    const puller = new Puller(mqtt, { mqtt: broker.url, topics }, { paused: true });
    await expect.poll(() => puller.opened).toBe(1);
    await publishAll(broker, [0]);
    await expect.poll(() => puller.deliveries.length).toBe(1);
    await publishAll(broker, range(1, 19_000));
    puller.resume();
    await expect.poll(() => puller.readings.length, { timeout: 20_000 }).toBe(19_000);
    // What is read when the limit is reached comes in with the chunk it is in.
    expect(Math.max(...puller.deliveries.map(({ readings }) => readings.length))).toBeLessThan(14_000);
    expect(puller.readings).toEqual(named(range(0, 19_000)));
  });

  it('turns what is no reading into dead letters, which are acknowledged like readings', async () => {
    const broker = await Mosquitto.start();
    const puller = new Puller(mqtt, { mqtt: broker.url, topics: [...topics, 'elsewhere'] });
    await expect.poll(() => puller.opened).toBe(1);
    const publish = await publisher(broker.url);
    await publish('plant/press/temp', 'garbage');
    await publish('plant/press/noise', '4');
    await publish('plant/press/temp', new Uint8Array([0xff, 0x00]));
    await publish('plant/a b/temp', '5');
    await publish('elsewhere', '{"pressure": 5}');
    await publish('plant/press/temp', '6');
    await expect.poll(() => puller.readings).toEqual(named([6]));
    expect(puller.deadLetters.map(({ reason, where }) => `${reason}: ${where}`)).toEqual([
      'malformed: board press',
      'unmapped: board press',
      'malformed: board press',
      'unmapped: board a b',
      'unmapped: board',
    ]);
    puller.ackAll();
    await puller.end();
    const second = new Puller(mqtt, { mqtt: broker.url, topics: [...topics, 'elsewhere'] });
    await expect.poll(() => second.opened).toBe(1);
    await publish('plant/press/temp', '7');
    await expect.poll(() => second.readings).toEqual(named([7]));
    expect(second.deadLetters).toEqual([]);
  });

  it('is not stopped by a message it will not read: a dead letter, and not sent again', async () => {
    const broker = await Mosquitto.start();
    const config = { mqtt: broker.url, topics, version: '3.1.1' };
    const puller = new Puller(mqtt, config);
    await expect.poll(() => puller.opened).toBe(1);
    const publish = await publisher(broker.url);
    await publish('plant/press/temp', '1');
    await publish('plant/press/temp', 'x'.repeat(2_000_000));
    await publish('plant/press/temp', '2');
    await expect.poll(() => puller.readings).toEqual(named([1, 2]));
    expect(puller.deadLetters).toMatchObject([
      {
        reason: 'malformed',
        where: 'board plant/press/temp',
        detail: 'a message of 2000020 bytes; at most 1048576 are read',
      },
    ]);
    puller.ackAll();
    await puller.end();
    const second = new Puller(mqtt, config);
    await expect.poll(() => second.opened).toBe(1);
    await publish('plant/press/temp', '3');
    await expect.poll(() => second.readings).toEqual(named([3]));
    expect(second.deadLetters).toEqual([]);
  });

  it('comes back after a restart of the broker, with what was sent meanwhile and what was not acknowledged', async () => {
    const broker = await Mosquitto.start();
    const values: number[] = [];
    const health = new Health(
      () => 0,
      () => undefined,
    );
    const isUp = (): boolean | undefined => health.all()[0]?.up;
    const series = new SeriesTable(10);
    const source = mqtt.make(
      { kind: 'mqtt', raw: { mqtt: broker.url, topics } },
      {
        id: 'board',
        gateway: 'bench',
        base: '/',
        data: '/',
        clock: systemClock,
        router: new Router(new Map([['temp', 'temp']]), series),
        random: () => 0,
        device: () => undefined,
        opened: () => health.up('source board'),
        trouble: () => undefined,
        hurry: () => undefined,
      },
    );
    const end = new AbortController();
    const supervised = supervise(
      {
        id: 'board',
        source,
        health,
        clock: systemClock,
        random: () => 0,
        take: async ({ readings, ack }) => {
          values.push(...readings.map(({ value }) => value));
          if (!values.includes(1) || values.length > 2) ack();
        },
      },
      end.signal,
    );
    onTestFinished(async () => {
      end.abort();
      await supervised;
    });
    await expect.poll(isUp).toBe(true);
    await publishAll(broker, [0]);
    await expect.poll(() => values).toEqual([0]);
    await publishAll(broker, [1]);
    await expect.poll(() => values).toEqual([0, 1]);
    await broker.stop();
    await expect.poll(isUp).toBe(false);
    await broker.restart();
    await expect.poll(isUp, { timeout: 10_000 }).toBe(true);
    await publishAll(broker, [2]);
    await expect.poll(() => values).toEqual([0, 1, 1, 2]);
  });

  it('says what the broker does not grant', async () => {
    const broker = await Mosquitto.start(['allow_anonymous false', 'password_file /dev/null']);
    const puller = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => puller.ended).toBe(true);
    expect(String(puller.error)).toContain('not authorised');
    expect(puller.opened).toBe(0);
  });
});

describe.skipIf(!hasMosquitto)('the mqtt source at every quality of service', () => {
  /** A publisher by MQTT.js, at any quality of service. */
  async function sender(
    url: string,
  ): Promise<(topic: string, payload: string | Buffer, qos: 0 | 1 | 2) => Promise<unknown>> {
    const { hostname, port } = new URL(url);
    const client = await connectAsync({ host: hostname, port: Number(port), protocol: 'mqtt' });
    onTestFinished(() => client.endAsync(true));
    return (topic, payload, qos) => client.publishAsync(topic, payload, { qos });
  }

  it.each([['5'], ['3.1.1']] as const)(
    'takes messages of QoS 2 once, also after a cut link, by MQTT %s',
    async (version) => {
      const broker = await Mosquitto.start();
      const raw = { mqtt: broker.url, topics, qos: 2, version };
      const first = new Puller(mqtt, raw);
      await expect.poll(() => first.opened).toBe(1);
      const publish = await sender(broker.url);
      for (const number of [1, 2, 3]) await publish('plant/press/temp', String(number), 2);
      await expect.poll(() => first.readings).toEqual(named([1, 2, 3]));
      first.deliveries[0]?.ack();
      await first.end();
      const second = new Puller(mqtt, raw);
      await expect.poll(() => second.readings.length).toBeGreaterThanOrEqual(2);
      const delivered = first.deliveries[0]?.readings.length ?? 0;
      expect(second.readings).toEqual(named([1, 2, 3].slice(delivered)));
      second.ackAll();
      for (const number of range(4, 60)) await publish('plant/press/temp', String(number), 2);
      await expect
        .poll(
          () => {
            second.ackAll();
            return second.readings.length;
          },
          { timeout: 10_000 },
        )
        .toBe(3 - delivered + 56);
      await second.end();
      const third = new Puller(mqtt, raw);
      await expect.poll(() => third.opened).toBe(1);
      await publish('plant/press/temp', '99', 2);
      await expect.poll(() => third.readings.at(-1)).toBe('press/temp = 99');
    },
  );

  it('takes messages of QoS 0 as they come', async () => {
    const broker = await Mosquitto.start();
    const puller = new Puller(mqtt, { mqtt: broker.url, topics, qos: 0 });
    await expect.poll(() => puller.opened).toBe(1);
    const publish = await sender(broker.url);
    for (const number of [1, 2]) await publish('plant/press/temp', String(number), 1);
    await expect.poll(() => puller.readings).toEqual(named([1, 2]));
  });

  it('shares a subscription with the others of its group', async () => {
    const broker = await Mosquitto.start();
    const raw = { mqtt: broker.url, topics, share: 'agents' };
    const [one, two] = [new Puller(mqtt, { ...raw, clientId: 'one' }), new Puller(mqtt, { ...raw, clientId: 'two' })];
    await expect.poll(() => one.opened + two.opened).toBe(2);
    await publishAll(broker, range(0, 40));
    await expect.poll(() => one.readings.length + two.readings.length).toBe(40);
    expect([...one.readings, ...two.readings].toSorted()).toEqual(named(range(0, 40)).toSorted());
    expect(one.readings.length).toBeGreaterThan(0);
    expect(two.readings.length).toBeGreaterThan(0);
  });

  it('asks a Sparkplug node it knows nothing of to be born again', async () => {
    const broker = await Mosquitto.start();
    const heard: string[] = [];
    const { hostname, port } = new URL(broker.url);
    const node = await connectAsync({ host: hostname, port: Number(port), protocol: 'mqtt' });
    onTestFinished(() => node.endAsync(true));
    await node.subscribeAsync('spBv1.0/plant/NCMD/press', { qos: 1 });
    node.on('message', (topic) => heard.push(topic));
    const puller = new Puller(mqtt, { mqtt: broker.url, topics: ['spBv1.0/plant/#'], format: 'sparkplug' });
    await expect.poll(() => puller.opened).toBe(1);
    // One metric: alias 1, a double of 21.
    const metric = Buffer.from('1001200a690000000000003540', 'hex');
    await node.publishAsync('spBv1.0/plant/NDATA/press', Buffer.concat([Buffer.of(0x12, metric.length), metric]), {
      qos: 0,
    });
    await expect.poll(() => heard).toEqual(['spBv1.0/plant/NCMD/press']);
    const named = Buffer.concat([Buffer.from('0a0474656d70', 'hex'), metric]);
    await node.publishAsync('spBv1.0/plant/NBIRTH/press', Buffer.concat([Buffer.of(0x12, named.length), named]), {
      qos: 0,
    });
    await node.publishAsync('spBv1.0/plant/NDATA/press', Buffer.concat([Buffer.of(0x12, metric.length), metric]), {
      qos: 0,
    });
    await expect.poll(() => puller.readings).toEqual(['press/temp = 21', 'press/temp = 21']);
  });
});

describe.skipIf(!hasMosquitto || !existsSync('/usr/bin/openssl'))('the mqtt source over TLS (needs openssl)', () => {
  async function certificates(): Promise<{ ca: string; cert: string; key: string }> {
    const folder = await tempFolder();
    const [ca, cert, key] = [join(folder, 'ca.pem'), join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      ca,
      '-days',
      '2',
      '-subj',
      '/CN=Plant',
    );
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      'cert.csr',
      '-subj',
      '/CN=gateway',
    );
    await writeFile(join(folder, 'san'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
    openssl(
      'x509',
      '-req',
      '-in',
      'cert.csr',
      '-CA',
      ca,
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-out',
      cert,
      '-days',
      '2',
      '-extfile',
      'san',
    );
    return { ca, cert, key };
  }

  it('trusts whom it is told to, and shows its own certificate', async () => {
    const { ca, cert, key } = await certificates();
    const settings = [
      `cafile ${ca}`,
      `certfile ${cert}`,
      `keyfile ${key}`,
      'require_certificate true',
      'use_identity_as_username true',
      'allow_anonymous true',
    ];
    const broker = await Mosquitto.start(settings);
    const url = broker.url.replace('mqtt:', 'mqtts:');
    const puller = new Puller(mqtt, { mqtt: url, topics, ca, cert, key });
    await expect.poll(() => puller.opened).toBe(1);
    const stranger = new Puller(mqtt, { mqtt: url, topics, cert, key, clientId: 'stranger' });
    await expect
      .poll(() => stranger.error)
      .toMatchObject({
        message: "nobody we trust vouches for the broker's certificate: say ca: with the file of its authority",
      });
    const nobody = new Puller(mqtt, { mqtt: url, topics, ca, clientId: 'nobody' });
    await expect.poll(() => nobody.ended).toBe(true);
    expect(nobody.opened).toBe(0);
    const lost = new Puller(mqtt, { mqtt: url, topics, ca: `${ca}.gone` });
    await expect.poll(() => lost.error).toMatchObject({ code: 'ENOENT' });
  });
});

describe('the mqtt source with a broker that speaks 3.1.1 only', () => {
  it('falls back to it', async () => {
    const broker = await AedesBroker.start();
    const puller = new Puller(mqtt, { mqtt: broker.url, topics });
    await expect.poll(() => puller.opened).toBe(1);
    await publishAll(broker, range(0, 30));
    await expect.poll(() => puller.readings).toEqual(named(range(0, 30)));
    await expect.poll(() => puller.hurried).toBeGreaterThan(0);
  });

  it('does not when told to speak 5', async () => {
    const broker = await AedesBroker.start();
    const puller = new Puller(mqtt, { mqtt: broker.url, topics, version: '5' });
    await expect.poll(() => puller.ended).toBe(true);
    expect(puller.error).toBeInstanceOf(Error);
    expect(puller.readings).toEqual([]);
  });

  it('gets again what it did not acknowledge', async () => {
    const broker = await AedesBroker.start();
    const first = new Puller(mqtt, { mqtt: broker.url, topics, version: '3.1.1' });
    await expect.poll(() => first.opened).toBe(1);
    await publishAll(broker, [1, 2]);
    await expect.poll(() => first.readings).toEqual(named([1, 2]));
    await first.end();
    const second = new Puller(mqtt, { mqtt: broker.url, topics, version: '3.1.1' });
    await expect.poll(() => second.readings).toEqual(named([1, 2]));
    second.ackAll();
  });
});
