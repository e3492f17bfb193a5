// Raw readings for tests, with what matters given and the rest plausible.

import type { Quality } from '@weir/shared/model/quality.ts';
import { encodeFrame, type RawReadings } from '@weir/shared/wire/codec.ts';
import { baseTime } from './fixtures.ts';

export type ReadingRow = readonly [time: number, value: number, quality?: Quality];

export interface RawFields extends Partial<Pick<RawReadings, 'request' | 'last' | 'shortfall'>> {
  readonly device?: string;
  readonly signal?: string;
  readonly rows?: readonly ReadingRow[];
}

/** What is not said: three good readings a second apart after `baseTime`, the last of an answer. */
export function rawReadings({ device = 'press', signal = 'temperature', rows, ...rest }: RawFields = {}): RawReadings {
  const all = rows ?? [0, 1, 2].map((second): ReadingRow => [baseTime + second * 1000, 20 + second]);
  return {
    request: '1-1',
    last: true,
    shortfall: '',
    series: { device, signal },
    times: Float64Array.from(all, ([time]) => time),
    values: Float64Array.from(all, ([, value]) => value),
    qualities: all.map(([, , quality = 'good']) => quality),
    ...rest,
  };
}

export function rawFrame(...raw: RawReadings[]): Uint8Array {
  return encodeFrame({ raw });
}
