import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { Timeline, earliestMs, type SyncReport, type TimelineOptions } from './timeline.ts';

const hour = 3_600_000;
const start = Date.UTC(2026, 10, 1);

const waiting: SyncReport = { service: 'timesyncd', synchronised: false };
const alone: SyncReport = { service: undefined, synchronised: false };

function timelineOf(clock: FakeClock, more: Partial<TimelineOptions> = {}): Timeline {
  return new Timeline({
    wall: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    mode: 'auto',
    patienceMs: Infinity,
    before: undefined,
    lastKnown: -Infinity,
    lastStamped: -Infinity,
    ...more,
  });
}

/** Looks, and applies what there is. */
function look(timeline: Timeline) {
  const change = timeline.look();
  if (change !== undefined) timeline.apply(change);
  return change;
}

/** The kernel vouches for the wall clock. */
function confirm(timeline: Timeline, clock: FakeClock) {
  timeline.report({ service: 'NTP', synchronised: true }, clock.monotonicMs());
  return look(timeline);
}

describe('a time line that nobody vouches for', () => {
  it('goes on from the last time known when the wall clock starts in 1970', () => {
    const clock = new FakeClock(0);
    const timeline = timelineOf(clock, { lastKnown: start, lastStamped: start });
    timeline.report(waiting, 0);
    expect([timeline.state, timeline.now()]).toStrictEqual(['unknown', start]);
    clock.advance(1000);
    expect(look(timeline)).toBeUndefined();
    expect(timeline.now()).toBe(start + 1000);
  });

  it('starts not before this was written when nothing is known', () => {
    expect(timelineOf(new FakeClock(0)).now()).toBe(earliestMs);
  });

  it('takes a wall clock that is ahead of the last time known, and does not follow its steps', () => {
    const clock = new FakeClock(start + hour);
    const timeline = timelineOf(clock, { lastKnown: start, lastStamped: start });
    clock.step(-3 * hour);
    clock.advance(1000);
    expect(look(timeline)).toBeUndefined();
    expect(timeline.now()).toBe(start + hour + 1000);
  });

  it('says by how much to move what it stamped when the wall clock is set and vouched for', () => {
    const clock = new FakeClock(0);
    const timeline = timelineOf(clock);
    clock.advance(5000);
    expect(timeline.now()).toBe(earliestMs + 5000);
    clock.step(start);
    expect(look(timeline)).toBeUndefined();
    expect(confirm(timeline, clock)).toStrictEqual({ kind: 'known', ms: start - earliestMs });
    expect([timeline.state, timeline.now()]).toStrictEqual(['synchronised', clock.now()]);
  });

  it('does not take a word that was given before the wall clock was moved', () => {
    const clock = new FakeClock(start);
    const timeline = timelineOf(clock);
    const asked = clock.monotonicMs();
    clock.advance(10);
    clock.step(hour);
    timeline.report({ service: 'NTP', synchronised: true }, asked);
    expect(timeline.look()).toBeUndefined();
  });

  it('is taken as it is when it can be waited no longer, and jumps to the true time later', () => {
    const clock = new FakeClock(0);
    const timeline = timelineOf(clock);
    timeline.apply(timeline.giveUp());
    expect([timeline.state, timeline.known]).toStrictEqual(['estimated', true]);
    clock.step(start);
    expect(confirm(timeline, clock)).toStrictEqual({ kind: 'jump', ms: start - earliestMs });
    expect([timeline.state, timeline.now()]).toStrictEqual(['synchronised', start]);
  });

  it('is not moved to before the last time known: what is ahead is caught up with at half speed', () => {
    const clock = new FakeClock(start);
    const timeline = timelineOf(clock, { lastKnown: start, lastStamped: start });
    clock.advance(1000);
    clock.step(-hour);
    expect(confirm(timeline, clock)).toStrictEqual({ kind: 'known', ms: 0 });
    look(timeline);
    const before = timeline.now();
    clock.advance(hour);
    expect(timeline.now()).toBe(before + hour / 2);
    look(timeline);
    clock.advance(2 * hour);
    look(timeline);
    expect(timeline.now()).toBe(clock.now());
  });

  it('goes on where it was when the process starts anew and the machine does not', () => {
    const clock = new FakeClock(0);
    const first = timelineOf(clock);
    clock.advance(5000);
    first.now();
    clock.step(7 * hour);
    clock.advance(1000);
    const second = timelineOf(clock, { before: first.origin });
    expect(second.now()).toBe(first.now());
    clock.step(start);
    expect(confirm(second, clock)?.ms).toBe(clock.now() - first.now());
  });
});

