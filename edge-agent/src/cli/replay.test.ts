import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Pane } from '@weir/shared/model/pane.ts';
import type { Quality } from '@weir/shared/model/quality.ts';
import { describe, expect, it } from 'vitest';
import type { BlockReading } from '../log/journal-block.ts';
import { weirAgent } from '../testing/command.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { finalPanes } from '../testing/final-panes.ts';
import { HubModel } from '../testing/hub-model.ts';
import { MemoryDisk } from '../testing/memory-disk.ts';
import { randomFrom } from '../testing/random.ts';
import { blocksOf } from '../testing/rebuilt.ts';
import { gatewayFile, Station } from '../testing/station.ts';
import { tell } from '../testing/tell.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { paneLine } from './output-lines.ts';
import { replay, type ReplaySummary } from './replay.ts';

const started = Date.UTC(2024, 0, 1);

const signals = `
gateway: bench
sources:
  board: { serial: /dev/board, format: json }
signals:
  temperature: { from: board.temperature, maxStep: 60, repeats: true }
  humidity: { from: board.humidity, range: 0..80 }
  product: { formula: temperature * humidity }
`;

/** Where it is of no moment when it was committed, nor who was silent meanwhile. */
const windows = `
windows:
  - { every: 1s, of: all, compute: [mean, stddev, time_mean, uncertain], early: 300ms, lateEvery: 2s }
  - { every: 1d, zone: Europe/Zurich, of: [temperature, humidity], compute: [mean, p95, rate, changes], early: 10s }
  - { every: 6s, slide: 2s, of: all, compute: [sum, integral, duty, p95], lateEvery: 3s }
  - { session: 1500ms, of: all, compute: [mean, duration, first, last], early: 700ms }
`;

interface Replayed extends ReplaySummary {
  readonly lines: readonly string[];
}

/** Replays JSON lines, in this process. */
async function replayed(text: string, lines: readonly string[]): Promise<Replayed> {
  const folder = await tempFolder();
  const [recording, out] = [join(folder, 'recording'), join(folder, 'out')];
  await writeFile(recording, lines.join('\n'));
  const options = {
    out,
    time: undefined,
    timeUnit: 'ms',
    device: 'recording',
    map: new Map<string, string>(),
  } as const;
  const silent = { progress: false, print: () => undefined, warn: () => undefined };
  const summary = await replay(gatewayFile(text), { recording, ...options, ...silent });
  const written = await readFile(out, 'utf8');
  return { ...summary, lines: written.split('\n').filter((line) => line !== '') };
}

