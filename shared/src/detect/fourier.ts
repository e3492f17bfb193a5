// The power spectrum of a power of two of samples: the radix-2 transform of Cooley and Tukey (1965), in place.

const imaginary = new Float64Array(4096);

/** @param samples as many as a power of two, at most 4096; what is in them is lost @param power one more than half as many */
export function powerSpectrum(samples: Float64Array, power: Float64Array): void {
  const { length } = samples;
  const imag = imaginary.subarray(0, length).fill(0);
  for (let from = 0, to = 0; from < length; from++) {
    if (from < to) [samples[from], samples[to]] = [samples[to] ?? 0, samples[from] ?? 0];
    let bit = length >> 1;
    for (; bit > 0 && (to & bit) !== 0; bit >>= 1) to ^= bit;
    to |= bit;
  }
  for (let span = 1; span < length; span *= 2) {
    const angle = -Math.PI / span;
    for (let turn = 0; turn < span; turn++) {
      const [cos, sin] = [Math.cos(angle * turn), Math.sin(angle * turn)];
      for (let at = turn; at < length; at += 2 * span) {
        const [re, im] = [samples[at + span] ?? 0, imag[at + span] ?? 0];
        const [turnedRe, turnedIm] = [re * cos - im * sin, re * sin + im * cos];
        const [ownRe, ownIm] = [samples[at] ?? 0, imag[at] ?? 0];
        samples[at + span] = ownRe - turnedRe;
        imag[at + span] = ownIm - turnedIm;
        samples[at] = ownRe + turnedRe;
        imag[at] = ownIm + turnedIm;
      }
    }
  }
  for (let at = 0; at < power.length; at++) power[at] = (samples[at] ?? 0) ** 2 + (imag[at] ?? 0) ** 2;
}
