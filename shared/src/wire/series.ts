// The name of a series as it travels.

import { namePattern } from './topics.ts';
import { fail } from './wire-error.ts';

/** @throws WireError */
export function namedSeries(series: { device: string; signal: string } | undefined): {
  device: string;
  signal: string;
} {
  const { device, signal } = series ?? { device: '', signal: '' };
  if (!namePattern.test(device) || !namePattern.test(signal)) fail(`series "${device}/${signal}"`);
  return { device, signal };
}
