// What an alarm tells in the course of its life, rule by rule. Seconds are counted from 0, and a reading arrives at once,
// unless it says otherwise.

import { describe, expect, test } from 'vitest';
import type { OperationKind } from '../model/alert.ts';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Alarm, type AlarmSettings, type Emit } from './alarm.ts';

const plain: AlarmSettings = {
  forMs: 0,
  keepForMs: 0,
  latch: false,
  remindMs: Infinity,
  holdsChatter: true,
  onLate: 'record',
  lateAfterMs: 60_000,
};

/** An alarm in seconds, with what it has told: `state time since quiet`. */
class Watched {
  readonly settings: AlarmSettings;
  alarm: Alarm;
  #told: string[] = [];
  readonly #emit: Emit = (state, time, since, quiet) => {
    this.#told.push(`${state} ${time / 1000} ${since / 1000} ${quiet}`.trimEnd());
  };

  constructor(settings: Partial<AlarmSettings> = {}) {
    this.settings = { ...plain, ...settings };
    this.alarm = new Alarm(this.settings);
  }

  on(time: number, arrival = time): this {
    return this.#observe(time, arrival, true, false);
  }

  off(time: number, arrival = time): this {
    return this.#observe(time, arrival, false, true);
  }

  /** In the deadband. */
  between(time: number, arrival = time): this {
    return this.#observe(time, arrival, false, false);
  }

  tick(now: number): this {
    this.alarm.tick(now * 1000, this.#emit);
    return this;
  }

  operate(kind: OperationKind, now: number, until = NaN): this {
    this.alarm.operate({ kind, until: until * 1000 }, now * 1000, this.#emit);
    return this;
  }

  suppress(on: boolean, now: number): this {
    this.alarm.suppress(on, now * 1000, this.#emit);
    return this;
  }

  abandon(): this {
    this.alarm.abandon(this.#emit);
    return this;
  }

  /** Since it was last asked. */
  get told(): string[] {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  #observe(time: number, arrival: number, holds: boolean, clears: boolean): this {
    this.alarm.observe(time * 1000, arrival * 1000, holds, clears, this.#emit);
    return this;
  }
}

describe('on-delay', () => {
  test('without one, the alarm fires with the first reading for which the condition holds', () => {
    expect(new Watched().off(1).on(2).on(3).told).toStrictEqual(['firing 2 2']);
  });

  test('a reading that still holds when it is over fires, with its time', () => {
    expect(new Watched({ forMs: 10_000 }).on(1).on(10).told).toStrictEqual([]);
    expect(new Watched({ forMs: 10_000 }).on(1).on(12).told).toStrictEqual(['firing 12 1']);
  });

  test('what was last said counts until something else is said: the clock fires, a door says `open` once', () => {
    const door = new Watched({ forMs: 300_000 }).on(100, 107);
    expect(door.alarm.phase).toBe('pending');
    expect(door.tick(406).told).toStrictEqual([]);
    expect(door.alarm.nextTick).toBe(407_000);
    expect(door.tick(500).told).toStrictEqual(['firing 400 100']);
  });

  test('a reading for which it does not hold ends it, and the next begins anew', () => {
    expect(new Watched({ forMs: 10_000 }).on(0).between(9).on(10).on(19).told).toStrictEqual([]);
    expect(new Watched({ forMs: 10_000 }).on(0).off(9).on(10).on(20).told).toStrictEqual(['firing 20 10']);
  });
});

describe('off-delay', () => {
  test('the alarm is over when clearing has lasted for it, at the time of the reading that finds so', () => {
    expect(new Watched({ keepForMs: 10_000 }).on(0).off(1).off(10).off(13).told).toStrictEqual([
      'firing 0 0',
      'cleared 13 0',
    ]);
  });

  test('the clock ends it where nothing else is said', () => {
    expect(new Watched({ keepForMs: 10_000 }).on(0).off(1, 3).tick(12.9).told).toStrictEqual(['firing 0 0']);
    expect(new Watched({ keepForMs: 10_000 }).on(0).off(1, 3).tick(13).told).toStrictEqual([
      'firing 0 0',
      'cleared 11 0',
    ]);
  });

  test('a reading that does not clear begins it anew, in the deadband too', () => {
    for (const say of ['on', 'between'] as const) {
      const watched = new Watched({ keepForMs: 10_000 }).on(0).off(1);
      expect(watched[say](9).off(10).off(19).told).toStrictEqual(['firing 0 0']);
      expect(watched.off(20).told).toStrictEqual(['cleared 20 0']);
    }
  });

  test('in the deadband a firing alarm goes on, and a quiet one does not start', () => {
    expect(new Watched().between(0).on(1).between(2).off(3).between(4).told).toStrictEqual([
      'firing 1 1',
      'cleared 3 1',
    ]);
  });

  test('an episode does not end before it began: a reading from before what the clock came to counts as of then', () => {
    expect(new Watched({ forMs: 10_000 }).on(0).tick(10).off(8, 11).told).toStrictEqual([
      'firing 10 0',
      'cleared 10 0',
    ]);
  });
});

describe('latch and acknowledge', () => {
  test('a latched alarm waits for somebody to acknowledge it', () => {
    const watched = new Watched({ latch: true }).on(0).off(1);
    expect(watched.told).toStrictEqual(['firing 0 0', 'latched 1 0']);
    expect([watched.alarm.phase, watched.alarm.firing]).toStrictEqual(['latched', true]);
    expect(watched.operate('acknowledge', 5).told).toStrictEqual(['acknowledged 5 0', 'cleared 5 0']);
    expect([watched.alarm.phase, watched.alarm.firing]).toStrictEqual(['normal', false]);
  });

  test('acknowledged in time, it does not wait', () => {
    const watched = new Watched({ latch: true }).on(0).operate('acknowledge', 1).off(2);
    expect(watched.told).toStrictEqual(['firing 0 0', 'acknowledged 1 0', 'cleared 2 0']);
  });

  test('what holds again while latched is the same episode, after the on-delay', () => {
    const watched = new Watched({ latch: true, forMs: 5000 }).on(0).on(5).off(6);
    expect(watched.on(7).on(11).told).toStrictEqual(['firing 5 0', 'latched 6 0']);
    expect(watched.on(12).told).toStrictEqual(['reminded 12 0']);
    expect(watched.alarm.acknowledged).toBe(false);
  });

  test('there is nothing to acknowledge in a normal alarm, and nothing twice', () => {
    const watched = new Watched({ forMs: 5000 }).on(0).operate('acknowledge', 1);
    expect(watched.told).toStrictEqual([]);
    expect(watched.on(5).operate('acknowledge', 6).operate('acknowledge', 7).told).toStrictEqual([
      'firing 5 0',
      'acknowledged 6 0',
    ]);
  });
});

describe('reminders', () => {
  test('come as long as nobody has acknowledged, one however many are due', () => {
    const watched = new Watched({ remindMs: 60_000 }).on(0);
    expect(watched.tick(59).tick(60).tick(61).tick(305).tick(359).told).toStrictEqual([
      'firing 0 0',
      'reminded 60 0',
      'reminded 300 0',
    ]);
    expect(watched.operate('acknowledge', 359).tick(1000).told).toStrictEqual(['acknowledged 359 0']);
    expect(watched.alarm.nextTick).toBe(Infinity);
  });

  test('do not come for what is latched, or quiet, or over before they are told', () => {
    expect(new Watched({ remindMs: 60_000, latch: true }).on(0).off(1).tick(100).told).toStrictEqual([
      'firing 0 0',
      'latched 1 0',
    ]);
    expect(new Watched({ remindMs: 60_000 }).on(0).operate('disable', 1).tick(100).told).toStrictEqual([
      'firing 0 0',
      'disabled 1 0',
    ]);
    expect(new Watched({ remindMs: 60_000, keepForMs: 70_000 }).on(0).off(1).tick(100).told).toStrictEqual([
      'firing 0 0',
      'cleared 71 0',
    ]);
  });
});

describe('shelf and service', () => {
  test('a shelved alarm lives on in silence, and what still fires when the shelf is over is told', () => {
    const watched = new Watched().operate('shelve', 0, 100).on(10);
    expect(watched.told).toStrictEqual(['shelved 0 0', 'firing 10 10 shelved']);
    expect([watched.alarm.told, watched.alarm.shelvedUntil]).toStrictEqual([false, 100_000]);
    expect(watched.tick(99).tick(101).told).toStrictEqual(['unshelved 100 10', 'firing 100 10']);
    expect([watched.alarm.told, watched.alarm.shelvedUntil]).toStrictEqual([true, -Infinity]);
  });

  test('what somebody was told of before is told again as a reminder, unless acknowledged', () => {
    const watched = new Watched().on(0).operate('shelve', 1, 100);
    expect(watched.operate('unshelve', 50).told).toStrictEqual([
      'firing 0 0',
      'shelved 1 0',
      'unshelved 50 0',
      'reminded 50 0',
    ]);
    expect(watched.operate('disable', 51).operate('acknowledge', 52).operate('enable', 53).told).toStrictEqual([
      'disabled 51 0',
      'acknowledged 52 0',
      'enabled 53 0',
    ]);
  });

  test('what is over before the shelf is was never told of', () => {
    const watched = new Watched().operate('shelve', 0, 100).on(10).off(20).tick(100);
    expect(watched.told).toStrictEqual([
      'shelved 0 0',
      'firing 10 10 shelved',
      'cleared 20 10 shelved',
      'unshelved 100 100',
    ]);
  });

  test('nothing is told while the off-delay runs', () => {
    const watched = new Watched({ keepForMs: 50_000 }).operate('shelve', 0, 100).on(10).off(90).tick(120);
    expect(watched.told).toStrictEqual(['shelved 0 0', 'firing 10 10 shelved', 'unshelved 100 10']);
    expect(watched.on(130).told).toStrictEqual(['firing 130 10']);
  });

  test('an end is told to those who were told of the beginning, unless operators silenced it', () => {
    expect(new Watched().on(0).operate('disable', 1).off(2).told.at(-1)).toBe('cleared 2 0 disabled');
    expect(new Watched().on(0).suppress(true, 1).off(2).told.at(-1)).toBe('cleared 2 0');
  });

  test('shelving again changes the end; out of service hides a shelf', () => {
    const watched = new Watched()
      .operate('shelve', 0, 100)
      .operate('shelve', 50, 200)
      .tick(150)
      .operate('disable', 160)
      .on(170);
    expect(watched.told).toStrictEqual(['shelved 0 0', 'shelved 50 50', 'disabled 160 160', 'firing 170 170 disabled']);
    expect(watched.tick(200).told).toStrictEqual(['unshelved 200 170']);
    expect(watched.operate('enable', 210).told).toStrictEqual(['enabled 210 170', 'firing 210 170']);
  });

  test('what changes nothing is not told: a shelf that is over already, undoing what was not done', () => {
    const watched = new Watched().operate('shelve', 10, 10).operate('unshelve', 10).operate('enable', 10);
    expect(watched.told).toStrictEqual([]);
    expect(watched.alarm.nextTick).toBe(Infinity);
  });
});

describe('suppression', () => {
  test('while another alarm explains it nobody is told, and for a while after', () => {
    const watched = new Watched().suppress(true, 0).on(5);
    expect(watched.told).toStrictEqual(['firing 5 5 suppressed']);
    expect(watched.suppress(false, 20).tick(29).told).toStrictEqual([]);
    expect(watched.alarm.suppressed).toBe(true);
    expect(watched.tick(30).told).toStrictEqual(['unsuppressed 30 5 suppressed', 'firing 30 5']);
    expect(watched.alarm.suppressed).toBe(false);
  });

  test('what comes back in that while is never told of', () => {
    const watched = new Watched({ forMs: 60_000 })
      .on(0)
      .suppress(true, 1)
      .on(60)
      .suppress(false, 70)
      .off(129)
      .tick(200);
    expect(watched.told).toStrictEqual(['firing 60 0 suppressed', 'cleared 129 0 suppressed']);
    expect(watched.on(201).on(261).told).toStrictEqual(['firing 261 201']);
  });

  test('an alarm that fires already says so, once', () => {
    const watched = new Watched().on(0).suppress(true, 1).suppress(true, 2).suppress(false, 3).suppress(true, 4);
    expect(watched.told).toStrictEqual(['firing 0 0', 'suppressed 1 0 suppressed']);
    expect(watched.tick(100).suppress(false, 100).tick(110).told).toStrictEqual([
      'unsuppressed 110 0 suppressed',
      'reminded 110 0',
    ]);
  });
});

describe('late readings', () => {
  test('of yesterday are on record and tell nobody; what still holds today is told', () => {
    const watched = new Watched().on(0, 61).on(1, 62);
    expect(watched.told).toStrictEqual(['firing 0 0 late']);
    expect(watched.on(70, 71).told).toStrictEqual(['firing 70 0']);
  });

  test('nobody hears of what began and ended yesterday', () => {
    expect(new Watched().on(0, 86_400).off(1, 86_400).off(86_401).told).toStrictEqual([
      'firing 0 0 late',
      'cleared 1 0 late',
    ]);
    expect(new Watched().on(0, 86_400).off(86_401).told).toStrictEqual(['firing 0 0 late', 'cleared 86401 0 late']);
  });

  test('fire like any other where the rule asks for it, and are late only after so long', () => {
    expect(new Watched({ onLate: 'fire' }).on(0, 86_400).told).toStrictEqual(['firing 0 0']);
    expect(new Watched().on(0, 60).told).toStrictEqual(['firing 0 0']);
  });

  test('take nothing back that was told', () => {
    expect(new Watched().on(0).on(1, 500).on(501).off(502).told).toStrictEqual(['firing 0 0', 'cleared 502 0']);
  });

  test('are late by their own time, whatever the clock has come to', () => {
    const watched = new Watched({ forMs: 100_000, latch: true }).on(0).tick(100).off(20, 100).on(30, 100).told;
    expect(watched).toStrictEqual(['firing 100 0', 'latched 100 0']);
    const shelved = new Watched({ forMs: 100_000 })
      .operate('disable', 0)
      .on(0)
      .tick(100)
      .on(20, 100)
      .operate('enable', 101);
    expect(shelved.told).toStrictEqual(['disabled 0 0', 'firing 100 0 disabled', 'enabled 101 0']);
    expect(shelved.on(102).told).toStrictEqual(['firing 102 0']);
  });

  test('the clock makes no fresh alarm of a late reading', () => {
    expect(new Watched({ forMs: 10_000 }).on(0, 1000).tick(1010).told).toStrictEqual(['firing 10 0 late']);
  });
});

describe('chatter', () => {
  test('the third activation in a row tells nobody, and each takes longer to end', () => {
    const watched = new Watched({ keepForMs: 60_000 });
    expect(watched.on(0).off(1).tick(61).on(100).off(101).tick(220).told).toStrictEqual([
      'firing 0 0',
      'cleared 61 0',
      'firing 100 100',
    ]);
    expect(watched.tick(221).on(300).off(301).tick(540).told).toStrictEqual([
      'cleared 221 100',
      'firing 300 300 chattering',
    ]);
    expect(watched.alarm.chattering).toBe(true);
    expect(watched.tick(541).told).toStrictEqual(['cleared 541 300 chattering']);
    expect([
      watched.alarm.chattering,
      watched.off(1140).alarm.chattering,
      watched.off(1141).alarm.chattering,
    ]).toStrictEqual([true, true, false]);
  });

  test('a pause of more than ten minutes ends it', () => {
    const watched = new Watched({ keepForMs: 60_000 }).on(0).off(1).off(61).on(70).off(71).off(191);
    expect(watched.on(792).off(793).off(853).told.slice(-2)).toStrictEqual(['firing 792 792', 'cleared 853 792']);
  });

  test('what lasts for ten minutes without a break is told after all', () => {
    const watched = new Watched({ keepForMs: 60_000 })
      .on(0)
      .off(1)
      .off(61)
      .on(70)
      .off(71)
      .off(191)
      .on(200)
      .off(201)
      .on(202);
    expect(watched.told.at(-1)).toBe('firing 200 200 chattering');
    expect(watched.tick(801).told).toStrictEqual([]);
    expect(watched.tick(802).told).toStrictEqual(['firing 802 200']);
    expect(watched.alarm.chattering).toBe(false);
  });

  test('without an off-delay an end is told at once all the same, and a minute is what makes chatter', () => {
    const watched = new Watched().on(0).off(1).on(61).off(62).on(100).off(101);
    expect(watched.told.slice(-2)).toStrictEqual(['firing 100 100 chattering', 'cleared 101 100 chattering']);
    expect(watched.on(162).off(163).told).toStrictEqual(['firing 162 162', 'cleared 163 162']);
  });

  test('the off-delay doubles up to an hour, however short it was', () => {
    const watched = new Watched({ keepForMs: 1000 });
    const offDelays: number[] = [];
    let time = 0;
    for (let count = 0; count < 14; count++) {
      watched.on(time).off(time);
      const end = watched.alarm.nextTick / 1000;
      offDelays.push(end - time);
      watched.tick(end);
      time = end + 1;
    }
    expect(offDelays).toStrictEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]);
  });

  test('a pause of more than ten minutes, but not more than the off-delay, leaves it as it is', () => {
    const watched = new Watched({ keepForMs: 400_000 }).on(0).off(1).tick(401).on(402).off(403).tick(1203);
    expect(watched.on(1203 + 700).told.at(-1)).toBe('firing 1903 1903');
    expect(watched.off(1904).alarm.nextTick).toBe((1904 + 800) * 1000);
    expect(
      watched
        .tick(2704)
        .on(2704 + 801)
        .off(3506).alarm.nextTick,
    ).toBe((3506 + 400) * 1000);
  });

  test('an off-delay is no lasting condition: the end of what chattered is quiet for that reason', () => {
    const watched = new Watched({ keepForMs: 300_000 }).on(0).off(1).tick(301).on(302).off(303).tick(903);
    expect(
      watched
        .on(904)
        .off(905)
        .tick(905 + 1200)
        .told.slice(-2),
    ).toStrictEqual(['firing 904 904 chattering', 'cleared 2105 904 chattering']);
    watched
      .operate('shelve', 2105, 2108)
      .on(2106)
      .off(2107)
      .tick(2108)
      .tick(2107 + 2400);
    expect(watched.told.at(-1)).toBe('cleared 4507 2106 chattering');
  });

  /** Episodes, and how often somebody was told that one began, in an hour of readings every second, a tick before each. */
  function hour(settings: Partial<AlarmSettings>, holds: () => boolean): { activations: number; told: number } {
    const watched = new Watched(settings);
    for (let time = 0; time < 3600; time++) {
      watched.tick(time);
      if (holds()) watched.on(time);
      else watched.off(time);
    }
    const told = watched.told.filter((text) => text.startsWith('firing'));
    return {
      activations: new Set(told.map((text) => text.split(' ')[2])).size,
      told: told.filter((text) => text.split(' ').length === 3).length,
    };
  }

  test('a noisy signal that sits on the limit for an hour is one activation', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = randomOf(seed);
      const gaussian = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      expect(hour({ keepForMs: 60_000 }, () => gaussian() > 0)).toStrictEqual({ activations: 1, told: 1 });
    }
  });

  test('of a limit that one reading in a hundred exceeds, somebody is told at most twice an hour', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = randomOf(seed);
      const { activations, told } = hour({ keepForMs: 60_000 }, () => random() < 0.01);
      expect(told).toBeLessThanOrEqual(2);
      expect(activations).toBeGreaterThan(0);
    }
  });
});

