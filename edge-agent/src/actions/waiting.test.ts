import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { transitionKey, type Severity, type Transition } from '@weir/shared/model/alert.ts';
import { transition } from '../testing/outputs.ts';
import { deliveryOf, usualDelivery, type Delivery } from './delivery.ts';
import type { Notice } from './notice.ts';
import { Waiting } from './waiting.ts';

function alarm(index: number, severity: Severity, rule = 'too_hot', device = 'press'): Transition {
  return { ...transition(index, rule), severity, series: { device, signal: 'temperature' } };
}

/** What goes at this moment; undefined when nothing does. */
function noticeAt(waiting: Waiting, now: number): Notice | undefined {
  const next = waiting.next(now);
  return 'notice' in next ? next.notice : undefined;
}

/** Delivers everything that goes at this moment. @returns the times of each message's transitions */
function deliver(waiting: Waiting, now: number): number[][] {
  const all: number[][] = [];
  for (let notice = noticeAt(waiting, now); notice !== undefined; notice = noticeAt(waiting, now)) {
    all.push(notice.map(({ transition }) => transition.time));
    waiting.done(notice, now, true);
  }
  return all;
}

function waitMs(waiting: Waiting, now: number): number {
  const next = waiting.next(now);
  return 'waitMs' in next ? next.waitMs : 0;
}

const grouped = (group: string): Delivery => deliveryOf({ group });
const limited = (limit: string): Delivery => deliveryOf({ limit });
const sum = (notice: readonly { count: number }[]): number => notice.reduce((total, { count }) => total + count, 0);

