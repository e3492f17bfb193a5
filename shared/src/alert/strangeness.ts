// Whether a detector calls a reading strange enough to be an alarm: the score it gives, against the score that comes about so
// often as the rule's sensitivity allows.

import type { Detector } from '../detect/detector.ts';
import { detectorKinds } from '../detect/registry.ts';
import type { ByteReader, ByteWriter } from '../model/bytes.ts';

export class Strangeness {
  readonly detector: Detector;
  readonly #limit: number;

  constructor(detector: Detector, limit: number) {
    this.detector = detector;
    this.#limit = limit;
  }

  /** @throws Error for a detector nobody knows: the gateway file was not checked */
  static by({ detector: key, alarmsPerWeek }: { readonly detector: string; readonly alarmsPerWeek: number }): Strangeness {
    const kind = detectorKinds.find((known) => known.key === key);
    if (kind === undefined) throw new Error(`no detector "${key}"`);
    return new Strangeness(kind.make(), thresholdFor(alarmsPerWeek));
  }

  /** @returns 1 for a reading that is strange, 0 for one that is not */
  update(time: number, value: number): number {
    return this.detector.update(time, value) >= this.#limit ? 1 : 0;
  }

  explain(): string {
    return this.detector.explain();
  }

  write(to: ByteWriter): void {
    this.detector.write(to);
  }

  read(from: ByteReader): void {
    this.detector.read(from);
  }
}

/**
 * The score that is an alarm, for a sensitivity: a half at one alarm a week, and the lower the more alarms are welcome. The
 * scale is that of `auto`, where a half is the least that a value unlike all others scores.
 */
export function thresholdFor(alarmsPerWeek: number): number {
  const threshold = 0.5 * alarmsPerWeek ** -0.45;
  return threshold <= 0.5 ? Math.max(0.02, threshold) : 1 - 0.5 * alarmsPerWeek ** 0.45;
}
