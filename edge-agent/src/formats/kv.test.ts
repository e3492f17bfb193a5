import { describe, expect, it } from 'vitest';
import { arrival, decoded } from '../testing/batches.ts';
import { kv } from './kv.ts';

describe('a line of key=value', () => {
  it.each([
    ['temp=31.4 rh=44', ['board/temperature = 31.4 at 0', 'board/humidity = 44 at 0']],
    ['[info] temp:31.4;rh:44, fan=on', ['board/temperature = 31.4 at 0', 'board/humidity = 44 at 0']],
    ['temp= rh=-4e1', ['board/humidity = -40 at 0']],
    ['temp=31.4C', ['not_a_number (board): "temp" is "31.4C", not a number']],
    ['booting v1.2', ['malformed (board): no key=value in the line']],
    ['hum=3 t=4', ['unmapped (board): no signal takes any of: hum, t']],
    ['   ', []],
  ])('%s', (line, expected) => {
    expect(decoded(kv, line)).toEqual(expected);
  });

  it('has its event time under a key, or is a dead letter', () => {
    expect(decoded(kv, `ts=${arrival / 1000 - 1} temp=1`, { time: 'ts', timeUnit: 's' })).toEqual([
      'board/temperature = 1 at -1000',
    ]);
    expect(decoded(kv, 'temp=1', { time: 'ts' })).toEqual(['bad_time (board): "ts" holds no event time']);
  });

  it('says ON where the gateway file has a number for it', () => {
    expect(decoded(kv, 'temp=ON rh=OFF', { words: { ON: 1 } })).toEqual([
      'board/temperature = 1 at 0',
      'not_a_number (board): "rh" is "OFF", not a number',
    ]);
  });
});