describe('what waits for an action', () => {
  it('goes one by one while there is little: the most severe first, then the oldest', () => {
    const waiting = new Waiting(usualDelivery, 100);
    waiting.push(alarm(1, 'info'), 0);
    waiting.push(alarm(2, 'critical'), 0);
    waiting.push(alarm(3, 'warning'), 0);
    waiting.push(alarm(4, 'critical'), 0);
    expect(deliver(waiting, 0)).toEqual([[2], [4], [3], [1]]);
    expect(waitMs(waiting, 0)).toBe(Infinity);
  });

  it('beyond the limit is gathered for an interval and goes as one; places are kept for what is critical', () => {
    const waiting = new Waiting(limited('10 per 10s'), 100);
    for (let index = 0; index < 8; index++) waiting.push(alarm(index, 'warning'), 0);
    expect(deliver(waiting, 0)).toEqual([[0], [1], [2], [3], [4]]);
    expect(waitMs(waiting, 0)).toBe(10_000);
    for (let index = 20; index < 26; index++) waiting.push(alarm(index, 'critical'), 4000);
    expect(deliver(waiting, 4000)).toEqual([[20], [21], [22], [23]]);
    waiting.push(alarm(30, 'info'), 9000);
    expect(deliver(waiting, 9999)).toEqual([]);
    expect(deliver(waiting, 10_000)).toEqual([[5, 6, 7, 24, 25, 30]]);
    expect(waitMs(waiting, 10_000)).toBe(Infinity);
    waiting.push(alarm(40, 'warning'), 15_000);
    expect(deliver(waiting, 15_000)).toEqual([[40]]);
  });

  it('is gathered also when each message takes so long that the limit is never reached', () => {
    const waiting = new Waiting(limited('10 per 10s'), 2000);
    for (let index = 0; index < 1000; index++)
      waiting.push(alarm(index, index % 9 === 0 ? 'critical' : 'warning'), index * 10);
    let [now, messages] = [0, 0];
    for (let wait = waitMs(waiting, now); wait !== Infinity; wait = waitMs(waiting, now)) {
      const notice = noticeAt(waiting, now);
      now += notice === undefined ? wait : 3000;
      if (notice === undefined) continue;
      waiting.done(notice, now, true);
      messages += 1;
    }
    expect(messages).toBeLessThanOrEqual(10);
  });

  it('with a limit of one goes one an interval', () => {
    const waiting = new Waiting(limited('1 per 10s'), 100);
    for (const time of [1, 2, 3]) waiting.push(alarm(time, 'warning'), 0);
    expect(deliver(waiting, 0)).toEqual([[1]]);
    expect(deliver(waiting, 9999)).toEqual([]);
    expect(deliver(waiting, 10_000)).toEqual([[2, 3]]);
    waiting.push(alarm(4, 'critical'), 10_001);
    expect(deliver(waiting, 10_001)).toEqual([]);
    expect(waitMs(waiting, 10_001)).toBe(10_000);
    expect(deliver(waiting, 20_001)).toEqual([[4]]);
  });

  it('as a digest that failed takes in what came meanwhile', () => {
    const waiting = new Waiting(limited('2 per 10s'), 100);
    for (const time of [1, 2, 3]) waiting.push(alarm(time, 'warning'), 0);
    expect(deliver(waiting, 0)).toEqual([[1]]);
    expect(waitMs(waiting, 0)).toBe(10_000);
    expect(noticeAt(waiting, 10_000)).toHaveLength(2);
    waiting.push(alarm(4, 'warning'), 11_000);
    expect(deliver(waiting, 12_000)).toEqual([[2, 3, 4]]);
  });

  it('by rule is one message when its time is over, and what comes while that is told is the next', () => {
    const waiting = new Waiting(grouped('5s'), 100);
    waiting.push(alarm(1, 'warning', 'a'), 0);
    waiting.push(alarm(2, 'warning', 'b'), 1000);
    waiting.push(alarm(3, 'warning', 'a'), 4999);
    expect(waitMs(waiting, 4999)).toBe(1);
    const notice = noticeAt(waiting, 5000);
    expect(notice?.map(({ transition }) => transition.time)).toEqual([1, 3]);
    waiting.push(alarm(4, 'warning', 'a'), 5500);
    waiting.done(notice ?? [], 5600, true);
    expect(deliver(waiting, 6000)).toEqual([[2]]);
    expect(deliver(waiting, 10_499)).toEqual([]);
    expect(deliver(waiting, 10_500)).toEqual([[4]]);
  });

  it('by device is one message, whatever the rules and severities', () => {
    const waiting = new Waiting(grouped('5s by device'), 100);
    waiting.push(alarm(1, 'info', 'a', 'press'), 0);
    waiting.push(alarm(2, 'critical', 'b', 'oven'), 0);
    waiting.push(alarm(3, 'critical', 'b', 'press'), 2000);
    expect(deliver(waiting, 5000)).toEqual([[2], [1, 3]]);
  });

  it('beyond its bound is only counted: the oldest of the least severe first', () => {
    const waiting = new Waiting(limited('none'), 3);
    waiting.push(alarm(1, 'critical'), 0);
    for (let index = 2; index < 10; index++) waiting.push(alarm(index, 'warning', 'too_cold'), 0);
    expect(waiting.size).toBe(3);
    expect(waiting.counted).toBe(6);
    expect(deliver(waiting, 0)).toEqual([[1], [8], [9], [2]]);
    expect(waiting.counted).toBe(0);
  });

  it('and is counted while it is told is not counted twice', () => {
    const waiting = new Waiting(limited('none'), 2);
    waiting.push(alarm(1, 'warning'), 0);
    waiting.push(alarm(2, 'warning'), 0);
    const first = noticeAt(waiting, 0);
    expect(first?.[0].transition.time).toBe(1);
    for (const time of [3, 4]) waiting.push(alarm(time, 'warning'), 0);
    expect(waiting.counted).toBe(2);
    waiting.done(first ?? [], 0, true);
    expect(waiting.counted).toBe(1);
  });

  it('counts more while the count is told: the rest stands for those, under a name of its own', () => {
    const waiting = new Waiting(limited('none'), 1);
    for (const time of [1, 2, 3]) waiting.push(alarm(time, 'warning'), 0);
    expect(deliver(new Waiting(limited('none'), 1), 0)).toEqual([]);
    waiting.done(noticeAt(waiting, 0) ?? [], 0, true);
    const counted = noticeAt(waiting, 0) ?? [];
    expect(counted).toMatchObject([{ count: 2, transition: { time: 1 }, lastTime: 2 }]);
    for (const time of [4, 5]) waiting.push(alarm(time, 'warning'), 0);
    waiting.done(counted, 0, true);
    expect(waiting.all()).toMatchObject([
      { count: 1, transition: { time: 4 } },
      { count: 1, transition: { time: 5 } },
    ]);
  });

  it('never exceeds its limit in any interval, never its bound, and tells of each exactly once, whatever fails', () => {
    const event = fc.record({
      afterMs: fc.nat(3000),
      burst: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 3 }) }, fc.integer({ min: 0, max: 60 })),
      severity: fc.constantFrom<Severity>('info', 'warning', 'critical'),
      device: fc.constantFrom('press', 'oven'),
      works: fc.boolean(),
    });
    const delivery = fc.constantFrom(
      usualDelivery,
      limited('1 per 5s'),
      limited('3 per 2s'),
      { ...grouped('2s by device'), limit: { count: 4, intervalMs: 4000 } },
      limited('none'),
    );
    fc.assert(
      fc.property(delivery, fc.array(event, { maxLength: 60 }), (delivery, events) => {
        const max = 20;
        const waiting = new Waiting(delivery, max);
        const sent: number[] = [];
        const inFull = new Set<string>();
        let [now, pushed, told] = [0, 0, 0];
        const attempt = (works: boolean): void => {
          for (let notice = noticeAt(waiting, now); notice !== undefined; notice = noticeAt(waiting, now)) {
            if (!works) return;
            waiting.done(notice, now, true);
            sent.push(now);
            told += sum(notice);
            for (const { transition, count } of notice) {
              if (count > 1) continue;
              expect(inFull).not.toContain(transitionKey(transition));
              inFull.add(transitionKey(transition));
            }
          }
        };
        for (const { afterMs, burst, severity, device, works } of events) {
          now += afterMs;
          for (let left = burst; left > 0; left--) waiting.push(alarm(pushed++, severity, severity, device), now);
          expect(waiting.size).toBeLessThanOrEqual(max);
          expect(told + sum(waiting.all())).toBe(pushed);
          attempt(works);
        }
        for (let wait = waitMs(waiting, now); wait !== Infinity; wait = waitMs(waiting, now)) {
          now += wait;
          attempt(true);
        }
        expect(told).toBe(pushed);
        const { count, intervalMs } = delivery.limit;
        if (count === Infinity) return;
        for (const [index, at] of sent.entries())
          expect((sent[index + count] ?? Infinity) - at).toBeGreaterThanOrEqual(intervalMs);
      }),
      { numRuns: 500 },
    );
  });
});
