// Devices and faults: what each fault does to the readings, and what the ground truth says about it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Device, Snapshot } from './device.ts';
import { createBand, createBoard } from './devices.ts';
import type { Truth } from './faults.ts';
import { bandMessages } from './frames.ts';
import { createRandom } from './random.ts';
import { parseScenario, type Scenario } from './scenario.ts';
import { Speaker } from './speaker.ts';

const startMs = Date.UTC(2026, 2, 2, 8);

function scenarioWith(...faults: string[]): Scenario {
  return parseScenario(
    `
boards:
  oven: { format: json, every: 100ms, signals: { temp: { kind: tempering }, pressure: { kind: pressure } } }
wearables:
  broker: mqtt://127.0.0.1
  topic: band/{device}/{signal}
  bands: { anna: { every: 1s } }
faults: [${faults.join(', ')}]`,
    'test.yaml',
  );
}

interface Made {
  readonly device: Device;
  readonly truths: Truth[];
}

function make(scenario: Scenario, { seed = 7, endMs = startMs + 10_000 } = {}): Made {
  const truths: Truth[] = [];
  const run = { seed, startMs, endMs, faults: scenario.faults, report: (truth: Truth) => void truths.push(truth) };
  const board = scenario.boards['oven'];
  if (board === undefined) throw new Error('the scenario has no oven');
  return { device: createBoard('oven', board, run), truths };
}

function takeAll({ device }: Made, endMs = startMs + 10_000): Snapshot[] {
  return [...device.step(Number.MAX_VALUE, Infinity), ...device.close(endMs)];
}

/** The values of one signal, by tenths of seconds since the start. */
function values(snapshots: readonly Snapshot[], signal: string): Map<number, number> {
  return new Map(
    snapshots.flatMap(({ timeMs, values }) =>
      values.filter((value) => value.signal === signal).map(({ value }) => [(timeMs - startMs) / 100, value] as const),
    ),
  );
}

const good: Snapshot = { timeMs: 0, values: [] };
const clean = values(takeAll(make(scenarioWith())), 'temp');

describe('a device', () => {
  it('gives the same snapshots for the same seed and start, and others for another seed', () => {
    const scenario = scenarioWith('{ at: 1s, device: oven, kind: garble }');
    expect(takeAll(make(scenario))).toEqual(takeAll(make(scenario)));
    expect(takeAll(make(scenario, { seed: 8 }))).not.toEqual(takeAll(make(scenario)));
  });

  it('gives the same snapshots in however many steps the time is taken', () => {
    const scenario = scenarioWith(
      '{ at: 1s, for: 2s, every: 4s, device: oven, kind: dropout }',
      '{ at: 2500ms, for: 2s, device: oven, signal: temp, kind: overheat }',
      '{ at: 5s, for: 500ms, device: oven, signal: temp, kind: stuck }',
      '{ at: 4s, device: oven, kind: garble }',
    );
    const whole = make(scenario);
    const expected = takeAll(whole);
    const pauses = fc.array(
      fc.record({ atMs: fc.integer({ min: 0, max: 10_000 }), limit: fc.integer({ min: 1, max: 50 }) }),
    );
    fc.assert(
      fc.property(pauses, (unsorted) => {
        const sliced = make(scenario);
        const snapshots = unsorted
          .toSorted((a, b) => a.atMs - b.atMs)
          .flatMap(({ atMs, limit }) => sliced.device.step(startMs + atMs, limit));
        snapshots.push(...takeAll(sliced));
        expect(snapshots).toEqual(expected);
        expect(sliced.truths).toEqual(whole.truths);
      }),
    );
  });

  it('measures at its interval, from the start up to but not at the end', () => {
    const times = takeAll(make(scenarioWith())).map(({ timeMs }) => timeMs);
    expect(times).toEqual(Array.from({ length: 100 }, (_, i) => startMs + i * 100));
  });

  it('is not changed by faults of another device', () => {
    const made = make(scenarioWith('{ at: 0s, for: 9s, device: anna, kind: dropout }'));
    expect(values(takeAll(made), 'temp')).toEqual(clean);
  });
});

