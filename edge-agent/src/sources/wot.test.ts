import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { thingProcesses } from '../testing/children.ts';
import { freePort, portOf } from '../testing/ports.ts';
import { Puller } from '../testing/puller.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { TestThing } from '../testing/things.ts';
import { wot, wotKind } from './wot.ts';

const patient = { timeout: 15_000 };

const boiler = {
  title: 'Boiler of Hall 3',
  properties: {
    temperature: { type: 'number' as const, unit: 'celsius', minimum: -20, maximum: 120, readOnly: true },
    burning: { type: 'boolean' as const, readOnly: true },
    pressure: { type: 'number' as const, readOnly: true, observable: true },
    flow: {
      type: 'object' as const,
      readOnly: true,
      properties: { in: { type: 'number' as const }, out: { type: 'number' as const } },
    },
  },
  events: { overheated: { data: { type: 'object' as const, properties: { by: { type: 'number' as const } } } } },
};
const values = { temperature: 61.5, burning: true, pressure: 1.5, flow: { in: 3.5, out: 3 } };
const plain = {
  title: 'Lamp',
  properties: { level: { type: 'number', forms: [{ href: 'http://127.0.0.1:9/level' }] } },
};

async function fileOf(description: unknown): Promise<string> {
  const path = join(await tempFolder(), 'thing.td.json');
  await writeFile(path, typeof description === 'string' ? description : JSON.stringify(description));
  return path;
}

