import { describe, expect, it } from 'vitest';
import { arrival, decoded } from '../testing/batches.ts';
import { csv } from './csv.ts';
import type { FormatOptions } from './format.ts';

const plain: Partial<FormatOptions> = { columns: ['temp', '-', 'rh'], separator: ',' };
const timed: Partial<FormatOptions> = { columns: ['when', 'temp'], separator: ';', time: 'when', timeUnit: 'ms' };

const decode = (line: string, options = plain): string[] => decoded(csv, line, options);

describe('a CSV line', () => {
  it('gives one reading a column, and passes over those called -', () => {
    expect(decode('61.2, whatever ,-18.4')).toEqual(['board/temperature = 61.2 at 0', 'board/humidity = -18.4 at 0']);
  });

  it('takes the event time out of its column', () => {
    expect(decode(`${arrival + 5};61.2`, timed)).toEqual(['board/temperature = 61.2 at 5']);
    expect(decode('2023-11-14 22:13:20; 1', timed)).toEqual(['board/temperature = 1 at 0']);
  });

  it('passes over a column no signal takes, and an empty field', () => {
    expect(decode('1,2', { ...plain, columns: ['noise', 'temp'] })).toEqual(['board/temperature = 2 at 0']);
    expect(decode(' ,x,7')).toEqual(['board/humidity = 7 at 0']);
    expect(decode(',,')).toEqual([]);
  });

  it.each([
    ['1,2', plain, 'malformed (board): 2 fields instead of 3'],
    ['1,2,3,4', plain, 'malformed (board): 4 fields instead of 3'],
    ['ERR,,', plain, 'not_a_number (board): "temp" is "ERR", not a number'],
    ['Infinity,,', plain, 'not_a_number (board): "temp" is Infinity, not a number'],
    ['soon;5', timed, 'bad_time (board): column "when" holds no event time'],
    [';5', timed, 'bad_time (board): column "when" holds no event time'],
  ])('turns "%s" into a dead letter', (line, options, letter) => {
    expect(decode(line, options)).toEqual([letter]);
  });
});
