import { expect, test } from 'vitest';
import type { Detector } from '../detect/detector.ts';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Strangeness } from './strangeness.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Scores every value as itself. */
class Echo implements Detector {
  update(_: number, value: number): number {
    return value;
  }

  explain(): string {
    return 'it said so';
  }

  write(): void {
    // It has learnt nothing.
  }

  read(): void {
    // It has learnt nothing.
  }
}

function strangeness({ alarmsPerWeek = 1, learnMs = 0 } = {}): Strangeness {
  return new Strangeness(new Echo(), { alarmsPerWeek, learnMs });
}

/** @returns the days on which it was an alarm */
function alarms(strange: Strangeness, scores: readonly (readonly [day: number, score: number])[]): number[] {
  return scores.flatMap(([day, score]) => (strange.update(day * dayMs, score) === 1 ? [day] : []));
}

test('nothing is strange while a signal is only listened to, and nothing of that time counts against what comes', () => {
  const strange = strangeness({ learnMs: dayMs });
  expect(
    alarms(strange, [
      [5, 0.9],
      [5.2, 0.9],
      [5.4, 0.9],
      [5.6, 0.9],
      [5.8, 0.9],
    ]),
  ).toEqual([]);
  expect(
    alarms(strange, [
      [6, 0.6],
      [6.1, 0.6],
      [6.2, 0.6],
      [6.3, 0.6],
      [6.4, 0.6],
    ]),
  ).toEqual([6, 6.1, 6.2, 6.3]);
});

test('after four alarms in four weeks the next has to be stranger than all of them but one', () => {
  const strange = strangeness();
  expect(
    alarms(strange, [
      [1, 0.5],
      [2, 0.6],
      [3, 0.95],
      [4, 0.7],
    ]),
  ).toEqual([1, 2, 3, 4]);
  // As strange as the second strangest is not stranger; one that went mad once is not deaf for it.
  expect(
    alarms(strange, [
      [5, 0.65],
      [6, 0.7],
      [7, 0.75],
    ]),
  ).toEqual([7]);
  expect(alarms(strange, [[8, 0.72]])).toEqual([]);
  // The first of them is more than four weeks ago.
  expect(alarms(strange, [[30.5, 0.5]])).toEqual([30.5]);
});

test('what is strange within ten minutes is one alarm, however long', () => {
  const strange = strangeness();
  for (let minute = 0; minute < 600; minute += 9) expect(strange.update(minute * 60_000, 0.6)).toBe(1);
  // Had these been many, there would be none left.
  expect(
    alarms(strange, [
      [1, 0.6],
      [2, 0.6],
      [3, 0.6],
      [4, 0.6],
    ]),
  ).toEqual([1, 2, 3]);
});

test('goes on after a restart as if there had been none', () => {
  const before = strangeness({ learnMs: dayMs });
  alarms(before, [
    [0, 0.9],
    [1, 0.5],
    [2, 0.6],
    [3, 0.7],
  ]);
  const to = new ByteWriter();
  before.write(to);
  const after = strangeness({ learnMs: dayMs });
  after.read(new ByteReader(to.take()));
  const later = [
    [4, 0.5],
    [5, 0.5],
    [6, 0.8],
  ] as const;
  expect(alarms(after, later)).toEqual(alarms(before, later));
});