describe('a machine without a time service', () => {
  it('is believed at once when its clock says a time that can be', () => {
    const clock = new FakeClock(start);
    const timeline = timelineOf(clock);
    expect(look(timeline)).toBeUndefined();
    timeline.report(alone, clock.monotonicMs());
    expect(look(timeline)).toStrictEqual({ kind: 'known', ms: 0 });
    expect(timeline.state).toBe('machine');
  });

  it('is not believed in 1970, nor the moment after it was set, but a minute later', () => {
    const clock = new FakeClock(0);
    const timeline = timelineOf(clock, { mode: 'machine' });
    expect(look(timeline)).toBeUndefined();
    clock.step(start);
    expect(look(timeline)).toBeUndefined();
    clock.advance(60_000);
    expect(look(timeline)?.kind).toBe('known');
    expect(timeline.now()).toBe(start + 60_000);
  });

  it('with mode ntp is not believed at all', () => {
    const clock = new FakeClock(start);
    const timeline = timelineOf(clock, { mode: 'ntp' });
    timeline.report(alone, clock.monotonicMs());
    clock.advance(24 * hour);
    expect(look(timeline)).toBeUndefined();
    expect(timeline.state).toBe('unknown');
  });

  it('with a battery is believed when its time service does not come up in time, until that does', () => {
    const clock = new FakeClock(start);
    const timeline = timelineOf(clock, { patienceMs: 300_000 });
    timeline.report(waiting, clock.monotonicMs());
    clock.advance(299_000);
    expect(look(timeline)).toBeUndefined();
    clock.advance(1000);
    expect(look(timeline)?.kind).toBe('known');
    expect(timeline.state).toBe('machine');
    clock.step(2000);
    expect(confirm(timeline, clock)).toStrictEqual({ kind: 'jump', ms: 2000 });
    expect(timeline.state).toBe('synchronised');
  });
});

describe('a time line that is known', () => {
  function known(clock: FakeClock): Timeline {
    const timeline = timelineOf(clock);
    confirm(timeline, clock);
    return timeline;
  }

  it.each([hour, -hour])('does not follow a step of %d ms that nobody vouches for, and sees it undone', (ms) => {
    const clock = new FakeClock(start);
    const timeline = known(clock);
    clock.step(ms);
    clock.advance(1000);
    expect(look(timeline)).toBeUndefined();
    expect([timeline.state, timeline.now(), Math.round(timeline.wallAheadMs)]).toStrictEqual([
      'holding',
      start + 1000,
      ms,
    ]);
    clock.advance(10 * hour);
    expect(look(timeline)).toBeUndefined();
    clock.step(-ms);
    expect(confirm(timeline, clock)).toBeUndefined();
    expect([timeline.state, timeline.now()]).toStrictEqual(['synchronised', clock.now()]);
  });

  it('jumps ahead with a wall clock that is ahead and vouched for', () => {
    const clock = new FakeClock(start);
    const timeline = known(clock);
    clock.step(hour);
    expect(confirm(timeline, clock)).toStrictEqual({ kind: 'jump', ms: hour });
    expect(timeline.now()).toBe(start + hour);
  });

  it('never goes back: it runs at half speed until the wall clock is there', () => {
    const clock = new FakeClock(start);
    const timeline = known(clock);
    clock.step(-hour);
    expect(confirm(timeline, clock)).toBeUndefined();
    for (let minute = 1; minute <= 120; minute++) {
      clock.advance(60_000);
      look(timeline);
      expect(timeline.now()).toBe(start + minute * 30_000);
    }
    clock.advance(60_000);
    look(timeline);
    expect(timeline.now()).toBe(clock.now());
  });

  it('follows small corrections', () => {
    const clock = new FakeClock(start);
    const timeline = known(clock);
    clock.step(300);
    look(timeline);
    expect(timeline.now()).toBe(start + 300);
    clock.step(-200);
    look(timeline);
    clock.advance(400);
    look(timeline);
    expect(timeline.now()).toBe(clock.now());
  });

  it('tells what was stamped before a change from what was stamped behind it', () => {
    const clock = new FakeClock(start);
    const timeline = known(clock);
    clock.advance(1000);
    clock.step(hour);
    confirm(timeline, clock);
    expect([timeline.shiftSince(start + 999), timeline.shiftSince(start + 1000)]).toStrictEqual([hour, 0]);
  });
});

