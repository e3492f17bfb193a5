// The units a signal may be given in, by the symbol people write. Grafana and the page show them as they are.

export const knownUnits = [
  '°C', '°F', 'K', '%', 'bar', 'mbar', 'Pa', 'hPa', 'kPa', 'MPa', 'psi', 'bpm', 'rpm', 'Hz', 'kHz', 'V', 'mV', 'A', 'mA', 'W', 'kW',
  'kWh', 'Wh', 'VA', 'Ω', 'm', 'mm', 'cm', 'km', 'µm', 'm/s', 'mm/s', 'm/s²', 'g', 'kg', 't', 'mg', 'N', 'Nm', 'l', 'ml', 'l/min', 'm³',
  'm³/h', 's', 'ms', 'min', 'h', 'ppm', 'ppb', 'lx', 'dB', 'pH', 'steps', 'kcal', 'mmHg', 'mmol/l', 'count', 'state', '1',
] as const; // prettier-ignore

/** What people type for them. */
const spellings: Readonly<Record<string, (typeof knownUnits)[number]>> = {
  C: '°C', degC: '°C', celsius: '°C', F: '°F', degF: '°F', fahrenheit: '°F', percent: '%', '%RH': '%', rH: '%', BPM: 'bpm', Bar: 'bar',
  RPM: 'rpm', hz: 'Hz', volt: 'V', amp: 'A', watt: 'W', ohm: 'Ω', um: 'µm', μm: 'µm', 'm/s2': 'm/s²', 'm/s^2': 'm/s²', m3: 'm³', 'm3/h': 'm³/h',
  L: 'l', 'L/min': 'l/min', lux: 'lx', sec: 's', seconds: 's', bool: 'state', none: '1',
}; // prettier-ignore

/** @returns the unit meant by this spelling, or undefined */
export function unitMeant(text: string): string | undefined {
  return (
    spelled(text) ?? spelled(text.toLowerCase()) ?? knownUnits.find((unit) => unit.toLowerCase() === text.toLowerCase())
  );
}

function spelled(text: string): string | undefined {
  return Object.hasOwn(spellings, text) ? spellings[text] : undefined;
}
