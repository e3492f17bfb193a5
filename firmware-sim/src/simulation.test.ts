// A whole simulation on real transports: what agents see, what is counted, and how it ends.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseScenario, type Scenario } from './scenario.ts';
import { type Simulation, type SimulationOptions, startSimulation } from './simulation.ts';
import { freePort, hasMosquitto, hasSocat, readLines, type ReceivedMessage, TestBroker, until } from './test-kit.ts';

const startMs = Date.UTC(2026, 2, 2, 8);

const boards = `
boards:
  oven: { format: json, every: 100ms, signals: { temp: { kind: tempering }, pressure: { kind: pressure } } }
  cold: { format: csv, every: 500ms, signals: { rh: { kind: humidity }, temp: { kind: coldroom } } }
`;

const faults = `
faults:
  - { at: 10s, for: 5s, device: oven, signal: temp, kind: overheat }
  - { at: 20s, for: 2s, device: oven, signal: pressure, kind: stuck }
  - { at: 30s, device: oven, signal: temp, kind: spike, value: 900 }
  - { at: 31s, device: oven, kind: garble }
  - { at: 32s, for: 1s, device: oven, kind: clock-ahead, by: 2h }
  - { at: 10s, for: 10s, device: cold, kind: dropout }
  - { at: 40s, every: 10s, device: cold, kind: garble }
`;

/** Seconds since the start at which the readings of a topic were measured. */
function timesOf(messages: readonly ReceivedMessage[], topic: string): number[] {
  return messages
    .filter((message) => message.topic === topic)
    .map(({ payload }) => ((JSON.parse(payload) as { t: number }).t - startMs) / 1000);
}

