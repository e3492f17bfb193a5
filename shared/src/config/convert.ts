// Conversion between units of the same quantity: value in one, times a gain, plus an offset, is the value in the other.
//
// The factors are the defining ones (SI brochure; the pound 0.45359237 kg, the inch 0.0254 m, standard gravity 9.80665 m/s²;
// the millimetre of mercury 133.322387415 Pa; the thermochemical calorie 4.184 J), as fractions of whole numbers, so that a
// gain is rounded once. The libraries looked at round before (`convert` 8.0.2 takes 1 bar for 14.5037744 psi instead of
// 14.5037738) and lack two in five of our units.

import { knownUnits } from '../model/units.ts';

type Unit = (typeof knownUnits)[number];

interface Scale {
  readonly quantity: string;
  /** One of it is numerator / denominator of the quantity's base unit. */
  readonly numerator: number;
  readonly denominator: number;
  /** What it shows where the base unit is zero, in hundredths: a whole number, like the others. */
  readonly zero: number;
}

const scales: Readonly<Record<Unit, Scale>> = {
  K: scale('temperature'),
  '°C': { ...scale('temperature'), zero: -27_315 },
  '°F': { ...scale('temperature', 5, 9), zero: -45_967 },

  Pa: scale('pressure'),
  hPa: scale('pressure', 100),
  mbar: scale('pressure', 100),
  kPa: scale('pressure', 1000),
  bar: scale('pressure', 100_000),
  MPa: scale('pressure', 1_000_000),
  // A pound on a square inch: 0.45359237 * 9.80665 / 0.0254².
  psi: scale('pressure', 44_482_216_152_605, 6_451_600_000),
  mmHg: scale('pressure', 133_322_387_415, 1_000_000_000),

  Hz: scale('frequency'),
  kHz: scale('frequency', 1000),
  rpm: scale('frequency', 1, 60),
  bpm: scale('frequency', 1, 60),

  m: scale('length'),
  km: scale('length', 1000),
  cm: scale('length', 1, 100),
  mm: scale('length', 1, 1000),
  µm: scale('length', 1, 1_000_000),
  'm/s': scale('speed'),
  'mm/s': scale('speed', 1, 1000),
  'm/s²': scale('acceleration'),

  kg: scale('mass'),
  t: scale('mass', 1000),
  g: scale('mass', 1, 1000),
  mg: scale('mass', 1, 1_000_000),
  N: scale('force'),
  Nm: scale('torque'),

  'm³': scale('volume'),
  l: scale('volume', 1, 1000),
  ml: scale('volume', 1, 1_000_000),
  'm³/h': scale('flow'),
  'l/min': scale('flow', 60, 1000),

  s: scale('time'),
  ms: scale('time', 1, 1000),
  min: scale('time', 60),
  h: scale('time', 3600),

  V: scale('voltage'),
  mV: scale('voltage', 1, 1000),
  A: scale('current'),
  mA: scale('current', 1, 1000),
  Ω: scale('resistance'),
  W: scale('power'),
  kW: scale('power', 1000),
  // Apparent power: how much of it is power depends on the load.
  VA: scale('apparent power'),
  Wh: scale('energy', 3600),
  kWh: scale('energy', 3_600_000),
  kcal: scale('energy', 4184),

  '1': scale('ratio'),
  '%': scale('ratio', 1, 100),
  ppm: scale('ratio', 1, 1_000_000),
  ppb: scale('ratio', 1, 1_000_000_000),

  lx: scale('illuminance'),
  dB: scale('level'),
  pH: scale('acidity'),
  'mmol/l': scale('concentration'),
  steps: scale('steps'),
  count: scale('count'),
  state: scale('state'),
};

/** @returns gain and offset from the one unit to the other, or a sentence that says why there is no such conversion */
export function linearConversion(from: string, to: string): { gain: number; offset: number } | string {
  const [source, target] = [scaleOf(from), scaleOf(to)];
  if (source === undefined) return `no unit "${from}"`;
  if (target === undefined) return `no unit "${to}"`;
  if (source.quantity !== target.quantity) {
    const others = knownUnits.filter((unit) => unit !== from && scales[unit].quantity === source.quantity);
    const instead = others.length === 0 ? 'no other unit' : others.join(', ');
    return `${from} (${source.quantity}) cannot become ${to} (${target.quantity}); ${from} converts to ${instead}`;
  }
  const numerator = source.numerator * target.denominator;
  const denominator = source.denominator * target.numerator;
  const offset = (target.zero * denominator - source.zero * numerator) / (100 * denominator);
  return { gain: numerator / denominator, offset };
}

function scaleOf(unit: string): Scale | undefined {
  const known = knownUnits.find((symbol) => symbol === unit);
  return known === undefined ? undefined : scales[known];
}

function scale(quantity: string, numerator = 1, denominator = 1): Scale {
  return { quantity, numerator, denominator, zero: 0 };
}
