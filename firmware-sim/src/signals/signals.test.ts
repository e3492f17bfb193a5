// The signals are plausible: they have inertia, a day, and belong to one plant and one person.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { dailyCycle, drift, firstOrderLag, ouNoise } from './dynamics.ts';
import { createBandSignals, createSignal } from './kinds.ts';
import { dayMs, hourMs, type Signal } from './signal.ts';
import { batches, doorOpenings, walks } from './two-state.ts';

const midnightMs = Date.UTC(2026, 2, 2);

function series(signal: Signal, fromMs: number, everyMs: number, count: number, heat = 0): number[] {
  return Array.from({ length: count }, (_, i) => signal(fromMs + i * everyMs, heat));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function bandSignal(band: string, signal: 'hr' | 'steps', startMs = midnightMs): Signal {
  const made = createBandSignals(7, band, startMs).get(signal);
  if (made === undefined) throw new Error(`a band has no ${signal}`);
  return made;
}

describe('dynamics', () => {
  it('a lag has gone 63% of the way after its time constant, however often it is looked at', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 999 }), { maxLength: 20 }), (between) => {
        const lag = firstOrderLag(1000);
        lag(0, 0);
        for (const atMs of between.toSorted((a, b) => a - b)) lag(1, atMs);
        // The sample at time 0 set the value; everything after it saw the target 1.
        expect(lag(1, 1000)).toBeCloseTo(1 - Math.exp(-1), 9);
      }),
    );
  });

  it('the daily cycle peaks at its hour and is lowest twelve hours later', () => {
    expect(dailyCycle(midnightMs + 15 * hourMs, 15)).toBeCloseTo(1, 6);
    expect(dailyCycle(midnightMs + 3 * hourMs, 15)).toBeCloseTo(-1, 6);
  });

  it('noise has its standard deviation and forgets after its time constant', () => {
    const noise = ouNoise(createRandom(3, 'noise'), 2, 1000);
    const values = Array.from({ length: 20_000 }, (_, i) => noise(i * 1000));
    expect(Math.sqrt(mean(values.map((value) => value ** 2)))).toBeCloseTo(2, 1);
    const products = values.slice(1).map((value, i) => value * (values[i] ?? 0));
    expect(mean(products) / 4).toBeCloseTo(Math.exp(-1), 1);
  });

  it('drift starts at zero and takes its time', () => {
    const wander = drift(createRandom(3, 'drift'), 1);
    expect(wander(midnightMs)).toBe(0);
    expect(Math.abs(wander(midnightMs + 60_000))).toBeLessThan(0.2);
    expect(wander(midnightMs + dayMs)).not.toBeCloseTo(0, 2);
  });
});

