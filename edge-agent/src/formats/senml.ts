// SenML (RFC 8428), in JSON or, by its labels, in CBOR: a pack of records, each completed by the base fields said before it.
//
//   [{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.276020076e+09,"n":"temp","u":"Cel","v":23.1}, {"n":"rh","v":67}]
//
// The full name of a record ends in its channel, behind the last colon or slash; what stands before names the device, unless
// the gateway file does. Values are v, vb or, where there is no value, the sum s. Times below 2^28 seconds count from the
// arrival (section 4.5.3). A pack of a version above 10, or with a field that must be understood, is refused.

import type { ReadingBatch } from './batch.ts';
import { decodeCbor } from './cbor.ts';
import { isObject } from './fields.ts';
import type { Format } from './format.ts';

const labels: ReadonlyMap<string, string> = new Map([
  ['-1', 'bver'],
  ['-2', 'bn'],
  ['-3', 'bt'],
  ['-4', 'bu'],
  ['-5', 'bv'],
  ['-6', 'bs'],
  ['0', 'n'],
  ['1', 'u'],
  ['2', 'v'],
  ['3', 'vs'],
  ['4', 'vb'],
  ['5', 's'],
  ['6', 't'],
  ['7', 'ut'],
  ['8', 'vd'],
]);
const version = 10;
const relativeBelowS = 2 ** 28;
const shownBytes = 100;

export const senml: Format = {
  framings: ['lines', 'cobs', 'slip'],
  prepare({ ownDevice = false }) {
    return (frame, device, batch) => {
      // Major type 4 of CBOR, an array; no JSON begins with such a byte.
      const isCbor = (frame[0] ?? 0) >> 5 === 4;
      const text = isCbor ? frame.toString('hex', 0, shownBytes) : frame.toString('utf8').trim();
      if (text === '') return;
      const pack = isCbor ? decodeCbor(frame) : parseJson(text);
      if (pack instanceof Error || !Array.isArray(pack)) {
        const detail = pack instanceof Error ? pack.message : 'no SenML: a pack is a list of records';
        batch.dead('malformed', device, detail, text);
      } else new Pack(device, ownDevice, text, batch).take(pack);
    };
  },
};

class Pack {
  readonly #device: string;
  readonly #ownDevice: boolean;
  readonly #sample: string;
  readonly #batch: ReadingBatch;
  #baseName = '';
  #baseTime = 0;
  #baseValue = 0;
  #baseSum = 0;

  constructor(device: string, ownDevice: boolean, sample: string, batch: ReadingBatch) {
    this.#device = device;
    this.#ownDevice = ownDevice;
    this.#sample = sample;
    this.#batch = batch;
  }

  take(records: readonly unknown[]): void {
    for (const raw of records) {
      if (!isObject(raw)) {
        this.#dead('a record of SenML is an object');
        continue;
      }
      const problem = this.#takeRecord(labelled(raw));
      if (problem === undefined) continue;
      this.#dead(problem);
      // What a record could not say of those behind it makes all of them doubtful.
      return;
    }
  }

  #takeRecord(record: Readonly<Record<string, unknown>>): string | undefined {
    const unknown = Object.keys(record).find((key) => key.endsWith('_'));
    if (unknown !== undefined) return `field "${unknown}" must be understood, and is not`;
    const bver = record['bver'] ?? version;
    if (typeof bver !== 'number' || bver > version)
      return `SenML version ${JSON.stringify(bver)} is newer than ${version}`;
    if (record['bn'] !== undefined) {
      if (typeof record['bn'] !== 'string') return '"bn" is no text';
      this.#baseName = record['bn'];
    }
    for (const [key, set] of [
      ['bt', (value: number) => (this.#baseTime = value)],
      ['bv', (value: number) => (this.#baseValue = value)],
      ['bs', (value: number) => (this.#baseSum = value)],
    ] as const) {
      const value = numberOf(record[key]);
      if (value === undefined) return `"${key}" is no number`;
      if (record[key] !== undefined) set(value);
    }
    this.#takeValue(record);
    return undefined;
  }

  #takeValue(record: Readonly<Record<string, unknown>>): void {
    const { n = '', v, vb, s, vs, vd } = record;
    if ([v, vb, s, vs, vd].every((value) => value === undefined)) return;
    const { device, channel } = this.#name(`${this.#baseName}${typeof n === 'string' ? n : ''}`);
    if (!this.#batch.takes(channel)) return;
    const ownTime = numberOf(record['t']);
    const seconds = ownTime === undefined ? NaN : this.#baseTime + ownTime;
    const time = seconds < relativeBelowS ? this.#batch.arrival + seconds * 1000 : seconds * 1000;
    if (!Number.isFinite(time)) {
      this.#batch.dead('bad_time', device, '"t" is no number', this.#sample);
      return;
    }
    this.#batch.value(device, channel, time, this.#valueOf(record), this.#sample);
  }

  #valueOf({ v, vb, s, vs }: Readonly<Record<string, unknown>>): unknown {
    if (typeof v === 'number' || typeof v === 'bigint') return Number(v) + this.#baseValue;
    if (v !== undefined) return v;
    if (vb !== undefined || vs !== undefined) return vb ?? vs;
    return typeof s === 'number' || typeof s === 'bigint' ? Number(s) + this.#baseSum : s;
  }

  /** A name the whole of which a signal takes is a channel; otherwise it ends in one. */
  #name(name: string): { device: string; channel: string } {
    const at = this.#batch.takes(name) ? -1 : Math.max(name.lastIndexOf(':'), name.lastIndexOf('/'));
    const prefix = name
      .slice(0, Math.max(0, at))
      .replace(/[^A-Za-z0-9_.-]+/g, '-')
      .replace(/^[.-]+/, '');
    // The end of a long name is what tells devices apart.
    const device = this.#ownDevice && prefix !== '' ? prefix.slice(-64).replace(/^[.-]+/, '') : this.#device;
    return { device, channel: name.slice(at + 1) };
  }

  #dead(detail: string): void {
    this.#batch.dead('malformed', this.#device, detail, this.#sample);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error instanceof Error ? error : new Error('not JSON');
  }
}

function labelled(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [labels.get(key) ?? key, value]));
}

/** @returns 0 when there is none, undefined when it is something else */
function numberOf(value: unknown): number | undefined {
  if (value === undefined) return 0;
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  return undefined;
}
