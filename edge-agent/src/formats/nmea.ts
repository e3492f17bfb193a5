// NMEA 0183: `$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47`. A channel is a sentence and a field of it:
// `GGA.altitude`, `MTW.temperature`; who talks (GP, GN, WI) does not matter. XDR, the sentence of transducers, brings the
// names of its values along: `XDR.tank`. The two hex digits behind `*` are the exclusive or of what stands between `$` and `*`.
//
// Every sentence must have its checksum: a line cut short would otherwise be read as a smaller number. Sentences no signal
// asks for are passed over, as a receiver prints many kinds of them.

import type { Quality } from '@weir/shared/model/quality.ts';
import type { ReadingBatch } from './batch.ts';
import { textDecoder, type Format } from './format.ts';

/** Fields in their order; '' passes one over, `±name` says which way the field before it points, `utc`, `date` and `status` are no channels. */
const sentences: Readonly<Record<string, readonly string[]>> = {
  DBT: ['depth_feet', '', 'depth', '', 'depth_fathoms'],
  DPT: ['depth', 'offset'],
  GGA: ['utc', 'latitude', '±', 'longitude', '±', 'fix', 'satellites', 'hdop', 'altitude', '', 'geoid_separation'],
  GLL: ['latitude', '±', 'longitude', '±', 'utc', 'status'],
  GSA: ['', 'fix', '', '', '', '', '', '', '', '', '', '', '', '', 'pdop', 'hdop', 'vdop'],
  HDG: ['heading', 'deviation', '±', 'variation', '±'],
  HDM: ['heading'],
  HDT: ['heading'],
  // prettier-ignore
  MDA: ['', '', 'pressure', '', 'air_temperature', '', 'water_temperature', '', 'humidity', 'absolute_humidity', 'dew_point', '', 'wind_direction', '', 'wind_direction_magnetic', '', 'wind_speed_knots', '', 'wind_speed'],
  MTW: ['temperature'],
  MWD: ['direction', '', 'direction_magnetic', '', 'speed_knots', '', 'speed'],
  MWV: ['angle', '', 'speed', '', 'status'],
  RMC: ['utc', 'status', 'latitude', '±', 'longitude', '±', 'speed', 'course', 'date', 'variation', '±'],
  ROT: ['rate', 'status'],
  RPM: ['', '', 'rpm', 'pitch', 'status'],
  VHW: ['heading', '', 'heading_magnetic', '', 'speed', '', 'speed_kmh'],
  VTG: ['course', '', 'course_magnetic', '', 'speed', '', 'speed_kmh'],
};

const frameText = /^[$!]([^*]*)\*([0-9A-Fa-f]{2})$/;
const dayMs = 86_400_000;

export const nmea: Format = {
  framings: ['lines'],
  prepare({ channels, time }) {
    const wanted = new Map<string, string[]>();
    for (const channel of channels) {
      const sentence = channel.split('.')[0] ?? '';
      wanted.set(sentence, [...(wanted.get(sentence) ?? []), channel]);
    }
    return textDecoder((line, device, batch) => {
      const problem = whatIsWrong(line);
      if (problem !== undefined) {
        batch.dead('malformed', device, problem, line);
        return;
      }
      const fields = line.slice(1, -3).split(',');
      const sentence = fields.shift()?.slice(-3) ?? '';
      const names = wanted.get(sentence);
      if (names === undefined || line.startsWith('!')) return;
      const values = sentence === 'XDR' ? transducers(fields) : named(fields, sentences[sentence] ?? []);
      const at = time === undefined ? batch.arrival : eventTime(values, batch.arrival);
      if (!Number.isFinite(at)) {
        batch.dead('bad_time', device, `${sentence} holds no time of day`, line);
        return;
      }
      // The sender itself says that what it sends does not hold.
      const quality = values.get('status') === 'V' ? 'bad' : 'good';
      if (!takeAll(values, names, { device, at, line, quality }, batch))
        batch.dead('unmapped', device, `${sentence} has no ${names.join(', ')}`, line);
    });
  },
};

function whatIsWrong(line: string): string | undefined {
  const [, content, sum] = frameText.exec(line) ?? [];
  if (content === undefined || sum === undefined) return 'no NMEA sentence with a checksum: $ … *hh';
  let computed = 0;
  for (let at = 0; at < content.length; at++) computed ^= content.charCodeAt(at);
  return computed === parseInt(sum, 16) ? undefined : 'wrong checksum: bytes were changed on the way';
}

/** @returns whether any of the channels is one this sentence can have */
function takeAll(
  values: ReadonlyMap<string, string>,
  channels: readonly string[],
  { device, at, line, quality }: { device: string; at: number; line: string; quality: Quality },
  batch: ReadingBatch,
): boolean {
  let known = 0;
  for (const channel of channels) {
    const value = values.get(channel.slice(4));
    if (value === undefined) continue;
    known += 1;
    // An empty field: the sender does not know.
    if (value !== '') batch.text(device, channel, at, value, line, quality);
  }
  return known > 0;
}

function named(fields: readonly string[], names: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const [index, name] of names.entries()) {
    const field = fields[index] ?? '';
    if (name === '') continue;
    const before = names[index - 1] ?? '';
    if (name !== '±') values.set(name, field);
    else values.set(before, signed(before, values.get(before) ?? '', field));
  }
  return values;
}

/** Degrees and minutes become degrees; south and west are below zero. */
function signed(name: string, text: string, side: string): string {
  if (text === '') return '';
  const isPosition = name === 'latitude' || name === 'longitude';
  const [, degrees, minutes] = /^(\d{2,3})(\d\d(?:\.\d*)?)$/.exec(text) ?? [];
  if (isPosition && (degrees === undefined || side === '')) return text === '' ? '' : `${text} ${side}`;
  const value = isPosition ? Number(degrees) + Number(minutes) / 60 : Number(text);
  return String(side === 'S' || side === 'W' ? -value : value);
}

/** Groups of type, value, unit and name; one without a name is known by its type. */
function transducers(fields: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 4) {
    const name = fields[at + 3] ?? '';
    values.set(name === '' ? (fields[at] ?? '') : name, fields[at + 1] ?? '');
  }
  return values;
}

/** The time a sentence names, on the day it names or else the one that is next to the arrival; the arrival, where it can have no time. */
function eventTime(values: ReadonlyMap<string, string>, arrival: number): number {
  const utc = values.get('utc');
  if (utc === undefined) return arrival;
  const [, hours, minutes, seconds] = /^(\d\d)(\d\d)(\d\d(?:\.\d+)?)$/.exec(utc) ?? [];
  if (hours === undefined) return NaN;
  const ofDay = Math.round(((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000);
  const [, day, month, year] = /^(\d\d)(\d\d)(\d\d)$/.exec(values.get('date') ?? '') ?? [];
  if (day !== undefined) {
    // Two digits of a year: those of this century until 2080, as the first GPS receivers are of 1980.
    const century = Number(year) < 80 ? 2000 : 1900;
    return Date.UTC(century + Number(year), Number(month) - 1, Number(day)) + ofDay;
  }
  const days = Math.round((arrival - ofDay) / dayMs);
  return days * dayMs + ofDay;
}