/** An HTTP server that answers by path. */
async function site(
  pages: Readonly<Record<string, unknown>>,
  check: (authorization: string, url: string) => boolean = () => true,
  port = 0,
) {
  const server = createServer((request, response) => {
    const page = pages[request.url ?? ''];
    if (!check(request.headers.authorization ?? '', request.url ?? '')) response.writeHead(401).end();
    else if (page === undefined) response.writeHead(404).end();
    else {
      response.setHeader('content-type', 'application/json');
      response.end(typeof page === 'string' ? page : JSON.stringify(page));
    }
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${portOf(server)}`;
}

describe('a Thing behind HTTP', () => {
  it('is polled by its Thing Description in a file: numbers, booleans, and fields of objects', async () => {
    const thing = await TestThing.start(boiler, values);
    const source = new Puller(
      wot,
      { wot: await fileOf(thing.description), poll: '100ms' },
      { channels: ['temperature', 'burning', 'flow.in'] },
    );
    await expect
      .poll(() => source.readings.slice(0, 3).toSorted(), patient)
      .toEqual([
        'boiler-of-hall-3/burning = 1',
        'boiler-of-hall-3/flow.in = 3.5',
        'boiler-of-hall-3/temperature = 61.5',
      ]);
    await expect.poll(() => source.opened).toBeGreaterThan(0);
    thing.set('temperature', 62);
    await expect.poll(() => source.readings).toContain('boiler-of-hall-3/temperature = 62');
    expect([source.error, source.deadLetters]).toEqual([undefined, []]);
  });

  it('is observed, and its events are taken: what it says by itself is there before the next poll', async () => {
    const thing = await TestThing.start(boiler, values);
    const source = new Puller(
      wot,
      { wot: await fileOf(thing.description), poll: '1h', refresh: '1h', device: 'boiler' },
      { channels: ['pressure', 'overheated', 'overheated.by'] },
    );
    await expect.poll(() => source.readings, patient).toEqual(['boiler/pressure = 1.5']);
    let pressure = 1.5;
    await expect
      .poll(() => {
        // A long poll sees what changes while it waits.
        thing.change('pressure', (pressure += 1));
        return source.readings.length;
      }, patient)
      .toBeGreaterThan(3);
    await expect
      .poll(() => {
        thing.emit('overheated', { by: 4 });
        return source.readings;
      }, patient)
      .toEqual(expect.arrayContaining(['boiler/overheated = 1', 'boiler/overheated.by = 4']));
  });

  it('is asked for what it is observed for no more often than refresh says', async () => {
    let asked = 0;
    const server = createServer((request, response) => {
      if (request.url === '/changes') response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n');
      else response.end(String(request.url === '/level' ? (asked += 1) : 0));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const description = {
      title: 'Tank',
      base: `http://127.0.0.1:${portOf(server)}/`,
      properties: {
        level: { forms: [{ href: 'level' }, { href: 'changes', op: 'observeproperty', subprotocol: 'sse' }] },
        other: { forms: [{ href: 'other' }] },
      },
    };
    const source = new Puller(
      wot,
      { wot: await fileOf(description), poll: '20ms', refresh: '1s' },
      { channels: ['level', 'other'] },
    );
    await expect.poll(() => asked, patient).toBeGreaterThan(1);
    const [before, others] = [asked, source.readings.length];
    await expect.poll(() => asked, patient).toBe(before + 2);
    expect(source.readings.length - others).toBeGreaterThan(10);
  });

  it('is read and subscribed again after a restart in which it forgot who listens', async () => {
    const thing = await TestThing.start(boiler, values);
    const source = new Puller(
      wot,
      { wot: await fileOf(thing.description), poll: '100ms', refresh: '1h' },
      { channels: ['temperature', 'overheated'] },
    );
    const told = (): number => source.readings.filter((line) => line.includes('overheated')).length;
    const tell = (): number => {
      thing.emit('overheated', {});
      return told();
    };
    await expect.poll(tell, patient).toBeGreaterThan(0);
    await thing.stop();
    await expect.poll(() => source.trouble, patient).toContain('boiler-of-hall-3 does not give temperature');
    await thing.restart();
    const before = told();
    await expect.poll(tell, patient).toBeGreaterThan(before);
    await expect.poll(() => source.trouble, patient).toBeUndefined();
    expect(source.error).toBeUndefined();
  });

  it('that has not some of its properties gives the others', async () => {
    const absent = Object.fromEntries(
      Array.from({ length: 6 }, (_, index) => [`a${index}`, { type: 'number', forms: [{ href: `a${index}` }] }]),
    );
    const url = await site({ '/level': 4 });
    const description = {
      title: 'Tank',
      base: `${url}/`,
      properties: { ...absent, level: { type: 'number', forms: [{ href: 'level' }] } },
    };
    const source = new Puller(
      wot,
      { wot: await fileOf(description), poll: '50ms' },
      { channels: [...Object.keys(absent), 'level'] },
    );
    await expect.poll(() => source.readings.length, patient).toBeGreaterThan(5);
    expect(source.trouble).toContain('tank does not give a0, a1, a2, a3, a4, a5: ');
  });

  it('that never answers holds up no other Thing of the same source', async () => {
    const hanging = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(hanging, 'listening');
    onTestFinished(() => {
      hanging.closeAllConnections();
      hanging.close();
    });
    const folder = await tempFolder();
    const thing = await TestThing.start(boiler, values);
    await writeFile(join(folder, 'a.td.json'), JSON.stringify(thing.description));
    const stuck = {
      title: 'Stuck',
      properties: { level: { type: 'number', forms: [{ href: `http://127.0.0.1:${portOf(hanging)}/` }] } },
    };
    await writeFile(join(folder, 'b.td.json'), JSON.stringify(stuck));
    await writeFile(join(folder, 'notes.txt'), 'no Thing');
    const source = new Puller(
      wot,
      { wot: folder, poll: '50ms', timeout: '500ms' },
      { channels: ['temperature', 'level'] },
    );
    await expect.poll(() => source.readings.length, patient).toBeGreaterThan(10);
    await expect.poll(() => source.trouble, patient).toBe('stuck does not give level: no answer within 500 ms');
    const before = source.readings.length;
    await expect.poll(() => source.readings.length).toBeGreaterThan(before + 5);
  });

  it('is found by address, or in the list of a directory, with relative addresses from there', async () => {
    const relative = { title: 'Lamp', properties: { level: { type: 'number', forms: [{ href: 'level' }] } } };
    const other = {
      ...relative,
      id: 'urn:dev:2',
      properties: { level: { type: 'number', forms: [{ href: 'other' }] } },
    };
    const url = await site({
      '/lamp/td': relative,
      '/lamp/level': 40,
      '/things': [{ ...relative, id: 'urn:dev:1' }, other],
      '/level': 41,
      '/other': { value: 42 },
    });
    const one = new Puller(wot, { wot: `${url}/lamp/td`, poll: '50ms' }, { channels: ['level'] });
    const many = new Puller(wot, { wot: `${url}/things`, poll: '50ms' }, { channels: ['level'] });
    await expect.poll(() => one.readings[0], patient).toBe('lamp/level = 40');
    await expect
      .poll(() => [...new Set(many.readings)].toSorted(), patient)
      .toEqual(['lamp-urn-dev-1/level = 41', 'lamp-urn-dev-2/level = 42']);
  });

  it.each([
    ['basic', { username: 'weir', passwordFile: 'secret' }, `Basic ${Buffer.from('weir:open').toString('base64')}`],
    ['bearer', { tokenFile: 'secret' }, 'Bearer open'],
    ['apikey', { tokenFile: 'secret' }, 'open'],
  ])('gets the secret it asks for: %s', async (scheme, login, header) => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'secret'), 'open\n');
    const description = {
      title: 'Safe',
      securityDefinitions: { sc: { scheme, in: 'header', name: 'authorization' } },
      security: 'sc',
      properties: { level: { type: 'number', forms: [{ href: 'level' }] } },
      events: { opened: { forms: [{ href: 'opened', subprotocol: 'sse' }] } },
    };
    const url = await site({ '/td': description, '/level': 7, '/opened': 'data: {}\n\n' }, (said, page) =>
      page === '/td' ? said.endsWith(header.split(' ').at(-1) ?? '') && said !== '' : said === header,
    );
    const files = Object.fromEntries(
      Object.entries(login).map(([key, value]) => [key, key.endsWith('File') ? join(folder, value) : value]),
    );
    const source = new Puller(wot, { wot: `${url}/td`, poll: '50ms', ...files }, { channels: ['level', 'opened'] });
    await expect
      .poll(() => source.readings, patient)
      .toEqual(expect.arrayContaining(['safe/level = 7', 'safe/opened = 1']));

    const stranger = new Puller(wot, { wot: `${url}/td` }, { channels: ['level'] });
    await expect.poll(() => String(stranger.error), patient).toContain('answers 401 Unauthorized; see username');
    const unsaid = new Puller(wot, { wot: await fileOf({ ...description, base: url }) }, { channels: ['level'] });
    await expect.poll(() => unsaid.trouble, patient).toMatch(/safe does not give level: it asks for .*: write/);
  });
});

