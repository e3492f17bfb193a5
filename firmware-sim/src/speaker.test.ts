// What firmware and cable make of a board's frames, byte for byte. That agents understand all of it as counted is shown in
// test/conformance.

import { describe, expect, it } from 'vitest';
import type { Snapshot } from './device.ts';
import type { Voice } from './formats/voice.ts';
import { createRandom } from './random.ts';
import { Speaker } from './speaker.ts';

const timeMs = 1_760_000_000_000;
const good: Snapshot = { timeMs, values: [{ signal: 'temp', value: 31.5 }] };
const line = '{"t":1760000000000,"temp":31.5}\n';

function speaker(format: Voice['format'] = 'json', framing: Voice['framing'] = 'cobs'): Speaker {
  const voice = { board: 'oven', format, framing, crc: 'none', quantities: {} } as const;
  return new Speaker(voice, createRandom(1, 'oven/noise'));
}

function say(board: Speaker, ...snapshots: Snapshot[]) {
  const frames = snapshots.flatMap((snapshot) => board.say(snapshot));
  return {
    bytes: Buffer.concat(frames.map(({ bytes }) => bytes)),
    readings: frames.reduce((sum, { readings }) => sum + readings, 0),
    bad: frames.flatMap(({ bad }) => bad),
  };
}

describe('a board', () => {
  it('that resets itself stops in the middle of a line, and says so when it is back', () => {
    const { bytes, readings, bad } = say(
      speaker(),
      { ...good, line: { tornAfter: 7 } },
      { ...good, line: { isBoot: true } },
    );
    expect(bytes.toString()).toBe(`{"t":17\nboot v1.4.2\r\nreset by watchdog\r\nready\r\n${line}`);
    expect({ readings, bad }).toEqual({ readings: 5, bad: Array.from({ length: 4 }, () => 'malformed') });
  });

  it('that says frames of bytes says the banner into the frame it was torn in', () => {
    const torn = { ...good, line: { tornAfter: 7 } };
    const { bytes, bad } = say(speaker('cbor'), torn, { ...good, line: { isBoot: true } });
    expect(bytes.toString('latin1').split('\0').slice(0, -1)).toEqual([
      expect.stringMatching(/boot v1\.4\.2\r\nreset by watchdog\r\nready\r\n$/),
      expect.stringContaining('temp'),
    ]);
    expect(bad).toEqual(['malformed']);
  });

  it('never tears a key=value line where what is left would be believed', () => {
    expect(say(speaker('kv'), { ...good, line: { tornAfter: 12 } }).bytes.toString()).toBe('t');
  });

  it('breaks a csv line inside its time, however short that is', () => {
    const early: Snapshot = { ...good, timeMs: 5 };
    expect(say(speaker('csv'), { ...early, line: { tornAfter: 12 } }).bytes.toString()).toBe('5');
    expect(say(speaker('csv'), { ...early, garbledAfter: 12 }).bytes.toString()).toBe('5#~?\n');
  });

  it('has garbage between its lines, which spoils neither', () => {
    const { bytes, readings, bad } = say(speaker(), good, { ...good, line: { hasGarbage: true } });
    const [first, garbage, second, rest] = bytes.toString('latin1').split('\n');
    expect([first, second, rest]).toEqual([line.trim(), line.trim(), '']);
    expect(garbage).toMatch(/^\xff\xff/);
    expect({ readings, bad }).toEqual({ readings: 3, bad: ['malformed'] });
  });

  it('heard at another baud rate gives noise without an end, as many bytes as it says', () => {
    const noisy: Snapshot = { ...good, line: { isNoise: true } };
    const board = speaker();
    const noise = say(board, noisy, noisy);
    expect(noise.bytes).toHaveLength(2 * line.length);
    expect(noise.bytes.includes('\n')).toBe(false);
    expect(noise.readings).toBe(0);
    const after = say(board, good);
    expect(after.bytes.toString()).toBe(`\n${line}`);
    expect(after).toMatchObject({ readings: 2, bad: ['malformed'] });
  });

  it('says nothing while it is unplugged, and what had begun ends there', () => {
    const board = speaker();
    say(board, { ...good, line: { isNoise: true } });
    expect(say(board, { ...good, line: { isUnplugged: true } }).bytes).toHaveLength(0);
    expect(say(board, good).bytes.toString()).toBe(line);
  });

  it('gets its check wrong where its format has one', () => {
    const wrong: Snapshot = { ...good, line: { isCheckWrong: true } };
    expect(say(speaker('nmea'), wrong)).toMatchObject({ readings: 1, bad: ['malformed'] });
    expect(say(speaker(), wrong)).toMatchObject({ readings: 1, bad: [] });
  });

  it('is to be blamed for a wrong time only where it says one', () => {
    const unset: Snapshot = { ...good, timeMs: 5000, badTime: 'unset' };
    expect(say(speaker(), unset).bad).toEqual(['unset']);
    expect(say(speaker('senml'), unset).bad).toEqual([]);
    const repeat: Snapshot = { ...good, isRepeat: true };
    expect(say(speaker('senml'), repeat).bad).toEqual(['repeated']);
    expect(say(speaker('nmea'), repeat).bad).toEqual([]);
  });
});