describe('two-state processes', () => {
  const processes = { doorOpenings, batches, walks };

  it.each(Object.entries(processes))('%s change at the same moments however often they are looked at', (_, make) => {
    const offsets = fc.array(fc.integer({ min: 0, max: 4 * hourMs }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(fc.integer(), offsets, (seed, unsorted) => {
        const sparse = make(createRandom(seed, 'x'), midnightMs + 8 * hourMs);
        for (const offsetMs of unsorted.toSorted((a, b) => a - b)) {
          const fresh = make(createRandom(seed, 'x'), midnightMs + 8 * hourMs);
          expect(sparse(midnightMs + 8 * hourMs + offsetMs)).toBe(fresh(midnightMs + 8 * hourMs + offsetMs));
        }
      }),
    );
  });

  it('a door opens for seconds, not for minutes', () => {
    const isOpen = doorOpenings(createRandom(1, 'door'), 0);
    const openShare = mean(Array.from({ length: 36_000 }, (_, i) => (isOpen(i * 100) ? 1 : 0)));
    expect(openShare).toBeGreaterThan(0.05);
    expect(openShare).toBeLessThan(0.4);
  });
});

describe('the chocolate line', () => {
  it('tempering stays within a degree of 31.5 °C for a day', () => {
    const values = series(createSignal('tempering', 7, 'a/temp', midnightMs), midnightMs, 10_000, 8640);
    expect(Math.min(...values)).toBeGreaterThan(30.5);
    expect(Math.max(...values)).toBeLessThan(32.5);
  });

  it('an overheat takes tempering above 34 °C within two seconds, with inertia, and it cools down again', () => {
    const signal = createSignal('tempering', 7, 'a/temp', 0);
    series(signal, 0, 100, 30);
    const heated = series(signal, 3000, 100, 60, 6);
    const cooling = series(signal, 9000, 100, 80);
    expect(heated[1]).toBeLessThan(33);
    expect(heated.findIndex((value) => value > 34)).toBeLessThan(20);
    expect(cooling[0]).toBeGreaterThan(34);
    expect(cooling.at(-1)).toBeLessThan(32.5);
  });

  it('humidity in the cold store rises while the door contact says open', () => {
    const door = series(createSignal('door', 7, 'line/door', 0), 0, 1000, 3600);
    const rh = series(createSignal('humidity', 7, 'cold/rh', 0), 0, 1000, 3600);
    const steps = rh.slice(1).map((value, i) => ({ change: value - (rh[i] ?? 0), open: door[i] === 1 }));
    expect(mean(steps.filter(({ open }) => open).map(({ change }) => change))).toBeGreaterThan(0.05);
    expect(mean(steps.filter(({ open }) => !open).map(({ change }) => change))).toBeLessThan(0);
  });

  it('a running conveyor shakes, draws on the compressed air, and shakes more as its bearing wears', () => {
    const runs = batches(createRandom(7, 'plant/batches'), 0);
    const vibration = createSignal('vibration', 7, 'line/vibration', 0);
    const pressure = createSignal('pressure', 7, 'line/pressure', 0);
    const samples = Array.from({ length: 14 * 1440 }, (_, i) => {
      const atMs = i * 60_000;
      return { atMs, running: runs(atMs), rms: vibration(atMs, 0), bar: pressure(atMs, 0) };
    });
    const level = (running: boolean, day: number): number =>
      mean(samples.filter((s) => s.running === running && Math.floor(s.atMs / dayMs) === day).map((s) => s.rms));
    expect(level(true, 0)).toBeGreaterThan(3 * level(false, 0));
    expect(level(true, 13)).toBeGreaterThan(1.3 * level(true, 0));
    const bar = (running: boolean): number => mean(samples.filter((s) => s.running === running).map((s) => s.bar));
    expect(bar(true)).toBeLessThan(bar(false) - 0.2);
  });
});

describe('a wristband', () => {
  it('counts steps that only rise, and start again at midnight', () => {
    const everyMs = 30_000;
    const values = series(bandSignal('anna', 'steps', midnightMs + 8 * hourMs), midnightMs + 8 * hourMs, everyMs, 5760);
    const falls = values.flatMap((value, i) => (value < (values[i - 1] ?? 0) ? [i] : []));
    const midnights = [16, 40].map((hours) => (hours * hourMs) / everyMs);
    expect(falls).toEqual(midnights);
    expect(Math.max(...values)).toBeGreaterThan(5000);
    expect(Math.max(...values)).toBeLessThan(60_000);
  });

  it('has a faster heart while steps are counted, and a slower one at night', () => {
    const hr = series(bandSignal('anna', 'hr'), midnightMs, 10_000, 8640);
    const steps = series(bandSignal('anna', 'steps'), midnightMs, 10_000, 8640);
    const walking = hr.filter((_, i) => i > 0 && (steps[i] ?? 0) > (steps[i - 1] ?? 0));
    expect(mean(walking)).toBeGreaterThan(mean(hr) + 15);
    expect(mean(hr.slice(0, 1440))).toBeLessThan(mean(hr.slice(3600, 5040)));
    expect(Math.min(...hr)).toBeGreaterThanOrEqual(38);
    expect(Math.max(...hr)).toBeLessThanOrEqual(190);
  });
});