describe('what a Thing says', () => {
  it('becomes a dead letter where it is not what the Thing Description promises', async () => {
    const thing = await TestThing.start(boiler, { ...values, temperature: 300, burning: 'very', flow: { out: 3 } });
    const source = new Puller(
      wot,
      { wot: await fileOf(thing.description), poll: '1h', device: 'boiler' },
      { channels: ['temperature', 'burning', 'flow.in'] },
    );
    await expect
      .poll(
        () => source.deadLetters.map(({ reason, where, detail }) => `${reason} (${where}): ${detail}`).toSorted(),
        patient,
      )
      .toEqual([
        'not_a_number (board boiler): "burning" is "very", not the boolean its Thing Description promises',
        'not_a_number (board boiler): "flow.in" is missing, not the number its Thing Description promises',
        'out_of_range (board boiler): "temperature" is 300, outside -20..120 of its Thing Description',
      ]);
    expect(source.readings).toEqual([]);
    expect(source.error).toBeUndefined();
  });

  it('has its own event time, where a field holds one', async () => {
    const at = 1_760_000_000_000;
    const thing = await TestThing.start(boiler, { ...values, flow: { in: 1, t: at } });
    const source = new Puller(
      wot,
      { wot: await fileOf(thing.description), poll: '1h', time: 't' },
      { channels: ['flow.in'] },
    );
    await expect
      .poll(() => source.deliveries.flatMap(({ readings }) => readings.map(({ time }) => time)), patient)
      .toEqual([at]);
  });
});

describe('a Thing Description that cannot be used', () => {
  it('is told with its name and what to do: when it is absent, when it is no JSON, when a folder is empty and when a server knows none', async () => {
    const folder = await tempFolder();
    await mkdir(join(folder, 'things'));
    const url = await site({ '/page': '<html>' });
    const tries: [string, RegExp][] = [
      [join(folder, 'absent.td.json'), /absent.td.json cannot be read: ENOENT/],
      [join(folder, 'things'), /has no file that ends in .td.json/],
      [`${url}/td`, /answers 404 Not Found/],
      [`${url}/page`, /gives no JSON/],
    ];
    const bad = await fileOf('{ "title": ');
    tries.push([bad, new RegExp(`${bad} is not JSON: .*a Thing Description is a JSON document`)]);
    const sources = tries.map(([wot]) => new Puller(wotKind(), { wot }, { channels: ['a'] }));
    for (const [index, [, message]] of tries.entries())
      await expect.poll(() => String(sources[index]?.error), patient).toMatch(message);
  });
});

