import { expect, test } from 'vitest';
import { knownUnits, unitMeant } from './units.ts';

test.each([
  ['C', '°C'],
  ['celsius', '°C'],
  ['Celsius', '°C'],
  ['degF', '°F'],
  ['percent', '%'],
  ['BAR', 'bar'],
  ['Rpm', 'rpm'],
  ['hpa', 'hPa'],
  ['m/s^2', 'm/s²'],
  ['um', 'µm'],
  ['LUX', 'lx'],
])('by "%s" people mean %s', (text, unit) => {
  expect(unitMeant(text)).toBe(unit);
});

test('every known unit means itself', () => {
  expect(knownUnits.map(unitMeant)).toStrictEqual([...knownUnits]);
});

test.each(['', 'furlong', 'constructor', 'toString', '__proto__'])('by "%s" no unit is meant', (text) => {
  expect(unitMeant(text)).toBeUndefined();
});
