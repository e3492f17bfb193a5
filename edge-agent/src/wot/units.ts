// Units as Thing Descriptions write them: words (`celsius`), UCUM codes (`Cel`, `[degF]`), and terms of the ontologies OM
// (`om:degreeCelsius`) and QUDT (`unit:DEG_C`, `http://qudt.org/vocab/unit/DEG_C`), as Weir writes them.

import { unitMeant } from '@weir/shared/model/units.ts';

/** In lower case, without `_`, `-`, blanks and brackets. */
const spellings: Readonly<Record<string, string>> = {
  cel: '°C', degc: '°C', degf: '°F', degreecelsius: '°C', degreescelsius: '°C', degfahrenheit: '°F', degreefahrenheit: '°F', degreesfahrenheit: '°F', kelvin: 'K',
  percentage: '%', pct: '%', relativehumidity: '%', pascal: 'Pa', hectopascal: 'hPa', hectopa: 'hPa', kilopascal: 'kPa', kilopa: 'kPa',
  megapascal: 'MPa', megapa: 'MPa', millibar: 'mbar', hertz: 'Hz', kilohertz: 'kHz', v: 'V', millivolt: 'mV', ampere: 'A', a: 'A', milliampere: 'mA',
  w: 'W', kilowatt: 'kW', kilow: 'kW', kilowatthour: 'kWh', 'kw.h': 'kWh', kilowhr: 'kWh', watthour: 'Wh', 'w.h': 'Wh', voltampere: 'VA',
  metre: 'm', meter: 'm', millimetre: 'mm', millimeter: 'mm', millim: 'mm', centimetre: 'cm', centimeter: 'cm', kilometre: 'km', kilometer: 'km',
  'metrepersecondtime': 'm/s', meterpersecond: 'm/s', mpersec: 'm/s', 'm.s1': 'm/s', gram: 'g', kilogram: 'kg', kilogm: 'kg', tonne: 't',
  newton: 'N', litre: 'l', liter: 'l', millilitre: 'ml', milliliter: 'ml', litreperminute: 'l/min', literperminute: 'l/min', cubicmetre: 'm³',
  cubicmeter: 'm³', secondtime: 's', second: 's', millisecond: 'ms', minutetime: 'min', minute: 'min', hour: 'h', hr: 'h', partspermillion: 'ppm',
  partsperbillion: 'ppb', lx: 'lx', decibel: 'dB', revolutionperminute: 'rpm', revpermin: 'rpm', beatsperminute: 'bpm', unitless: '1', unity: '1',
}; // prettier-ignore

/** @returns the unit as Weir writes it, or undefined when it is none it knows */
export function unitOf(written: string): string | undefined {
  const term = /^(?:https?:\/\/.*[/#]|[a-z]+:)(.+)$/i.exec(written.trim())?.[1] ?? written.trim();
  const plain = term.toLowerCase().replaceAll(/[_\s[\]-]/g, '');
  return (Object.hasOwn(spellings, plain) ? spellings[plain] : undefined) ?? unitMeant(term) ?? unitMeant(plain);
}
