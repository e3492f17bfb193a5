// What a board prints, told from a few of its lines.

import type { SuggestedChannel } from './finding.ts';

export interface GuessedFormat {
  /** Keys of the source, as YAML: `format: json, time: t`. */
  readonly keys: string;
  readonly channels: readonly SuggestedChannel[];
}

const timeNames = /^(t|ts|time|timestamp)$/i;
/** So much of what was heard must be of one kind. */
const most = 0.6;

/** @returns undefined when they are of no format Weir reads */
export function guessFormat(lines: readonly string[]): GuessedFormat | undefined {
  const whole = lines.map((line) => line.trim()).filter((line) => line !== '');
  if (whole.length === 0) return undefined;
  const mostly = (is: (line: string) => boolean): boolean => whole.filter(is).length >= most * whole.length;
  if (mostly((line) => /^[$!][A-Z]{2}[A-Z0-9]{3},.*\*[0-9A-F]{2}$/i.test(line))) return nmea(whole);
  const objects = whole.map(parse);
  if (mostly((line) => Array.isArray(parse(line)))) return senml(objects.filter((value) => Array.isArray(value)));
  if (objects.filter(isRecord).length >= most * whole.length) return json(objects.filter(isRecord));
  if (mostly((line) => /(^|[\s,;])[A-Za-z_]\w*[=:]-?[\d.]/.test(line))) return keyValue(whole);
  const width = whole.at(-1)?.split(/[,;]/).length ?? 0;
  const isRow = (line: string): boolean =>
    line.split(/[,;]/).length === width &&
    line.split(/[,;]/).every((field) => field.trim() !== '' && !Number.isNaN(Number(field)));
  if (mostly(isRow)) return csv(whole.findLast(isRow) ?? '');
  return undefined;
}

function json(objects: readonly Record<string, unknown>[]): GuessedFormat {
  const fields = new Map(objects.flatMap((value) => Object.entries(value)));
  const numeric = [...fields].filter(([, value]) => ['number', 'boolean'].includes(typeof value)).map(([name]) => name);
  return described('json', numeric);
}

function keyValue(lines: readonly string[]): GuessedFormat {
  const names = lines.flatMap((line) => [...line.matchAll(/([A-Za-z_]\w*)[=:]-?[\d.]/g)].map(([, name]) => name ?? ''));
  return described('kv', [...new Set(names)]);
}

function described(format: string, names: readonly string[]): GuessedFormat {
  const time = names.find((name) => timeNames.test(name));
  const channels = names.filter((name) => name !== time && !/\s/.test(name)).map((channel) => ({ channel }));
  return { keys: `format: ${format}${time === undefined ? '' : `, time: ${time}`}`, channels };
}

function csv(row: string): GuessedFormat {
  const separator = row.includes(';') ? ';' : ',';
  const fields = row.split(separator).map(Number);
  // Milliseconds since 1970, of this century.
  const time = fields.findIndex((field) => field > 1e12 && field < 4e12);
  const columns = fields.map((_, index) => (index === time ? 't' : `c${index + 1}`));
  const keys = [`format: csv, columns: [${columns.join(', ')}]`];
  if (separator === ';') keys.push('separator: ";"');
  if (time >= 0) keys.push('time: t');
  return { keys: keys.join(', '), channels: columns.filter((name) => name !== 't').map((channel) => ({ channel })) };
}

/** Values of the sentences that are heard most often asked for. */
const usual: Readonly<Record<string, readonly SuggestedChannel[]>> = {
  GGA: [{ channel: 'GGA.latitude' }, { channel: 'GGA.longitude' }, { channel: 'GGA.altitude', unit: 'm' }],
  RMC: [{ channel: 'RMC.speed' }, { channel: 'RMC.course' }],
  MTW: [{ channel: 'MTW.temperature', unit: '°C' }],
  DBT: [{ channel: 'DBT.depth', unit: 'm' }],
  DPT: [{ channel: 'DPT.depth', unit: 'm' }],
  HDT: [{ channel: 'HDT.heading' }],
  MWV: [{ channel: 'MWV.angle' }, { channel: 'MWV.speed' }],
};

function nmea(lines: readonly string[]): GuessedFormat {
  const sentences = new Set(lines.map((line) => line.slice(3, 6)));
  const named = lines
    .filter((line) => line.slice(3, 6) === 'XDR')
    .flatMap((line) =>
      [...line.slice(0, -3).matchAll(/,[A-Z],[^,]*,[^,]*,([^,]+)/g)].map(([, name]) => `XDR.${name ?? ''}`),
    );
  const channels = [...sentences].flatMap((sentence) => usual[sentence] ?? []);
  return { keys: 'format: nmea', channels: [...channels, ...[...new Set(named)].map((channel) => ({ channel }))] };
}

function senml(packs: readonly unknown[]): GuessedFormat {
  const names = packs
    .flatMap((pack) => (Array.isArray(pack) ? pack : []))
    .flatMap((record: unknown) => {
      if (!isRecord(record) || (record['v'] === undefined && record['vb'] === undefined)) return [];
      const [bn, n] = [record['bn'], record['n']].map((one) => (typeof one === 'string' ? one : ''));
      return [`${bn}${n}`.split(/[:/]/).at(-1) ?? ''];
    });
  return {
    keys: 'format: senml',
    channels: [...new Set(names)].filter((one) => one !== '').map((channel) => ({ channel })),
  };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
