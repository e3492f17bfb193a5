// The formats this agent reads. A new one is a file in this folder, a line here, and a part of docs/formats.md.

import { cbor } from './cbor.ts';
import { csv } from './csv.ts';
import type { Format } from './format.ts';
import { json } from './json.ts';
import { kv } from './kv.ts';
import { nmea } from './nmea.ts';
import { senml } from './senml.ts';

export const formatNames = ['json', 'csv', 'kv', 'nmea', 'senml', 'cbor'] as const;

export type FormatName = (typeof formatNames)[number];

export const formats: Readonly<Record<FormatName, Format>> = { json, csv, kv, nmea, senml, cbor };