describe('a fault', () => {
  it('overheat drives the temperature up with inertia, and nothing else', () => {
    const made = make(scenarioWith('{ at: 2s, for: 4s, device: oven, signal: temp, kind: overheat, by: 10 }'));
    const snapshots = takeAll(made);
    const heated = values(snapshots, 'temp');
    expect(heated.get(19)).toBe(clean.get(19));
    expect((heated.get(59) ?? 0) - (clean.get(59) ?? 0)).toBeCloseTo(10 * (1 - Math.exp(-3.9 / 2)), 0);
    expect((heated.get(99) ?? 0) - (clean.get(99) ?? 0)).toBeLessThan(2);
    expect(values(snapshots, 'pressure')).toEqual(values(takeAll(make(scenarioWith())), 'pressure'));
    expect(made.truths).toEqual([
      { device: 'oven', signal: 'temp', kind: 'overheat', start: startMs + 2000, end: startMs + 6000, readings: 40 },
    ]);
  });

  it('stuck repeats the last value, then the signal goes on where it would have been', () => {
    const made = make(scenarioWith('{ at: 2s, for: 1s, device: oven, signal: temp, kind: stuck }'));
    const got = values(takeAll(made), 'temp');
    const during = Array.from({ length: 10 }, (_, i) => got.get(20 + i));
    expect(new Set(during)).toEqual(new Set([clean.get(19)]));
    expect(got.get(30)).toBe(clean.get(30));
    expect(made.truths).toMatchObject([{ kind: 'stuck', readings: 10, end: startMs + 3000 }]);
  });

  it('spike without a duration changes one reading, which is out of range', () => {
    const made = make(scenarioWith('{ at: 2s, device: oven, signal: temp, kind: spike, value: 900 }'));
    const snapshots = takeAll(made);
    const bad = snapshots.flatMap(({ values }) => values).filter((value) => value.bad !== undefined);
    expect(bad).toEqual([{ signal: 'temp', value: 900, bad: 'out_of_range' }]);
    expect(values(snapshots, 'temp').get(20)).toBe(900);
    expect(made.truths).toEqual([
      { device: 'oven', signal: 'temp', kind: 'spike', start: startMs + 2000, end: startMs + 2000, readings: 1 },
    ]);
  });

  it('dropout holds all readings of the device back', () => {
    const made = make(scenarioWith('{ at: 2s, for: 1s, device: oven, kind: dropout }'));
    const got = values(takeAll(made), 'temp');
    expect([...got.keys()].filter((tenth) => tenth >= 20 && tenth < 30)).toEqual([]);
    expect(got.size).toBe(90);
    expect(got.get(30)).toBe(clean.get(30));
    expect(made.truths).toEqual([
      { device: 'oven', kind: 'dropout', start: startMs + 2000, end: startMs + 3000, readings: 20 },
    ]);
  });

  it('clock-ahead moves the times, and readings more than 5 min ahead are from the future', () => {
    const made = make(
      scenarioWith(
        '{ at: 2s, for: 1s, device: oven, kind: clock-ahead, by: 2h }',
        '{ at: 5s, for: 1s, device: oven, kind: clock-ahead, by: 5m }',
      ),
    );
    const snapshots = takeAll(made);
    const ahead = snapshots.filter(({ timeMs }, i) => timeMs !== startMs + i * 100);
    expect(ahead.map(({ timeMs }) => timeMs)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => startMs + 2000 + i * 100 + 7_200_000),
      ...Array.from({ length: 10 }, (_, i) => startMs + 5000 + i * 100 + 300_000),
    ]);
    const future = snapshots.filter(({ badTime }) => badTime === 'future');
    expect(future).toEqual(ahead.slice(0, 10));
    expect(made.truths.map(({ kind, readings }) => [kind, readings])).toEqual([
      ['clock-ahead', 20],
      ['clock-ahead', 20],
    ]);
  });

  it('garble makes one line that neither JSON nor CSV can be read from', () => {
    const made = make(scenarioWith('{ at: 2s, device: oven, kind: garble }'));
    const garbled = takeAll(made).filter(({ garbledAfter }) => garbledAfter !== undefined);
    expect(garbled).toHaveLength(1);
    for (const format of ['json', 'csv'] as const) {
      const voice = { board: 'oven', format, framing: 'cobs', crc: 'none', quantities: {} } as const;
      const speaker = new Speaker(voice, createRandom(1, 'noise'));
      const frames = garbled.flatMap((snapshot) => speaker.say(snapshot));
      expect(frames).toMatchObject([{ readings: 1, bad: ['malformed'] }]);
      expect(() => JSON.parse(String(frames[0]?.bytes ?? '1')) as unknown).toThrow(SyntaxError);
      expect(Number(frames[0]?.bytes.toString().split(',')[0])).toBeNaN();
    }
    expect(made.truths).toMatchObject([{ kind: 'garble', start: startMs + 2000, end: startMs + 2000, readings: 1 }]);
  });

  it('time-reset counts from 1970 while it lasts, and then the time is right again', () => {
    const made = make(scenarioWith('{ at: 2s, for: 1s, device: oven, kind: time-reset }'));
    const snapshots = takeAll(made);
    const wrong = snapshots.filter(({ badTime }) => badTime === 'unset');
    expect(wrong.map(({ timeMs }) => timeMs)).toEqual(Array.from({ length: 10 }, (_, i) => i * 100));
    expect(snapshots.indexOf(wrong[0] ?? good)).toBe(20);
    expect(snapshots[30]?.timeMs).toBe(startMs + 3000);
    expect(made.truths).toMatchObject([{ kind: 'time-reset', end: startMs + 3000, readings: 20 }]);
  });

  it('reboot tears a line, is silent, and comes back with a clock at 1970 until somebody sets it', () => {
    const made = make(scenarioWith('{ at: 2s, for: 1s, device: oven, kind: reboot, resync: 500ms }'));
    const snapshots = takeAll(made);
    expect(snapshots).toHaveLength(100 - 9);
    expect(snapshots[20]?.line?.tornAfter).toBeGreaterThan(0);
    const back = snapshots.slice(21);
    expect(back.map(({ line }) => line?.isBoot === true).indexOf(true)).toBe(0);
    expect(back.slice(0, 6).map(({ timeMs }) => timeMs)).toEqual([0, 100, 200, 300, 400, startMs + 3500]);
    expect(made.truths).toEqual([
      { device: 'oven', kind: 'reboot', start: startMs + 2000, end: startMs + 3000, readings: 20 },
      { device: 'oven', kind: 'time-reset', start: startMs + 3000, end: startMs + 3500, readings: 10 },
    ]);
  });

  it('reboot may keep the time, or never find it again', () => {
    const keeping = takeAll(make(scenarioWith('{ at: 2s, for: 1s, device: oven, kind: reboot, clock: keep }')));
    expect(keeping.filter(({ badTime }) => badTime !== undefined)).toEqual([]);
    const losing = make(scenarioWith('{ at: 2s, for: 1s, device: oven, kind: reboot }'));
    expect(takeAll(losing).at(-1)?.timeMs).toBe(6900);
    expect(losing.truths).toMatchObject([
      { kind: 'reboot' },
      { kind: 'time-reset', end: startMs + 10_000, readings: 140 },
    ]);
  });

  it('duplicate says snapshots twice, and the second time they are repeated', () => {
    const made = make(
      scenarioWith(
        '{ at: 2s, for: 500ms, device: oven, kind: duplicate }',
        '{ at: 5s, device: oven, kind: duplicate }',
      ),
    );
    const snapshots = takeAll(made);
    expect(snapshots).toHaveLength(106);
    const repeats = snapshots.filter(({ isRepeat }) => isRepeat === true);
    expect(repeats.map(({ timeMs }) => timeMs - startMs)).toEqual([2000, 2100, 2200, 2300, 2400, 5000]);
    expect(bandMessages(repeats[0] ?? good).flatMap(({ bad }) => bad)).toEqual(['repeated', 'repeated']);
    expect(made.truths.map(({ readings }) => readings)).toEqual([10, 2]);
  });

  it('delay holds lines back and lets them go at once, with their own times and in order', () => {
    const made = make(scenarioWith('{ at: 2s, for: 3s, device: oven, kind: delay }'));
    expect(made.device.step(startMs + 4900, Infinity)).toHaveLength(20);
    const burst = made.device.step(startMs + 5000, Infinity);
    expect(burst.map(({ timeMs }) => timeMs - startMs)).toEqual(Array.from({ length: 31 }, (_, i) => 2000 + i * 100));
    expect(made.truths).toMatchObject([{ kind: 'delay', readings: 60 }]);
  });

  it('delay that still holds when the run ends lets go of everything', () => {
    const made = make(scenarioWith('{ at: 2s, for: 30s, device: oven, kind: delay }'));
    expect(takeAll(made).map(({ timeMs }) => timeMs)).toHaveLength(100);
  });

  it('of the line leaves values alone, and is written down', () => {
    const made = make(
      scenarioWith(
        '{ at: 1s, device: oven, kind: garbage }',
        '{ at: 2s, for: 1s, device: oven, kind: baud-mismatch }',
        '{ at: 4s, for: 1s, device: oven, kind: unplug }',
      ),
    );
    const snapshots = takeAll(made);
    expect(values(snapshots, 'temp')).toEqual(clean);
    const mishaps = snapshots.flatMap(({ line }, tenth) => (line === undefined ? [] : [[tenth, Object.keys(line)[0]]]));
    expect(mishaps).toEqual([
      [10, 'hasGarbage'],
      ...Array.from({ length: 10 }, (_, i) => [20 + i, 'isNoise']),
      ...Array.from({ length: 10 }, (_, i) => [40 + i, 'isUnplugged']),
    ]);
    expect(made.truths.map(({ kind, readings }) => [kind, readings])).toEqual([
      ['garbage', 1],
      ['baud-mismatch', 20],
      ['unplug', 20],
    ]);
  });

  it('comes back with `every`, and each time is an occurrence of its own', () => {
    const made = make(
      scenarioWith(
        '{ at: 1s, for: 1s, every: 3s, device: oven, kind: dropout }',
        '{ at: 500ms, every: 2500ms, device: oven, signal: temp, kind: spike, value: 900 }',
      ),
    );
    takeAll(made);
    const starts = (kind: string): number[] =>
      made.truths.filter((truth) => truth.kind === kind).map(({ start }) => start - startMs);
    expect(starts('dropout')).toEqual([1000, 4000, 7000]);
    expect(starts('spike')).toEqual([500, 3000, 5500, 8000]);
  });

  it('that still holds when the run is stopped ends there', () => {
    const made = make(scenarioWith('{ at: 2s, for: 5s, device: oven, signal: temp, kind: stuck }'));
    made.device.step(startMs + 4000, Infinity);
    made.device.close(startMs + 4050);
    expect(made.truths).toMatchObject([{ start: startMs + 2000, end: startMs + 4050, readings: 21 }]);
  });

  it('waits out a drop-out when it would change a single reading', () => {
    const made = make(
      scenarioWith(
        '{ at: 1s, for: 1s, device: oven, kind: dropout }',
        '{ at: 1500ms, device: oven, signal: temp, kind: spike, value: 900 }',
      ),
    );
    expect(values(takeAll(made), 'temp').get(20)).toBe(900);
  });
});

describe('a band', () => {
  it('gives heart rate and steps once an interval', () => {
    const scenario = scenarioWith();
    const band = scenario.wearables?.bands['anna'];
    if (band === undefined) throw new Error('the scenario has no anna');
    const run = { seed: 7, startMs, endMs: startMs + 3000, faults: [], report: () => {} };
    const snapshots = createBand('anna', band, run).step(startMs + 60_000, Infinity);
    expect(snapshots.map(({ timeMs, values }) => [timeMs - startMs, values.map(({ signal }) => signal)])).toEqual([
      [0, ['hr', 'steps']],
      [1000, ['hr', 'steps']],
      [2000, ['hr', 'steps']],
    ]);
  });

  it('garbles one message, and says the other as it is', () => {
    const values = [
      { signal: 'hr', value: 61 },
      { signal: 'steps', value: 5 },
    ];
    expect(bandMessages({ timeMs: 1_760_000_000_000, values, garbledAfter: 8 })).toEqual([
      { signal: 'hr', text: '{"t":176#~?', readings: 1, bad: ['malformed'] },
      { signal: 'steps', text: '{"t":1760000000000,"v":5}', readings: 1, bad: [] },
    ]);
  });
});
