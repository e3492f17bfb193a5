import { encode } from 'cborg';
import { describe, expect, it } from 'vitest';
import { arrival, decoded } from '../testing/batches.ts';
import { cbor } from './cbor.ts';

describe('a map in CBOR', () => {
  it('gives one reading for each field a signal takes, whatever kind of number it is', () => {
    expect(decoded(cbor, encode({ temp: 31.4, uptime: 7, rh: 44 }))).toEqual([
      'board/humidity = 44 at 0',
      'board/temperature = 31.4 at 0',
    ]);
    expect(decoded(cbor, encode({ temp: true, rh: 2n ** 60n }))).toEqual([
      `board/humidity = ${2 ** 60} at 0`,
      'board/temperature = 1 at 0',
    ]);
    // {"temp": 1.5} with a half-precision number, of indefinite length: RFC 8949, appendix A.
    expect(decoded(cbor, Buffer.from('bf6474656d70f93e00ff', 'hex'))).toEqual(['board/temperature = 1.5 at 0']);
  });

  it('names fields by numbers too, and finds fields of fields', () => {
    const value = new Map<unknown, unknown>([
      [7, 1],
      ['a', { b: [10, 20] }],
    ]);
    expect(decoded(cbor, encode(value), { others: ['7', '/a/b/1'] })).toEqual([
      'board/7 = 1 at 0',
      'board//a/b/1 = 20 at 0',
    ]);
  });

  it('has its time in a field: a number, or tagged as a time', () => {
    expect(decoded(cbor, encode({ t: arrival - 5, temp: 1 }), { time: 't' })).toEqual(['board/temperature = 1 at -5']);
    // {"t": 1(1700000001), "temp": 1}
    const tagged = Buffer.concat([Buffer.from('a26174c11a6553f101', 'hex'), Buffer.from('6474656d7001', 'hex')]);
    expect(decoded(cbor, tagged, { time: 't' })).toEqual(['board/temperature = 1 at 1000']);
  });

  it.each([
    ['', /^malformed .*no CBOR/],
    ['a1', /^malformed .*no CBOR/],
    ['a16474656d7001ff', /^malformed .*no CBOR/],
    ['01', 'malformed (board): CBOR, but not an object'],
    ['9bffffffffffffffff', /^malformed .*no CBOR/],
    ['5affffffff00', /^malformed .*no CBOR/],
    ['a16474656d70f6', 'not_a_number (board): "temp" is null, not a number'],
    ['a16474656d70f97e00', /^(malformed|not_a_number)/],
    ['81'.repeat(5000) + '01', /^malformed .*no CBOR/],
    ['81'.repeat(60_000) + '01', /^malformed .*no CBOR/],
  ])('%s is a dead letter', (hex, letter) => {
    const expected = typeof letter === 'string' ? letter : expect.stringMatching(letter);
    expect(decoded(cbor, Buffer.from(hex, 'hex'))).toEqual([expected]);
  });
});
