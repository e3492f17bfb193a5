// Whether a vibration sounds different: `spectral`. For signals that are sampled evenly and fast. Every 128 readings it takes the
// last 256, without their mean, and measures what condition monitoring measures (ISO 13373-2): RMS, crest factor, kurtosis and
// the energy in four bands of frequency. Each is compared with its own past; the strangest counts.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { Deviation, scoreOf } from './deviation.ts';
import { powerSpectrum } from './fourier.ts';
import { readable } from './words.ts';

const size = 256;
const every = 128;
const weight = 0.02;
const half = 8;
const bands = [
  [1, 16],
  [16, 32],
  [32, 64],
  [64, 128],
] as const;
const names = [
  'RMS',
  'crest factor',
  'kurtosis',
  ...bands.map(([from, to]) => `energy in ${from}/256 to ${to}/256 of the sampling rate`),
];

/** Shared by all: filled and read within one call. */
const samples = new Float64Array(size);
const power = new Float64Array(size / 2 + 1);

class Spectral implements Detector {
  readonly #ring = new Float64Array(size);
  readonly #features = names.map(() => new Deviation(weight));
  #seen = 0;
  #strangest = 0;
  #factor = 1;

  update(_time: number, value: number): number {
    this.#ring[this.#seen % size] = value;
    this.#seen += 1;
    if (this.#seen < size || this.#seen % every !== 0) return 0;
    let best = 0;
    for (const [index, measured] of this.#measure().entries()) {
      const feature = this.#features[index];
      // A ratio is as strange as its reciprocal.
      const number = Math.log(measured);
      if (feature === undefined || !Number.isFinite(number)) continue;
      const score = scoreOf(feature.of(number), half);
      if (score > best) {
        best = score;
        this.#strangest = index;
        this.#factor = Math.exp(number - feature.centre);
      }
      feature.learn(number);
    }
    return best;
  }

  explain(): string {
    return `its ${names[this.#strangest] ?? ''} is ${readable(this.#factor)} times what it usually is`;
  }

  write(to: ByteWriter): void {
    to.varint(this.#seen);
    for (const sample of this.#ring) to.float(sample);
    for (const feature of this.#features) feature.write(to);
  }

  read(from: ByteReader): void {
    this.#seen = from.varint();
    for (let at = 0; at < size; at++) this.#ring[at] = from.float();
    for (const feature of this.#features) feature.read(from);
  }

  #measure(): number[] {
    let mean = 0;
    for (let at = 0; at < size; at++) mean += (this.#ring[(this.#seen + at) % size] ?? 0) / size;
    let square = 0;
    let fourth = 0;
    let peak = 0;
    for (let at = 0; at < size; at++) {
      const sample = (this.#ring[(this.#seen + at) % size] ?? 0) - mean;
      samples[at] = sample;
      square += (sample * sample) / size;
      fourth += sample ** 4 / size;
      peak = Math.max(peak, Math.abs(sample));
    }
    const rms = Math.sqrt(square);
    powerSpectrum(samples, power);
    const energies = bands.map(([from, to]) => power.subarray(from, to).reduce((sum, one) => sum + one, 0));
    return [rms, peak / rms, fourth / square ** 2, ...energies];
  }
}

export const spectral: DetectorKind = {
  key: 'spectral',
  notices: 'a vibration that sounds different',
  make: () => new Spectral(),
};
