// The series of a block, without saying again what the ones before say: an empty device is the device of the series before, an empty
// signal the one that followed last time (devices of one kind have the same signals, and report them in the same order).

import type { Series } from '../model/series.ts';
import { namedSeries } from './series.ts';

type Names = Pick<Series, 'device' | 'signal'>;

/** What comes next, as far as it can be told from what was there. */
class Expected {
  device = '';
  #signal = '';
  /** By signal, the one that came after it last time. */
  readonly #following = new Map<string, string>();

  get signal(): string {
    return this.#following.get(this.#signal) ?? '';
  }

  met({ device, signal }: Names): void {
    this.#following.set(this.#signal, signal);
    this.device = device;
    this.#signal = signal;
  }
}

export function shortened(series: readonly Names[]): Names[] {
  const expected = new Expected();
  return series.map(({ device, signal }) => {
    const short = {
      device: device === expected.device ? '' : device,
      signal: signal === expected.signal ? '' : signal,
    };
    expected.met({ device, signal });
    return short;
  });
}

/** @throws WireError */
export function lengthened(series: readonly Names[]): Names[] {
  const expected = new Expected();
  return series.map(({ device, signal }) => {
    const whole = namedSeries({ device: device || expected.device, signal: signal || expected.signal });
    expected.met(whole);
    return whole;
  });
}
