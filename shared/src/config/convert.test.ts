// Conversions against what the units are defined as, and every pair of units there and back.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linearConversion } from './convert.ts';
import { knownUnits } from '../model/units.ts';

/** Units of one quantity; those that no other unit measures stand alone. */
const quantities = [
  ['°C', '°F', 'K'],
  ['bar', 'mbar', 'Pa', 'hPa', 'kPa', 'MPa', 'psi', 'mmHg'],
  ['bpm', 'rpm', 'Hz', 'kHz'],
  ['%', '1', 'ppm', 'ppb'],
  ['m', 'mm', 'cm', 'km', 'µm'],
  ['m/s', 'mm/s'],
  ['g', 'kg', 't', 'mg'],
  ['l', 'ml', 'm³'],
  ['l/min', 'm³/h'],
  ['s', 'ms', 'min', 'h'],
  ['V', 'mV'],
  ['A', 'mA'],
  ['W', 'kW'],
  ['kWh', 'Wh', 'kcal'],
  ...['VA', 'Ω', 'm/s²', 'N', 'Nm', 'lx', 'dB', 'pH', 'steps', 'mmol/l', 'count', 'state'].map((unit) => [unit]),
];

const pairs = quantities.flatMap((units) => units.flatMap((from) => units.map((to) => ({ from, to }))));

function convert(value: number, from: string, to: string): number {
  const conversion = linearConversion(from, to);
  if (typeof conversion === 'string') throw new Error(conversion);
  return value * conversion.gain + conversion.offset;
}

test('the quantities here hold every known unit once', () => {
  expect(quantities.flat().toSorted()).toStrictEqual([...knownUnits].toSorted());
});

test.each(pairs)('from $from to $to and back is the same value', ({ from, to }) => {
  const magnitude = fc.double({ min: 1, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(magnitude, fc.boolean(), (size, isNegative) => {
      const value = isNegative ? -size : size;
      expect(Math.abs(convert(convert(value, from, to), to, from) - value)).toBeLessThanOrEqual(size * 1e-12);
    }),
  );
});

test.each(knownUnits)('%s stays what it is in its own unit', (unit) => {
  expect(linearConversion(unit, unit)).toStrictEqual({ gain: 1, offset: 0 });
});

// Values from the definitions (SI brochure, NIST SP 811), none computed by the code under test.
test.each([
  { value: 212, from: '°F', is: 100, to: '°C' },
  { value: 32, from: '°F', is: 0, to: '°C' },
  { value: -40, from: '°F', is: -40, to: '°C' },
  { value: 36.6, from: '°C', is: 97.88, to: '°F' },
  { value: 0, from: '°C', is: 273.15, to: 'K' },
  { value: 0, from: 'K', is: -459.67, to: '°F' },
  { value: 1, from: 'bar', is: 14.503773773020921, to: 'psi' },
  { value: 1, from: 'psi', is: 6894.757293168361, to: 'Pa' },
  { value: 1, from: 'mmHg', is: 133.322387415, to: 'Pa' },
  { value: 120, from: 'mmHg', is: 159.986864898, to: 'mbar' },
  { value: 1013.25, from: 'hPa', is: 1.01325, to: 'bar' },
  { value: 1, from: 'MPa', is: 10, to: 'bar' },
  { value: 1, from: 'kPa', is: 10, to: 'mbar' },
  { value: 60, from: 'rpm', is: 1, to: 'Hz' },
  { value: 1.2, from: 'Hz', is: 72, to: 'bpm' },
  { value: 3, from: 'kHz', is: 3000, to: 'Hz' },
  { value: 1, from: 'kWh', is: 1000, to: 'Wh' },
  { value: 1, from: 'kcal', is: 1.1622222222222223, to: 'Wh' },
  { value: 2.5, from: 'kW', is: 2500, to: 'W' },
  { value: 1, from: 'm³/h', is: 16.666666666666668, to: 'l/min' },
  { value: 1, from: 'm³', is: 1000, to: 'l' },
  { value: 1, from: 'l', is: 1000, to: 'ml' },
  { value: 1, from: 'm', is: 1_000_000, to: 'µm' },
  { value: 1, from: 'km', is: 100_000, to: 'cm' },
  { value: 25.4, from: 'mm', is: 2.54, to: 'cm' },
  { value: 7.1, from: 'mm/s', is: 0.0071, to: 'm/s' },
  { value: 1, from: 't', is: 1000, to: 'kg' },
  { value: 1, from: 'g', is: 1000, to: 'mg' },
  { value: 1, from: 'kg', is: 1000, to: 'g' },
  { value: 1, from: 'h', is: 3600, to: 's' },
  { value: 1.5, from: 'min', is: 90_000, to: 'ms' },
  { value: 20, from: 'mA', is: 0.02, to: 'A' },
  { value: 1, from: 'V', is: 1000, to: 'mV' },
  { value: 0.45, from: '1', is: 45, to: '%' },
  { value: 1, from: '%', is: 10_000, to: 'ppm' },
  { value: 1, from: 'ppm', is: 1000, to: 'ppb' },
])('$value $from is $is $to', ({ value, from, is, to }) => {
  expect(Math.abs(convert(value, from, to) - is)).toBeLessThanOrEqual(Math.max(1, Math.abs(is)) * 1e-14);
});

test('units of different quantities do not convert, and the sentence says what would', () => {
  for (const [index, units] of quantities.entries()) {
    for (const other of quantities.toSpliced(index, 1).flat()) {
      for (const unit of units) expect(linearConversion(unit, other)).toContain(`${unit} (`);
    }
  }
  expect(linearConversion('°F', 'bar')).toBe('°F (temperature) cannot become bar (pressure); °F converts to °C, K');
  expect(linearConversion('W', 'VA')).toBe('W (power) cannot become VA (apparent power); W converts to kW');
  expect(linearConversion('dB', 'lx')).toBe('dB (level) cannot become lx (illuminance); dB converts to no other unit');
});

test('a unit nobody knows is named', () => {
  expect(linearConversion('furlong', 'm')).toBe('no unit "furlong"');
  expect(linearConversion('pa', 'bar')).toBe('no unit "pa"');
  expect(linearConversion('m', 'toString')).toBe('no unit "toString"');
});
