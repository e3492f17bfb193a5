// The packs are the examples of RFC 8428, sections 5.1 and 6.

import { encode } from 'cborg';
import { describe, expect, it } from 'vitest';
import { arrival, decoded } from '../testing/batches.ts';
import { senml } from './senml.ts';

function read(pack: unknown, others: readonly string[] = ['voltage', 'current'], ownDevice = true) {
  return decoded(senml, JSON.stringify(pack), { others, ownDevice });
}

const sensor = 'urn-dev-ow-10e2073a01080063';

describe('a SenML pack', () => {
  it('of a single value (RFC 8428, 5.1.1)', () => {
    expect(read([{ n: 'urn:dev:ow:10e2073a01080063', u: 'Cel', v: 23.1 }], ['10e2073a01080063'])).toEqual([
      'urn-dev-ow/10e2073a01080063 = 23.1 at 0',
    ]);
  });

  it('of several values with a base time (RFC 8428, 5.1.2)', () => {
    const pack = [
      { bn: 'urn:dev:ow:10e2073a0108006:', bt: 1.276020076001e9, bu: 'A', bver: 5, n: 'voltage', u: 'V', v: 120.1 },
      { n: 'current', t: -5, v: 1.2 },
      { n: 'current', t: -4, v: 1.3 },
      { n: 'current', v: 1.7 },
    ];
    const base = 1.276020076001e12 - arrival;
    expect(read(pack)).toEqual([
      `urn-dev-ow-10e2073a0108006/voltage = 120.1 at ${base}`,
      `urn-dev-ow-10e2073a0108006/current = 1.2 at ${base - 5000}`,
      `urn-dev-ow-10e2073a0108006/current = 1.3 at ${base - 4000}`,
      `urn-dev-ow-10e2073a0108006/current = 1.7 at ${base}`,
    ]);
  });

  it('counts small times from the arrival, and values and sums from their bases', () => {
    const pack = [
      { bn: 'meter/', bt: -60, bv: 20, bs: 1000, n: 'temp', v: 0.5 },
      { n: 'temp', v: 1, t: 10 },
      { n: 'rh', s: 5 },
    ];
    expect(read(pack)).toEqual([
      'meter/temperature = 20.5 at -60000',
      'meter/temperature = 21 at -50000',
      'meter/humidity = 1005 at -60000',
    ]);
  });

  it('in CBOR says the same by its labels (RFC 8428, 6)', () => {
    const pack = [
      new Map<number, unknown>([
        [-2, 'urn:dev:ow:10e2073a01080063:'],
        [-3, 1.276020076001e9],
        [0, 'temp'],
        [1, 'Cel'],
        [2, 23.1],
      ]),
      new Map<number, unknown>([
        [0, 'rh'],
        [4, true],
        [6, -1],
      ]),
    ];
    expect(decoded(senml, encode(pack), { ownDevice: true })).toEqual([
      `${sensor}/temperature = 23.1 at ${1.276020076001e12 - arrival}`,
      `${sensor}/humidity = 1 at ${1.276020075001e12 - arrival}`,
    ]);
  });

  it('is of the device the gateway file names, where it names one', () => {
    expect(read([{ bn: 'urn:dev:mac:0024befffe804ff1/', n: 'temp', v: 1 }], [], false)).toEqual([
      'board/temperature = 1 at 0',
    ]);
    expect(read([{ n: 'temp', v: 1 }])).toEqual(['board/temperature = 1 at 0']);
  });

  it('passes over what no signal takes, and records that only set a base', () => {
    expect(read([{ bn: 'a/' }, { n: 'open', vb: true }, { n: 'label', vs: 'x' }, { n: 'temp', vb: true }])).toEqual([
      'a/temperature = 1 at 0',
    ]);
  });

  it.each([
    [[{ bver: 11, n: 'temp', v: 1 }], 'malformed (board): SenML version 11 is newer than 10'],
    [[{ n: 'temp', v: 1, lat_: 5 }], 'malformed (board): field "lat_" must be understood, and is not'],
    [[5], 'malformed (board): a record of SenML is an object'],
    [{ n: 'temp', v: 1 }, 'malformed (board): no SenML: a pack is a list of records'],
    [[{ n: 'temp', v: 'warm' }], 'not_a_number (board): "temp" is "warm", not a number'],
    [[{ n: 'temp', vs: 'warm' }], 'not_a_number (board): "temp" is "warm", not a number'],
    [[{ n: 'temp', v: 1, t: 'now' }], 'bad_time (board): "t" is no number'],
    [[{ bt: 'now', n: 'temp', v: 1 }], 'malformed (board): "bt" is no number'],
    [[{ bn: 7, n: 'temp', v: 1 }], 'malformed (board): "bn" is no text'],
  ])('%j is a dead letter', (pack, letter) => {
    expect(read(pack)).toEqual([letter]);
  });

  it('that is no JSON and no CBOR is a dead letter', () => {
    expect(decoded(senml, '[{')).toEqual([expect.stringMatching(/^malformed/)]);
    expect(decoded(senml, Uint8Array.of(0x81, 0xff))).toEqual([expect.stringMatching(/^malformed .*no CBOR/)]);
  });
});
