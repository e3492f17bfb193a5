// Recordings from the folder beside the project, for tests on real input. A stranger's clone does not have them: those tests
// are skipped by name.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Row } from '@weir/firmware-sim/csv-rows.ts';

const folder = join(import.meta.dirname, '../../../shared/data');

export const haveRecordings = existsSync(folder);

/** One person's heart rate every 5 s or so for a month: `id,time,hr`, seconds since 1970. */
export function heartRate(limit = Infinity): Row[] {
  return lines('wearable/heart-rate.csv', limit).map(([, time, hr]) => ({
    timeMs: Number(time) * 1000,
    values: { hr: Number(hr) },
  }));
}

/** Hourly temperature of an office, with a system failure: `timestamp,value`, UTC. */
export function ambientTemperature(): Row[] {
  const file = 'nab/data/realKnownCause/ambient_temperature_system_failure.csv';
  return lines(file, Infinity).map(([time = '', value]) => ({
    timeMs: Date.parse(`${time.replace(' ', 'T')}Z`),
    values: { temp: Number(value) },
  }));
}

export function toReadings(rows: readonly Row[], channel: string): { time: number; value: number }[] {
  return rows.map(({ timeMs, values }) => ({ time: timeMs, value: values[channel] ?? NaN }));
}

export interface Recording {
  readonly name: string;
  readonly readings: readonly { readonly time: number; readonly value: number }[];
}

/** One series each: industrial, traffic, machine and synthetic ones, and the heart rate. */
export function allRecordings(): Recording[] {
  return globSync(['nab/data/**/*.csv', 'merlion/*.csv', 'wearable/*.csv'], { cwd: folder })
    .toSorted()
    .map((file) => {
      const isWearable = file.startsWith('wearable');
      const readings = lines(file, Infinity).map((fields) => {
        const [time = '', value] = isWearable ? fields.slice(1) : fields;
        const timeMs = time.includes(':') ? Date.parse(`${time.replace(' ', 'T')}Z`) : Number(time) * 1000;
        return { time: timeMs, value: Number(value) };
      });
      return { name: basename(file, '.csv'), readings };
    });
}

function lines(file: string, limit: number): string[][] {
  const text = readFileSync(join(folder, file), 'utf8').trim();
  return text
    .split('\n')
    .slice(1, limit === Infinity ? undefined : limit + 1)
    .map((line) => line.trim().split(','));
}
