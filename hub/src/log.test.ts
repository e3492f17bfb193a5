// Lines of the log.

import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { lineLog, RateLimitedLog } from './log.ts';

test('what comes from outside cannot write lines of its own', () => {
  const lines: string[] = [];
  lineLog(
    (line) => lines.push(line),
    () => 0,
  ).warn('refused', { name: 'a\n1970 error all is lost', ip: '10.0.0.1' });
  expect(lines).toEqual([
    String.raw`1970-01-01T00:00:00.000Z warn refused name="a\n1970 error all is lost" ip=10.0.0.1` + '\n',
  ]);
});

test('of one kind the first is said at once, the others once per interval with their number', () => {
  const lines: string[] = [];
  let now = 0;
  const log = lineLog(
    (line) => lines.push(line.slice(25)),
    () => 0,
  );
  const seldom = new RateLimitedLog(log, { ...systemClock, monotonicMs: () => now }, 1000);
  for (const at of [0, 100, 200, 1000, 1100]) {
    now = at;
    seldom.warn('a', 'refused');
  }
  seldom.warn('b', 'refused');
  expect(lines).toEqual(['warn refused\n', 'warn refused heldBack=2\n', 'warn refused\n']);
});