describe('what is kept', () => {
  test('when its rule is gone an alarm that fires is over, and one that does not has nothing to say', () => {
    expect(new Watched().on(3).on(7).abandon().told).toStrictEqual(['firing 3 3', 'cleared 7 3']);
    expect(new Watched({ forMs: 9000 }).on(3).abandon().told).toStrictEqual([]);
  });

  test('when its rule is changed shelf and service are kept, and the episode is not', () => {
    const before = new Watched().on(0).operate('shelve', 1, 100).operate('disable', 2);
    const after = new Watched();
    after.alarm.keepOperations(before.alarm);
    expect([after.alarm.phase, after.alarm.disabled, after.alarm.shelvedUntil]).toStrictEqual([
      'normal',
      true,
      100_000,
    ]);
    expect(after.tick(100).told).toStrictEqual(['unshelved 100 100']);
  });

  test('all of it, over a restart', () => {
    const watched = new Watched({ forMs: 10_000, remindMs: 60_000 }).on(0).on(4);
    const to = new ByteWriter();
    watched.alarm.write(to);
    watched.alarm = new Alarm(watched.settings);
    watched.alarm.read(new ByteReader(to.take()));
    expect(watched.alarm.nextTick).toBe(10_000);
    expect(watched.tick(10).tick(70).told).toStrictEqual(['firing 10 0', 'reminded 70 0']);
  });

  test('a clock that is put ahead makes no delay shorter, and an episode keeps its name', () => {
    const watched = new Watched({ forMs: 10_000 }).on(0).on(4);
    watched.alarm.jump(3_600_000, true);
    expect(watched.tick(3609).tick(3610).told).toStrictEqual(['firing 3610 3600']);
    watched.alarm.jump(3_600_000, true);
    expect(watched.off(7300).told).toStrictEqual(['cleared 7300 3600']);
  });

  test('a clock that is put ahead ends no chatter', () => {
    const watched = new Watched({ keepForMs: 60_000 }).on(0).off(1).tick(61);
    watched.alarm.jump(3_600_000, true);
    expect(watched.on(3700).off(3701).alarm.nextTick).toBe((3701 + 120) * 1000);
  });

  test('a shelf that ended before the clock was put ahead is told with its date, and what follows is of now', () => {
    const watched = new Watched().operate('shelve', 0, 100).on(10);
    watched.alarm.jump(3_600_000, true);
    expect(watched.tick(3610).told.slice(-2)).toStrictEqual(['unshelved 100 10', 'firing 3610 10']);
  });

  test('event times of another clock stay when the arrival clock is put ahead', () => {
    const watched = new Watched({ forMs: 10_000 }).on(0, 2).on(4, 6);
    watched.alarm.jump(3_600_000, false);
    expect(watched.tick(3611).tick(3612).told).toStrictEqual(['firing 10 0']);
  });
});

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
