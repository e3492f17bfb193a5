import { knownUnits } from '@weir/shared/model/units.ts';
import { expect, it } from 'vitest';
import { unitOf } from './units.ts';

it.each([
  ['celsius', '°C'],
  ['Cel', '°C'],
  ['om:degreeCelsius', '°C'],
  ['unit:DEG_C', '°C'],
  ['http://qudt.org/vocab/unit/DEG_C', '°C'],
  ['http://www.ontology-of-units-of-measure.org/resource/om-2/degreeFahrenheit', '°F'],
  ['[degF]', '°F'],
  ['percent', '%'],
  ['unit:PERCENT', '%'],
  ['hectopascal', 'hPa'],
  ['unit:KiloPA', 'kPa'],
  ['lux', 'lx'],
  ['om:metrePerSecond-Time', 'm/s'],
  ['volt', 'V'],
  ['furlong', undefined],
  ['constructor', undefined],
])('%s is %s', (written, unit) => {
  expect(unitOf(written)).toBe(unit);
});

it("knows Weir's own units", () => {
  expect(knownUnits.filter((unit) => unitOf(unit) !== unit)).toEqual([]);
});