describe('a source of several Things', () => {
  it('reads those it finds, and the others when they come', async () => {
    const thing = await TestThing.start(boiler, values);
    const port = await freePort();
    const lamp = { ...plain, properties: { level: { type: 'number', forms: [{ href: 'level' }] } } };
    const source = new Puller(
      wot,
      { wot: [await fileOf(thing.description), `http://127.0.0.1:${port}/td`], poll: '50ms' },
      { channels: ['temperature', 'level'] },
    );
    await expect.poll(() => source.readings, patient).toContain('boiler-of-hall-3/temperature = 61.5');
    expect(source.trouble).toContain(`http://127.0.0.1:${port}/td does not give its Thing Description`);
    await site({ '/td': lamp, '/level': 4 }, () => true, port);
    await expect.poll(() => source.readings, patient).toContain('lamp/level = 4');
    await expect.poll(() => source.trouble).toBeUndefined();
  });

  it('reads a folder but for what is bad in it, and passes over Things nobody asks', async () => {
    const folder = await tempFolder();
    const thing = await TestThing.start(boiler, values);
    await writeFile(join(folder, 'boiler.td.json'), JSON.stringify(thing.description));
    await writeFile(join(folder, 'lamp.td.json'), JSON.stringify(plain));
    const source = new Puller(wot, { wot: folder, poll: '50ms' }, { channels: ['temperature'] });
    await expect.poll(() => source.opened, patient).toBeGreaterThan(0);
    await source.end();
    await writeFile(join(folder, 'bad.td.json'), '{');
    const again = new Puller(wot, { wot: folder, poll: '50ms' }, { channels: ['temperature'] });
    await expect.poll(() => again.readings.length, patient).toBeGreaterThan(2);
    expect(again.trouble).toContain(`${folder}/bad.td.json is not JSON`);
  });

  it('says what none of them gives, and reads the rest', async () => {
    const thing = await TestThing.start(boiler, values);
    const config = { wot: await fileOf(thing.description), poll: '50ms' };
    const source = new Puller(wot, config, { channels: ['temperature', 'temprature'] });
    await expect.poll(() => source.readings.length, patient).toBeGreaterThan(2);
    expect(source.trouble).toContain(
      'no Thing gives temprature in a way Weir can read; properties and events are: temp',
    );
  });

  it('that are not one is told when the configuration names one', async () => {
    const thing = await TestThing.start(boiler, values);
    const file = await fileOf(thing.description);
    const source = new Puller(wot, { wot: [file, file], device: 'boiler' }, { channels: ['temperature'] });
    await expect.poll(() => String(source.error), patient).toContain('device: names one Thing, but there are 2');
  });
});

describe('the process that reads Things', () => {
  const raw = async () => ({ wot: await fileOf((await TestThing.start(boiler, values)).description), poll: '50ms' });

  it('is missed when it is killed, and another one reads on', async () => {
    const config = await raw();
    const source = new Puller(wot, config, { channels: ['temperature'] });
    await expect.poll(() => source.readings.length, patient).toBeGreaterThan(0);
    const [pid = 0] = thingProcesses();
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => String(source.error)).toBe('Error: the process that reads Things ended (SIGKILL)');
    const next = new Puller(wot, config, { channels: ['temperature'] });
    await expect.poll(() => next.readings.length, patient).toBeGreaterThan(0);
  });

  it('is given up when it is frozen, and is gone then', async () => {
    const source = new Puller(wotKind(1000), await raw(), { channels: ['temperature'] });
    await expect.poll(() => source.readings.length, patient).toBeGreaterThan(0);
    const [pid = 0] = thingProcesses();
    process.kill(pid, 'SIGSTOP');
    await expect.poll(() => source.ended, patient).toBe(true);
    expect(String(source.error)).toContain('said nothing for 1 s');
    expect(thingProcesses()).toEqual([]);
  });

  it('is left behind by no abort, whenever it comes', async () => {
    const config = await raw();
    for (const delayMs of [0, 20, 100, 300, 700]) {
      const source = new Puller(wot, config, { channels: ['temperature'] });
      const until = performance.now() + delayMs;
      await expect.poll(() => performance.now() >= until, { interval: 5 }).toBe(true);
      await source.end();
      expect([thingProcesses(), source.error]).toEqual([[], undefined]);
    }
  });

  it('keeps little for an agent that takes nothing, and what it drops is counted', async () => {
    const clients = new Set<() => void>();
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let count = 0;
      clients.add(() => void response.write('data: 1\n\n'.repeat(500) + `: ${(count += 1)}\n`));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const description = {
      title: 'Flood',
      events: {
        drop: {
          data: { type: 'number' },
          forms: [{ href: `http://127.0.0.1:${portOf(server)}/`, subprotocol: 'sse' }],
        },
      },
    };
    const source = new Puller(wot, { wot: await fileOf(description) }, { channels: ['drop'], paused: true });
    let sent = 0;
    await expect
      .poll(
        () => {
          for (const send of clients) {
            send();
            sent += 500;
          }
          return sent;
        },
        { ...patient, interval: 5 },
      )
      .toBeGreaterThan(20_000);
    const taken = (): number =>
      source.deliveries.reduce(
        (sum, { readings, deadLetters }) =>
          sum + readings.length + deadLetters.reduce((lost, { count = 1 }) => lost + count, 0),
        0,
      );
    await expect
      .poll(() => {
        source.resume();
        return taken();
      }, patient)
      .toBe(sent);
    const lost = source.deadLetters.filter(({ reason }) => reason === 'overrun');
    expect(lost.length).toBeGreaterThan(0);
    expect(source.readings.length).toBeLessThan(10_000);
    expect(source.error).toBeUndefined();
  });
});
