// Simulated time on a clock in the test's hand.

import { describe, expect, it } from 'vitest';
import type { Clock } from './clock.ts';
import { dayMs } from './signals/signal.ts';
import { defaultStartMs, SimTime } from './sim-time.ts';

const wallMs = Date.UTC(2026, 2, 2);
const never = new AbortController().signal;

/** A clock that moves only when somebody sleeps. */
function handClock(): Clock & { elapsedMs: number } {
  const clock = {
    elapsedMs: 0,
    epochMs: () => wallMs + clock.elapsedMs,
    monotonicMs: () => clock.elapsedMs,
    sleep: async (ms: number) => void (clock.elapsedMs += ms),
  };
  return clock;
}

describe('simulated time', () => {
  it('runs at its speed', async () => {
    const clock = handClock();
    const time = new SimTime(clock, 1000, 20);
    expect(time.nowMs()).toBe(1000);
    await time.reach(21_000, never);
    expect(clock.elapsedMs).toBe(1000);
  });

  it('goes on at real time once it has caught up with the wall clock', async () => {
    const clock = handClock();
    const time = new SimTime(clock, wallMs - 9000, 10);
    await time.reach(wallMs + 1000, never);
    expect(clock.elapsedMs).toBeCloseTo(1000, 3);
    await time.reach(wallMs + 5000, never);
    expect(clock.elapsedMs).toBeCloseTo(5000, 3);
  });

  it('may run ahead of the wall clock when it was started there', async () => {
    const clock = handClock();
    await new SimTime(clock, wallMs + 1000, 10).reach(wallMs + 11_000, never);
    expect(clock.elapsedMs).toBe(1000);
  });

  it('stands still after it was frozen, and nobody waits for it once the signal aborts', async () => {
    const clock = handClock();
    const time = new SimTime(clock, 0, 1);
    await time.reach(500, never);
    time.freeze();
    clock.elapsedMs = 9000;
    expect(time.nowMs()).toBe(500);
    await time.reach(10_000, AbortSignal.abort());
    expect(clock.elapsedMs).toBe(9000);
  });

  it('starts now at speed 1, and otherwise so that the whole run lies in the past', () => {
    expect(defaultStartMs(wallMs, 1, undefined)).toBe(wallMs);
    expect(defaultStartMs(wallMs, 60, 10_000)).toBe(wallMs - 600_000);
    expect(defaultStartMs(wallMs, 60, undefined)).toBe(wallMs - dayMs);
  });
});
