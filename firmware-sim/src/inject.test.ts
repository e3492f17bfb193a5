import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Row } from './csv-rows.ts';
import type { Truth } from './faults.ts';
import { Injector, type InjectedFault } from './inject.ts';
import { createRandom } from './random.ts';

const begin = Date.UTC(2026, 0, 5);
const common = { device: 'recording', atMs: 60_000, everyMs: undefined, forMs: 60_000, signal: 'hr' } as const;

/** A reading a second of 60 to 66 and of another signal, for five minutes. */
const rows: Row[] = Array.from({ length: 300 }, (_, second) => ({
  timeMs: begin + second * 1000,
  values: { hr: 60 + (second % 7), steps: second },
}));

function injected(...faults: InjectedFault[]): { shown: (Row | undefined)[]; truths: Truth[] } {
  const truths: Truth[] = [];
  const injector = new Injector(faults, createRandom(1, 'test'), (truth) => truths.push(truth));
  const shown = rows.map((row) => injector.apply(row));
  injector.close();
  return { shown, truths };
}

function hr(shown: readonly (Row | undefined)[]): (number | undefined)[] {
  return shown.map((row) => row?.values['hr']);
}

const truth = { device: 'recording', start: begin + 60_000, end: begin + 120_000 };

describe('faults in a recording', () => {
  it.each<[string, InjectedFault, (second: number) => number]>([
    ['an offset', { ...common, kind: 'offset', by: 70 }, () => 70],
    ['a drift', { ...common, kind: 'drift', by: 60 }, (second) => second - 60],
  ])('%s adds to the one signal, while it lasts', (_, fault, added) => {
    const { shown, truths } = injected(fault);
    for (const [second, row] of shown.entries()) {
      const holds = second >= 60 && second < 120;
      expect(row).toEqual({
        timeMs: begin + second * 1000,
        values: { hr: 60 + (second % 7) + (holds ? added(second) : 0), steps: second },
      });
    }
    expect(truths).toEqual([{ ...truth, signal: 'hr', kind: fault.kind, readings: 60 }]);
  });

  it('noise trembles as much as was said, in as many decimals as the sensor has', () => {
    const { shown } = injected({ ...common, kind: 'noise', by: 20 });
    const off = hr(shown).map((value, second) => (value ?? NaN) - 60 - (second % 7));
    expect(off.every((by, second) => by === 0 || (second >= 60 && second < 120))).toBe(true);
    expect(off.every(Number.isInteger)).toBe(true);
    const deviation = Math.sqrt(off.reduce((sum, by) => sum + by * by, 0) / 60);
    expect(deviation).toBeGreaterThan(14);
    expect(deviation).toBeLessThan(26);
  });

  it('a stuck sensor says what it said last, and a spike is one impossible value', () => {
    const stuck = hr(injected({ ...common, kind: 'stuck' }).shown);
    expect(new Set(stuck.slice(60, 120))).toEqual(new Set([stuck[59]]));
    const { shown, truths } = injected({ ...common, forMs: undefined, kind: 'spike', value: 900 });
    expect(hr(shown).flatMap((value, second) => (value === 900 ? [second] : []))).toEqual([60]);
    expect(truths).toEqual([{ ...truth, end: truth.start, signal: 'hr', kind: 'spike', readings: 1 }]);
  });

  it('a drop-out swallows whole rows', () => {
    const { shown, truths } = injected({ ...common, kind: 'dropout', signal: undefined });
    expect(shown.flatMap((row, second) => (row === undefined ? [second] : []))).toEqual(
      Array.from({ length: 60 }, (_, index) => 60 + index),
    );
    expect(truths).toEqual([{ ...truth, kind: 'dropout', readings: 120 }]);
  });

  it('that still hold at the end are over with the last row', () => {
    const { truths } = injected({ ...common, forMs: 9e6, kind: 'offset', by: 1 });
    expect(truths).toEqual([{ ...truth, end: begin + 299_000, signal: 'hr', kind: 'offset', readings: 240 }]);
  });

  it('are the same every time, and change nothing where none holds', () => {
    const kind = fc.constantFrom('offset' as const, 'drift' as const, 'noise' as const);
    const fault = fc.record({
      kind,
      by: fc.integer({ min: 1, max: 50 }),
      atMs: fc.nat(400_000),
      forMs: fc.nat(90_000),
    });
    fc.assert(
      fc.property(fc.array(fault, { maxLength: 4 }), (some) => {
        const faults = some.map((one) => ({ ...common, ...one, forMs: one.forMs + 1 }));
        const { shown, truths } = injected(...faults);
        expect(injected(...faults)).toEqual({ shown, truths });
        for (const [second, row] of shown.entries()) {
          const at = second * 1000;
          if (faults.some(({ atMs, forMs }) => at >= atMs && at < atMs + forMs)) continue;
          expect(row).toEqual(rows[second]);
        }
      }),
    );
  });
});