function seconds(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function at(second: number): number {
  return startMs + second * 1000;
}

let running: Simulation | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(scenario: Scenario, options: Partial<SimulationOptions>): Promise<Simulation> {
  running = await startSimulation(scenario, { signal: new AbortController().signal, startMs, ...options });
  return running;
}

async function runBoards(scenario: Scenario, options: Partial<SimulationOptions>) {
  const simulation = await start(scenario, { speed: 60, forMs: 1000, ...options });
  const readers = await Promise.all(
    [...simulation.devices].map(async ([board, device]) => [board, await readLines(device)] as const),
  );
  await simulation.done;
  const counts = await simulation.stop();
  await until(() => readers.every(([, reader]) => reader.isClosed()));
  return { counts, lines: new Map(readers.map(([board, reader]) => [board, reader.lines])) };
}

describe.each([
  { transport: 'tcp' as const, isMissing: false },
  { transport: 'serial' as const, isMissing: !hasSocat },
])('boards on $transport lines', ({ transport, isMissing }) => {
  it.skipIf(isMissing)('print the same readings for the same seed and start, and every line is read', async () => {
    const scenario = parseScenario(boards + faults, 's.yaml');
    const first = await runBoards(scenario, { transport, seed: 3 });
    const second = await runBoards(scenario, { transport, seed: 3, speed: 120, forMs: 500 });
    expect(first.lines.get('oven')).toHaveLength(600);
    expect(first.lines.get('cold')).toHaveLength(100);
    expect(second).toEqual(first);
  });

  it.skipIf(isMissing)('count what a correct agent refuses, by reason', async () => {
    const { counts, lines } = await runBoards(parseScenario(boards + faults, 's.yaml'), { transport });
    // One garbled oven line and two of the cold store count as one reading instead of two each.
    expect(counts).toEqual({
      readings: 2 * 700 - 3,
      bad: { malformed: 3, out_of_range: 1, future: 20, unset: 0, repeated: 0 },
      lines: 700,
      messages: 0,
      answers: 0,
    });
    const seen = { malformed: 0, out_of_range: 0, future: 0, unset: 0, repeated: 0 };
    for (const [index, line] of (lines.get('oven') ?? []).entries()) {
      if (line.endsWith('#~?')) seen.malformed++;
      else {
        const { t, temp } = JSON.parse(line) as { t: number; temp: number };
        if (t > startMs + index * 100 + 300_000) seen.future += 2;
        else if (temp > 120) seen.out_of_range++;
      }
    }
    seen.malformed += (lines.get('cold') ?? []).filter((line) => line.endsWith('#~?')).length;
    expect(seen).toEqual(counts.bad);
  });
});

describe('a simulation', () => {
  it('writes the ground truth of every fault', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-sim-test-'));
    const truthFile = join(folder, 'truth.jsonl');
    await runBoards(parseScenario(boards + faults, 's.yaml'), { transport: 'tcp', truthFile });
    const truths = readFileSync(truthFile, 'utf8')
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(truths).toHaveLength(8);
    expect(truths).toEqual(
      expect.arrayContaining([
        { device: 'oven', signal: 'temp', kind: 'overheat', start: at(10), end: at(15), readings: 50 },
        { device: 'oven', signal: 'pressure', kind: 'stuck', start: at(20), end: at(22), readings: 20 },
        { device: 'oven', signal: 'temp', kind: 'spike', start: at(30), end: at(30), readings: 1 },
        { device: 'oven', kind: 'garble', start: at(31), end: at(31), readings: 1 },
        { device: 'oven', kind: 'clock-ahead', start: at(32), end: at(33), readings: 20 },
        { device: 'cold', kind: 'dropout', start: at(10), end: at(20), readings: 40 },
        { device: 'cold', kind: 'garble', start: at(40), end: at(40), readings: 1 },
        { device: 'cold', kind: 'garble', start: at(50), end: at(50), readings: 1 },
      ]),
    );
    rmSync(folder, { recursive: true });
  });

  it('waits for a reader that comes late, and loses nothing', async () => {
    const simulation = await start(parseScenario(boards, 's.yaml'), { transport: 'tcp', speed: 100, forMs: 100 });
    const cold = await readLines(simulation.devices.get('cold') ?? '');
    await until(() => cold.lines.length === 20);
    expect(simulation.counts().lines).toBe(20);
    const oven = await readLines(simulation.devices.get('oven') ?? '');
    await simulation.done;
    expect(simulation.counts().lines).toBe(120);
    await until(() => oven.lines.length === 100);
    expect(JSON.parse(oven.lines[0] ?? '')).toMatchObject({ t: startMs });
  });

  it.skipIf(!hasSocat)(
    'an unplugged board loses what it prints, and counts only what was read (needs socat)',
    async () => {
      const simulation = await start(parseScenario(boards, 's.yaml'), { speed: 20 });
      const device = simulation.devices.get('oven') ?? '';
      const before = await readLines(device);
      await until(() => before.lines.length > 20);
      await simulation.unplug('oven');
      await until(() => before.isClosed());
      expect(simulation.counts().lines).toBe(before.lines.length);
      await simulation.replug('oven');
      const after = await readLines(device);
      await until(() => after.lines.length > 20);
      const counts = await simulation.stop();
      await until(() => after.isClosed());
      expect(counts.lines).toBe(before.lines.length + after.lines.length);
      expect(after.lines[0]).not.toBe(before.lines.at(-1));
    },
  );

  it.skipIf(!hasSocat)('a fault pulls the cable of a board and plugs it in again (needs socat)', async () => {
    const unplug = '{ at: 2s, for: 2s, device: oven, kind: unplug }';
    const scenario = parseScenario(`${boards}faults: [${unplug}]`, 's.yaml');
    const simulation = await start(scenario, { speed: 20, forMs: 400 });
    const cold = await readLines(simulation.devices.get('cold') ?? '');
    const device = simulation.devices.get('oven') ?? '';
    const before = await readLines(device);
    await until(() => before.isClosed());
    await until(() => existsSync(device));
    const after = await readLines(device);
    await simulation.done;
    await simulation.stop();
    await until(() => after.isClosed() && cold.isClosed());
    const times = [...before.lines, ...after.lines].map((text) => (JSON.parse(text) as { t: number }).t - startMs);
    expect(times.filter((time) => time < 2000)).toHaveLength(20);
    expect(times.filter((time) => time >= 2000 && time < 4000)).toEqual([]);
    expect(times.filter((time) => time >= 4000)).toHaveLength(40);
    expect(simulation.counts().lines).toBe(times.length + cold.lines.length);
  });

  it('ends on abort, without waiting for boards that nobody reads, and leaves nothing behind', async () => {
    const controller = new AbortController();
    const simulation = await start(parseScenario(boards, 's.yaml'), {
      signal: controller.signal,
      drainMs: 3_600_000,
    });
    const paths = [...simulation.devices.values()].filter((device) => !device.startsWith('tcp://'));
    controller.abort();
    await simulation.done;
    expect((await simulation.stop()).readings).toBe(0);
    expect(paths.filter((path) => existsSync(path))).toEqual([]);
  });

  it('starts in the past when it runs fast, so that its readings do not come from the future', async () => {
    const scenario = parseScenario(boards, 's.yaml');
    const fast = await start(scenario, { transport: 'tcp', startMs: undefined, speed: 60, forMs: 10_000 });
    expect(fast.startMs + 600_000).toBeLessThanOrEqual(Date.now());
    await fast.stop();
    const endless = await start(scenario, { transport: 'tcp', startMs: undefined, speed: 60 });
    expect(endless.startMs).toBeLessThanOrEqual(Date.now() - 86_400_000);
  });
});