describe('a time service that says when it last looked', () => {
  const report = (lastSync: number): SyncReport => ({ service: 'timesyncd', synchronised: true, lastSync });

  it('vouches for a wall clock that was moved only when it has looked since', () => {
    const clock = new FakeClock(start);
    const timeline = timelineOf(clock);
    const says = (lastSync: number) => {
      clock.advance(1000);
      timeline.report(report(lastSync), clock.monotonicMs());
      return look(timeline);
    };
    expect(says(start - 600_000)?.kind).toBe('known');
    clock.step(-900_000);
    // The old word, which by the clock as it is now was given in the future, and then within reach.
    for (let second = 0; second < 600; second++) expect(says(start - 600_000)).toBeUndefined();
    expect(timeline.state).toBe('holding');
    clock.step(900_000);
    expect(says(clock.now())).toBeUndefined();
    expect(timeline.state).toBe('synchronised');
  });

  it('vouches for a step it made itself, though that was seen only afterwards', () => {
    const clock = new FakeClock(start);
    const timeline = timelineOf(clock);
    look(timeline);
    clock.advance(200);
    clock.step(hour);
    const lastSync = clock.now();
    clock.advance(300);
    timeline.report(report(lastSync), clock.monotonicMs());
    expect(look(timeline)).toStrictEqual({ kind: 'known', ms: hour });
  });
});

it('never runs backwards once known, and comes to the true time whatever happens to the wall clock', () => {
  const event = fc.oneof(
    // Smaller ones are corrections, and followed.
    fc.record({ step: fc.integer({ min: -2 * hour, max: 2 * hour }).filter((ms) => Math.abs(ms) > 500) }),
    fc.record({ wait: fc.integer({ min: 1, max: 30 * 60_000 }) }),
    fc.constant({ sync: true }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const clock = new FakeClock(start);
      const timeline = timelineOf(clock);
      // The machine's clock may be wrong at first, and is right whenever it is vouched for.
      let off = 0;
      let last = -Infinity;
      for (const one of [...events, { sync: true }, { wait: 24 * hour }, { sync: true }]) {
        if ('step' in one) {
          clock.step(one.step);
          off += one.step;
        } else if ('wait' in one) clock.advance(one.wait);
        else {
          clock.step(-off);
          off = 0;
          confirm(timeline, clock);
        }
        look(timeline);
        if (!timeline.known) continue;
        expect(timeline.now()).toBeGreaterThanOrEqual(last);
        last = timeline.now();
        // Whoever was told the truth once keeps to it.
        expect(Math.abs(timeline.now() - (clock.now() - off))).toBeLessThanOrEqual(50);
      }
      expect(timeline.state).toBe('synchronised');
    }),
  );
});
