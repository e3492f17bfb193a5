import { describe, expect, it } from 'vitest';
import { arrival, decoded, testBatch } from '../testing/batches.ts';
import type { FormatOptions } from './format.ts';
import { json, JsonValue } from './json.ts';

const timed: Partial<FormatOptions> = { time: 't', timeUnit: 's' };

const object = (text: string, options: Partial<FormatOptions> & { others?: readonly string[] } = {}) =>
  decoded(json, text, options);

function value(text: string, options: Partial<FormatOptions> & { value?: string } = {}, channel = 'temp') {
  const { batch, readings, letters } = testBatch({ words: { ON: 1, OFF: 0 } });
  new JsonValue({ value: 'value', ...options }).decode(text, 'press', channel, batch);
  return [...readings(), ...letters()];
}

describe('a JSON object of channels', () => {
  it('gives one reading for each field a signal takes', () => {
    expect(object('{"temp": 31.4, "uptime": 7, "rh": 44}')).toEqual([
      'board/temperature = 31.4 at 0',
      'board/humidity = 44 at 0',
    ]);
  });

  it('takes the event time out of its field', () => {
    expect(object(`{"t": ${arrival / 1000 - 2}, "temp": 1}`, timed)).toEqual(['board/temperature = 1 at -2000']);
  });

  it('counts true as 1 and false as 0', () => {
    expect(object('{"temp": true, "rh": false}')).toEqual(['board/temperature = 1 at 0', 'board/humidity = 0 at 0']);
  });

  it.each([
    ['{"temp": null}', 'not_a_number (board): "temp" is null, not a number'],
    ['{"temp": "31"}', 'not_a_number (board): "temp" is "31", not a number'],
    ['{"temp": 1e999}', 'not_a_number (board): "temp" is Infinity, not a number'],
    ['{"temp": {"a": 1}}', 'not_a_number (board): "temp" is {"a":1}, not a number'],
    ['{"tmp": 3, "hr": 4}', 'unmapped (board): no signal takes any of: tmp, hr'],
    ['{}', 'unmapped (board): no signal takes any of: '],
    ['[1]', 'malformed (board): JSON, but not an object'],
    ['null', 'malformed (board): JSON, but not an object'],
    ['31.4', 'malformed (board): JSON, but not an object'],
  ])('turns %s into a dead letter', (text, letter) => {
    expect(object(text)).toEqual([letter]);
  });

  it('turns broken JSON into a dead letter with the parser’s words', () => {
    expect(object('{"temp": 3')).toEqual([expect.stringMatching(/^malformed \(board\): .*JSON/)]);
  });

  it.each(['{"temp": 3}', '{"t": "soon", "temp": 3}', '{"t": null, "temp": 3}'])(
    'without event time is a dead letter: %s',
    (text) => {
      expect(object(text, timed)).toEqual(['bad_time (board): "t" holds no event time']);
    },
  );

  it('survives the names of what every object has', () => {
    expect(object('{"__proto__": 1, "constructor": 2, "toString": 3, "temp": 4}')).toEqual([
      'board/temperature = 4 at 0',
    ]);
  });

  it('gives fields of fields by their path, unless a field has that very name', () => {
    const options = { others: ['ENERGY.Power', 'ENERGY.Total', 'ENERGY.None'] };
    expect(object('{"ENERGY": {"Power": 12, "Total": 1}, "ENERGY.Total": 7}', options)).toEqual([
      'board/ENERGY.Total = 7 at 0',
      'board/ENERGY.Power = 12 at 0',
    ]);
  });

  it('gives what a JSON pointer points at, in lists too, and never what was not in the message', () => {
    const others = ['/sensors/1/t', '/a~1b/m~0n', '/constructor/length', '/sensors/length'];
    expect(object('{"sensors": [{"t": 1}, {"t": 2}], "a/b": {"m~n": 3}}', { others })).toEqual([
      'board//sensors/1/t = 2 at 0',
      'board//a~1b/m~0n = 3 at 0',
    ]);
    expect(object('[5, {"x": 6}]', { others: ['/0', '/1/x'] })).toEqual(['board//0 = 5 at 0', 'board//1/x = 6 at 0']);
  });

  it('takes event time from a field of a field', () => {
    expect(object(`{"meta": {"at": ${arrival + 9}}, "temp": 1}`, { time: 'meta.at' })).toEqual([
      'board/temperature = 1 at 9',
    ]);
    expect(object(`{"meta": [${arrival + 9}], "temp": 1}`, { time: '/meta/0' })).toEqual([
      'board/temperature = 1 at 9',
    ]);
  });

  it('in a list is a record of its own', () => {
    expect(object(`[{"t": ${arrival}, "temp": 1}, 5, {"t": ${arrival + 1}, "temp": 2}]`, { time: 't' })).toEqual([
      'board/temperature = 1 at 0',
      'board/temperature = 2 at 1',
      'malformed (board): JSON, but not an object',
    ]);
  });

  it('keeps the first 200 characters as a sample', () => {
    const { batch, channels } = testBatch();
    json.prepare({ channels })(Buffer.from('x'.repeat(500)), 'board', batch);
    expect(batch.deadLetters[0]).toMatchObject({ sample: 'x'.repeat(200), arrival });
  });
});

describe('a JSON value of one channel', () => {
  it.each([
    ['21.5', 'press/temperature = 21.5 at 0'],
    ['ON', 'press/temperature = 1 at 0'],
    ['{"value": "OFF"}', 'press/temperature = 0 at 0'],
    [' -3e2 ', 'press/temperature = -300 at 0'],
    ['{"value": 21.5, "unit": "C"}', 'press/temperature = 21.5 at 0'],
    ['Infinity', 'not_a_number (board press): "temp" is Infinity, not a number'],
    ['{"v": 1}', 'not_a_number (board press): "temp" is missing, not a number'],
    ['"21.5"', 'malformed (board press): JSON, but not an object'],
  ])('%s', (text, expected) => {
    expect(value(text)).toEqual([expected]);
  });

  it('of an empty message is a dead letter', () => {
    expect(value('')).toEqual([expect.stringMatching(/^malformed/)]);
  });

  it('with an event time is an object', () => {
    expect(value(`{"t": ${arrival / 1000 + 1}, "value": 5}`, timed)).toEqual(['press/temperature = 5 at 1000']);
    expect(value('5', timed)).toEqual(['malformed (board press): JSON, but not an object']);
  });

  it('of a channel no signal takes says which', () => {
    expect(value('5', {}, 'noise')).toEqual(['unmapped (board press): no signal takes board.noise of device "press"']);
  });

  it('of more devices than there is room for says what to raise', () => {
    const { batch, readings, letters } = testBatch({ maxSeries: 1 });
    const decoder = new JsonValue({ value: 'value' });
    for (const device of ['a', 'b', 'a']) decoder.decode('1', device, 'temp', batch);
    expect(readings()).toHaveLength(2);
    expect(letters()).toEqual(['too_many_series (board b): no room for b/temp: raise settings.maxSeries']);
  });
});