const wearables = `
wearables:
  broker: mqtt://127.0.0.1:1
  topic: band/{device}/{signal}
  bands:
    anna: { every: 1s }
    ben: { every: 1s, sync: 20s }
`;

describe.skipIf(!hasMosquitto)('wearables on a real broker (needs mosquitto)', () => {
  it('publish in order with their own times, the late one in bursts', async () => {
    const broker = await TestBroker.start();
    const messages = await broker.listen();
    const scenario = parseScenario(wearables, 's.yaml');
    const simulation = await start(scenario, { broker: broker.url, speed: 50, forMs: 1000 });
    await simulation.done;
    expect(await simulation.stop()).toMatchObject({ readings: 200, messages: 200, lines: 0 });
    await until(() => messages.length === 200);
    for (const topic of ['band/anna/hr', 'band/anna/steps', 'band/ben/hr', 'band/ben/steps']) {
      expect(timesOf(messages, topic)).toEqual(seconds(50));
    }
    // Whenever one of ben's readings arrives, anna is already near the end of the 20 s it was kept for.
    for (const [index, message] of messages.entries()) {
      if (message.topic !== 'band/ben/hr') continue;
      const [heldSecond = 0] = timesOf([message], 'band/ben/hr');
      const annas = timesOf(messages.slice(0, index), 'band/anna/hr');
      const syncSecond = Math.min((Math.floor((heldSecond - 0.5) / 20) + 1) * 20, 50);
      expect(annas.length).toBeGreaterThanOrEqual(syncSecond - 2);
    }
    await broker.stop();
  });

  it('say things twice and late, when a fault has it so', async () => {
    const broker = await TestBroker.start();
    const messages = await broker.listen();
    const faulty = `${wearables}faults:
  - { at: 3s, for: 2s, device: anna, kind: duplicate }
  - { at: 10s, for: 100s, device: anna, kind: delay }`;
    const options = { broker: broker.url, speed: 50, forMs: 400 };
    const simulation = await start(parseScenario(faulty, 's.yaml'), options);
    await simulation.done;
    const { messages: sent, bad } = await simulation.stop();
    expect(bad).toEqual({ malformed: 0, future: 0, unset: 0, out_of_range: 0, repeated: 4 });
    await until(() => messages.length === sent);
    expect(timesOf(messages, 'band/anna/hr')).toEqual([0, 1, 2, 3, 3, 4, 4, ...seconds(20).slice(5)]);
    await broker.stop();
  });

  it('send what they hold back when the simulation stops', async () => {
    const broker = await TestBroker.start();
    const messages = await broker.listen();
    const simulation = await start(parseScenario(wearables, 's.yaml'), { broker: broker.url, speed: 20 });
    await until(() => timesOf(messages, 'band/anna/hr').length === 8);
    expect(timesOf(messages, 'band/ben/hr')).toEqual([]);
    const counts = await simulation.stop();
    await until(() => messages.length === counts.messages);
    const bens = timesOf(messages, 'band/ben/hr');
    expect(bens).toEqual(seconds(bens.length));
    expect(bens.length).toBe(timesOf(messages, 'band/anna/hr').length);
    await broker.stop();
  });

  it('wait for a broker that is not there yet, say so once, and then send everything', async () => {
    const port = await freePort();
    const notices: string[] = [];
    const simulation = await start(parseScenario(wearables, 's.yaml'), {
      broker: `mqtt://127.0.0.1:${port}`,
      speed: 100,
      forMs: 100,
      onNotice: (notice) => void notices.push(notice),
    });
    await until(() => notices.length > 0);
    expect(notices).toEqual([expect.stringContaining(`mqtt://127.0.0.1:${port} cannot be reached`)]);
    const broker = await TestBroker.start(port);
    await simulation.done;
    expect(simulation.counts().messages).toBe(40);
    await broker.stop();
  });

  it('stop without a broker gives up after the drain time', async () => {
    const port = await freePort();
    const options = { broker: `mqtt://127.0.0.1:${port}`, drainMs: 50 };
    const simulation = await start(parseScenario(wearables, 's.yaml'), options);
    expect(await simulation.stop()).toMatchObject({ messages: 0, readings: 0 });
  });
});
