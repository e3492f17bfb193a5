// What a detector is: it reads one series, one reading after the other, and says of each how strange it is.
//
// Every detector is strictly online: one pass, no look ahead, no length and no extreme of the whole series. Its memory does
// not grow with the series (at most 16 KB), cutting the series short changes no score before the cut, and a series in
// another unit (a * v + b, a > 0) scores the same. detector.suite.ts holds all of them to that.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';

export interface Detector {
  /**
   * @param time event time, epoch milliseconds; not before that of the reading before
   * @param value finite
   * @returns 0 (ordinary, or too little seen yet) to 1; what it means between is the detector's to document
   */
  update(time: number, value: number): number;
  /** Why the last reading scored as it did, in words: "38.2 is 6.1 robust deviations above the last hour". Built when asked for. */
  explain(): string;
  /** All it has learnt: a detector that reads this goes on with the same scores. */
  write(to: ByteWriter): void;
  /** @throws RangeError when the bytes are damaged */
  read(from: ByteReader): void;
}

export interface DetectorKind {
  /** Its name in the gateway file, of its file and of its page in docs/detectors. */
  readonly key: string;
  /** What it notices, in one sentence. */
  readonly notices: string;
  make(): Detector;
}