describe('a recording that is replayed twice', () => {
  /** Two devices for some minutes: out of order, late, with pauses, repetitions and readings of all qualities. */
  function recording(): BlockReading[] {
    const random = randomFrom(7);
    const readings: BlockReading[] = [];
    let arrival = started;
    for (let count = 0; count < 500; count++) {
      arrival += random() < 0.02 ? 40_000 : Math.floor(random() * 400);
      const late = random() < 0.1 ? 30_000 : 1500;
      const one = {
        device: random() < 0.5 ? 'press' : 'oven',
        arrival,
        time: arrival - Math.floor(random() * late),
        quality: random() < 0.02 ? ('bad' as const) : random() < 0.05 ? ('uncertain' as const) : ('good' as const),
      };
      for (const signal of ['temperature', 'humidity']) {
        const reading = { ...one, signal, value: Math.round(random() * 800) / 10 };
        readings.push(reading, ...(random() < 0.05 ? [reading] : []));
      }
    }
    return readings;
  }

  it('gives the same bytes, in whatever way it is written', async () => {
    const folder = await tempFolder();
    const columns = ['time', 'arrival', 'device', 'signal', 'value', 'quality'] as const;
    const rows = recording();
    const gateway = `${signals}  far: { formula: temperature - humidity, align: 2s }\n${windows}
  - { count: 5, of: [temperature, far], compute: [mean], early: 1s }\n`;
    const files = {
      'gateway.yaml': gateway,
      'r.jsonl': rows.map((row) => JSON.stringify(row)).join('\n'),
      'r.csv': [columns.join(','), ...rows.map((row) => columns.map((column) => row[column]).join(','))].join('\n'),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const outputs: string[] = [];
    for (const [name, out] of [
      ['r.jsonl', '1'],
      ['r.jsonl', '2'],
      ['r.csv', '3'],
    ] as const) {
      const { code } = await weirAgent(folder, 'replay', 'gateway.yaml', name, '--out', out);
      expect(code).toBe(0);
      outputs.push(await readFile(join(folder, out), 'utf8'));
    }
    const [first = '', ...others] = outputs;
    for (const other of others) expect(other === first).toBe(true);
    // It is worth the while: everything that could come out differently is in it.
    for (const part of ['"early"', '"late"', '"retracted"', '"window":"6s/2s"', '"window":"count-5"', 'press/far'])
      expect(first).toContain(part);
  });
});

describe('what a live agent took in, replayed', () => {
  const stepsOf = (pauses: readonly number[], qualities: readonly Quality[]) => {
    const said = fc.record({
      both: fc.boolean(),
      device: fc.nat(1),
      // Now and then from a clock that is far ahead.
      offset: fc.oneof({ weight: 20, arbitrary: fc.integer({ min: -5000, max: 0 }) }, fc.constant(3_600_000)),
      value: fc.oneof(fc.integer({ min: 0, max: 90 }), fc.double({ min: -1e6, max: 1e6 })),
      quality: fc.constantFrom('good' as const, 'good' as const, ...qualities),
      times: fc.constantFrom(1, 1, 2),
    });
    const step = fc.record({ pause: fc.constantFrom(...pauses), said: fc.array(said, { maxLength: 4 }) });
    return fc.array(step, { maxLength: 40, size: 'max' });
  };

  it.each([
    {
      what: 'with silences and doubtful readings',
      steps: stepsOf([0, 100, 500, 1500, 12_000], ['uncertain', 'bad']),
      text: `${signals}${windows}settings: { idleAfter: 10s }`,
    },
    {
      what: 'without: then count windows and aligned formulas, too',
      steps: stepsOf([0, 100, 500, 1500], ['uncertain', 'bad']),
      text: `${signals}  far: { formula: temperature - humidity, align: 2s }\n${windows}
  - { count: 3, of: [temperature, far], compute: [mean, max], early: 1s, lateEvery: 1s }
settings: { idleAfter: 1h }`,
    },
  ])('ends in the same panes ($what)', async ({ steps, text }) => {
    await fc.assert(
      fc.asyncProperty(steps, async (todo) => {
        const clock = new FakeClock(started);
        const station = await Station.start({ disk: new MemoryDisk(), clock, text });
        for (const { pause, said } of todo) {
          clock.advance(pause);
          await station.engine.commit();
          for (const { both, device, offset, value, quality, times } of said) {
            const one = { device: `device-${device}`, time: clock.now() + offset, value, quality };
            const told = (both ? ['temperature', 'humidity'] : ['temperature']).map((signal) => ({ ...one, signal }));
            for (let left = times; left > 0; left--) await tell(station, told);
          }
        }
        for (const pause of [0, 86_400_000, 86_400_000, 86_400_000]) {
          clock.advance(pause);
          await station.engine.commit();
        }
        const hub = new HubModel();
        await hub.receive(station.recovered.outbox);
        station.drop();
        const { taken, lost } = station.reporter.status();

        const arrivals = (await blocksOf(station)).flatMap(({ readings }) => readings);
        const again = await replayed(
          text,
          arrivals.map((reading) => JSON.stringify(reading)),
        );
        expect(finalLines(again.lines)).toEqual(finalLines(linesOf(finalPanes(hub.panes).values())));
        expect({ taken: again.readings, lost: again.lost }).toEqual({ taken, lost });
      }),
      { numRuns: 40 },
    );
  });

  function linesOf(panes: Iterable<Pane>): string[] {
    return [...panes].map(paneLine);
  }

  /** The last line of every window, without those retracted, and without how often it was said, and when. */
  function finalLines(lines: readonly string[]): Map<string, unknown> {
    const last = new Map<string, unknown>();
    for (const line of lines) {
      const { timing: _, revision: __, retracted, ...pane } = JSON.parse(line) as Record<string, unknown>;
      const key = `${String(pane['pane'])} ${String(pane['window'])} ${String(pane['start'])}`;
      if (retracted === true) last.delete(key);
      else last.set(key, pane);
    }
    return last;
  }
});

describe('a replay', () => {
  const text = `${signals}${windows}`;
  const row = (second: number, signal: string, value: number, more: object = {}): string =>
    JSON.stringify({ time: started + second * 1000, device: 'press', signal, value, ...more });

  it('computes what a formula gives anew, and takes no recorded one for a reading', async () => {
    const measured = [row(0, 'temperature', 2), row(0, 'humidity', 3)];
    const { lines, readings, lost } = await replayed(text, [
      ...measured,
      row(0.1, 'product', 777),
      row(0.2, 'product', 778),
    ]);
    expect({ readings, lost }).toEqual({ readings: 4, lost: { unmapped: 2 } });
    expect(lines).toEqual((await replayed(text, measured)).lines);
    const product = lines.find((line) => line.includes('press/product') && line.includes('"6s/2s"'));
    expect(JSON.parse(product ?? '{}')).toMatchObject({ count: 1, sum: 6 });
  });

  it('passes over the column of a formula', async () => {
    const [time, wide] = [started, { temperature: 2, humidity: 3, product: 777 }];
    const { lines, readings, lost } = await replayed(text, [JSON.stringify({ time, ...wide })]);
    expect({ readings, lost }).toEqual({ readings: 2, lost: {} });
    expect(lines.join('\n')).not.toContain('777');
    await expect(replayed(text, [JSON.stringify({ time, product: 777 })])).rejects.toThrow(
      'none of the columns time, product is a signal (temperature, humidity)',
    );
  });

  it('counts readings of doubtful quality where the gateway file says so, and loses those that are bad', async () => {
    const { lines, lost } = await replayed(text, [
      row(0, 'temperature', 20),
      row(0.5, 'temperature', 21, { quality: 'uncertain' }),
      row(0.6, 'temperature', 22, { quality: 'bad' }),
    ]);
    expect(lost).toEqual({ bad_quality: 1 });
    const last = lines.findLast((line) => line.includes('"window":"1s"'));
    expect(JSON.parse(last ?? '{}')).toMatchObject({ count: 1, mean: 20, uncertain: 1 });
  });

  it('goes on where rows say no time of arrival, or something that is none', async () => {
    const seconds = Array.from({ length: 20 }, (_, second) => row(second, 'humidity', second));
    const { lines, lost } = await replayed(text, [
      ...seconds.slice(0, 10),
      row(9.5, 'humidity', 9, { arrival: '' }),
      row(9.6, 'humidity', 9, { arrival: 'soon' }),
      ...seconds.slice(10),
    ]);
    expect(lost).toEqual({ malformed: 1 });
    expect(lines.filter((line) => line.includes('"window":"1s"') && !line.includes('"early"'))).toHaveLength(20);
  });

  it('says which readings found no room for their series', async () => {
    const devices = ['a', 'b', 'c'].map((device) => row(0, 'humidity', 1, { device }));
    const small = `${signals}${windows}settings: { maxSeries: 2 }`;
    const { lost } = await replayed(small, [...devices, row(1, 'pressure', 1)]);
    expect(lost).toEqual({ too_many_series: 1, unmapped: 1 });
  });

  it('closes everything at its end: also what is computed of what is computed', async () => {
    // A day of pause for each: whoever is computed of the silent falls silent later.
    const chain = `${signals}
  far: { formula: temperature - humidity, align: 1s }
  farther: { formula: far * 2 + humidity * 0, align: 1s }
  farthest: { formula: farther + humidity * 0, align: 1s }
windows:
  - { every: 1d, of: [farthest, far], compute: [mean] }
`;
    const { lines } = await replayed(chain, [row(0.25, 'temperature', 5), row(0.5, 'humidity', 3)]);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { pane: 'press/far', count: 1, mean: 2 },
      { pane: 'press/farthest', count: 1, mean: 4 },
    ]);
  });
});
