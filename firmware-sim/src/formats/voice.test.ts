// What boards say in each format, byte for byte, and how each breaks.

import { decode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Quantity } from '../signals/kinds.ts';
import { appendCheck, nmeaCheck } from './checksum.ts';
import { encodePayloads, unsayable, type Value, type Voice } from './voice.ts';

const timeMs = 1_760_000_000_500;
const values: Value[] = [
  { signal: 'temp', value: 31.42 },
  { signal: 'rh', value: undefined },
  { signal: 'air', value: 6.2 },
  { signal: 'door', value: 1 },
];
const quantities: Record<string, Quantity> = { temp: 'temperature', rh: 'humidity', air: 'pressure', door: 'state' };

function voice(format: Voice['format'], crc: Voice['crc'] = 'none'): Voice {
  return { board: 'oven', format, framing: 'cobs', crc, quantities };
}

function said(format: Voice['format'], ...rest: [Value[]?, boolean?]): string[] {
  return encodePayloads(voice(format), timeMs, rest[0] ?? values, rest[1]).map(({ bytes }) => bytes.toString());
}

describe('a board says', () => {
  it('kv as pairs, and leaves out what was not measured', () => {
    expect(said('kv')).toEqual(['t=1760000000500 temp=31.42 air=6.2 door=1']);
  });

  it('senml as one pack with the board and the time in its first record, and units the registry has', () => {
    expect(said('senml')).toEqual([
      '[{"bn":"oven:","bt":1760000000.5,"n":"temp","u":"Cel","v":31.42},{"n":"air","v":6.2},{"n":"door","u":"/","v":1}]',
    ]);
  });

  it('senml without a time as long as its clock is not set, since a small time would be relative to now', () => {
    const [pack] = encodePayloads(voice('senml'), 12_000, values);
    expect(JSON.parse(String(pack?.bytes))).toMatchObject([{ bn: 'oven:', n: 'temp' }, {}, {}]);
    expect(pack?.bytes.includes('bt')).toBe(false);
  });

  it('nmea as groups of type, value, unit and name', () => {
    expect(said('nmea')).toEqual(['$WIXDR,C,31.42,C,temp,P,6.2,B,air,G,1,,door*54']);
  });

  it('cbor as one map, its check behind it', () => {
    for (const [crc, bytes] of [
      ['none', 0],
      ['crc16', 2],
      ['crc32', 4],
    ] as const) {
      const [payload] = encodePayloads(voice('cbor', crc), timeMs, values);
      const body = payload?.bytes.subarray(0, payload.bytes.length - bytes) ?? Buffer.of();
      expect(decode(body)).toEqual({ t: timeMs, temp: 31.42, air: 6.2, door: 1 });
      expect(payload?.bytes).toEqual(appendCheck(body, crc, false));
    }
  });
});

describe('nmea', () => {
  it('says as many sentences as it takes, none longer than 82 characters, each value once and in order', () => {
    const many = fc.array(
      fc.record({
        signal: fc.stringMatching(/^[a-z]{1,32}$/),
        value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: undefined }),
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(many, (measured) => {
        const payloads = encodePayloads(voice('nmea'), timeMs, measured);
        const groups = payloads.flatMap(({ bytes, values: carried }) => {
          const sentence = bytes.toString();
          expect(`${sentence}\r\n`.length).toBeLessThanOrEqual(82);
          const [, body = '', check = ''] = /^\$(.*)\*([0-9A-F]{2})$/.exec(sentence) ?? [];
          expect(nmeaCheck(body)).toBe(Number.parseInt(check, 16));
          expect((body.split(',').length - 1) / 4).toBe(carried.length);
          return Array.from(body.matchAll(/,[A-Z],([^,]+),[A-Z]?,([a-z]+)/g), ([, value, signal]) => [
            signal,
            Number(value),
          ]);
        });
        // A number says no sign of zero.
        const expected = measured.filter(({ value }) => value !== undefined);
        expect(groups).toEqual(expected.map(({ signal, value }) => [signal, (value ?? 0) + 0]));
      }),
    );
  });

  it('has the check of a sentence everybody knows', () => {
    expect(nmeaCheck('GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,')).toBe(0x47);
  });
});

describe('a check sum', () => {
  it.each([
    ['crc16', '29b1'],
    ['crc32', 'cbf43926'],
  ] as const)('%s of 123456789 is the one in the catalogues, and a wrong one is another', (crc, sum) => {
    const digits = Buffer.from('123456789');
    expect(appendCheck(digits, crc, false).subarray(9).toString('hex')).toBe(sum);
    expect(appendCheck(digits, crc, true).subarray(9).toString('hex')).not.toBe(sum);
  });

  it('that is wrong differs in nothing else', () => {
    expect(said('nmea', values, true)[0]?.slice(0, -2)).toBe(said('nmea')[0]?.slice(0, -2));
    expect(said('nmea', values, true)).not.toEqual(said('nmea'));
  });
});

describe('a name', () => {
  it.each([
    ['kv', 'a b', 'a.b'],
    ['kv', 'a=b', 'a-b'],
    ['nmea', 'a,b', 'a_b'],
    ['nmea', 'a'.repeat(33), 'a'.repeat(32)],
    ['senml', 'a b', 'a/b'],
  ] as const)('%s cannot say "%s" and can say "%s"', (format, bad, good) => {
    expect(unsayable(format, bad)).toContain(`"${bad}"`);
    expect(unsayable(format, good)).toBeUndefined();
  });

  it('may be anything in json, csv and cbor', () => {
    for (const format of ['json', 'csv', 'cbor'] as const) expect(unsayable(format, 'a, "b" = c')).toBeUndefined();
  });
});
