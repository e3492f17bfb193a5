import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Health } from '../health.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { settle } from '../testing/station.ts';
import type { LevelAction } from './action.ts';
import type { Pulse } from './action.ts';
import { isWanted, Levels, type AlarmState } from './levels.ts';

/** A lamp that can be broken, or hang. */
class Lamp implements LevelAction {
  readonly orders: boolean[] = [];
  state: 'works' | 'fails' | 'hangs' = 'works';
  on: boolean | undefined;
  closed = false;

  async set(on: boolean): Promise<void> {
    this.orders.push(on);
    if (this.state === 'hangs') await new Promise<never>(() => undefined);
    if (this.state === 'fails') throw new Error('no power');
    this.on = on;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

function start(lamps: Readonly<Record<string, Lamp>>, pulse?: Pulse) {
  const clock = new FakeClock();
  const wanted = new Set<string>();
  const health = new Health(
    () => 0,
    () => undefined,
  );
  const levels = new Levels({
    levels: new Map(Object.entries(lamps).map(([id, action]) => [id, { action, mode: 'firing', pulse }])),
    wanted: (id) => wanted.has(id),
    health,
    clock,
    random: () => 0.5,
  });
  const end = new AbortController();
  const running = levels.run(end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await running;
  };
  const want = (id: string, on: boolean): void => {
    if (on) wanted.add(id);
    else wanted.delete(id);
    levels.changed();
  };
  /** Lets so much time go by, a little at a time. */
  const pass = async (ms: number, stepMs = 50): Promise<void> => {
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(Math.min(stepMs, left));
      await settle();
    }
  };
  return { clock, health, levels, want, pass, stop };
}

describe('a level', () => {
  it('is set at the start, at every change, and again from time to time', async () => {
    const lamp = new Lamp();
    const { want, pass, stop } = start({ lamp });
    await settle();
    expect(lamp.orders).toEqual([false]);
    await pass(100);
    want('lamp', true);
    await settle();
    expect(lamp.orders).toEqual([false, true]);
    lamp.on = false;
    await pass(9900);
    expect(lamp.orders).toHaveLength(2);
    await pass(150);
    expect(lamp.on).toBe(true);
    want('lamp', false);
    await pass(50);
    expect(lamp.on).toBe(false);
    await stop();
    expect(lamp.closed).toBe(true);
  });

  it('is looked at once for many changes, and the last one counts', async () => {
    const lamp = new Lamp();
    const { want, pass, stop } = start({ lamp });
    await settle();
    for (let change = 0; change < 1001; change++) {
      want('lamp', change % 2 === 0);
      if (change % 100 === 0) await settle();
    }
    await pass(100);
    expect(lamp.on).toBe(true);
    expect(lamp.orders.length).toBeLessThan(6);
    await stop();
  });

  it('that cannot be set is tried again with backoff, keeps no other waiting, and then is what is wanted by then', async () => {
    const [lamp, horn] = [new Lamp(), new Lamp()];
    lamp.state = 'fails';
    const { want, pass, health, stop } = start({ lamp, horn });
    await settle();
    want('horn', true);
    want('lamp', true);
    await pass(100);
    expect(horn.on).toBe(true);
    expect(health.all()).toContainEqual(
      expect.objectContaining({ part: 'action lamp', up: false, detail: 'no power; trying again' }),
    );
    await pass(10_000);
    expect(lamp.orders.length).toBeLessThan(8);
    lamp.state = 'works';
    await pass(60_000);
    expect(lamp.on).toBe(true);
    expect(health.all()).toContainEqual(expect.objectContaining({ part: 'action lamp', up: true }));
    await stop();
  });

  it('that hangs has failed after five seconds, and lets the agent stop', async () => {
    const lamp = new Lamp();
    lamp.state = 'hangs';
    const { pass, health, stop } = start({ lamp });
    await pass(5000);
    expect(health.all()).toMatchObject([
      { part: 'action lamp', up: false, detail: 'not done within 5s; trying again' },
    ]);
    await stop();
    expect(lamp.closed).toBe(true);
  });

  it('with a pulse goes on and off by turns as long as it is wanted, beginning with on', async () => {
    const lamp = new Lamp();
    const { want, pass, stop } = start({ lamp }, { onMs: 500, offMs: 200 });
    await pass(1000);
    expect(lamp.orders).toEqual([false]);
    want('lamp', true);
    await settle();
    const seen: (boolean | undefined)[] = [lamp.on];
    for (let tenth = 0; tenth < 14; tenth++) {
      await pass(100, 10);
      seen.push(lamp.on);
    }
    const [on, off] = [true, false];
    expect(seen).toEqual([on, on, on, on, on, off, off, on, on, on, on, on, off, off, on]);
    want('lamp', false);
    await pass(60);
    expect(lamp.on).toBe(false);
    await stop();
  });

  it('comes to what is wanted in the end, whatever happened and failed before', async () => {
    const step = fc.record({
      want: fc.boolean(),
      state: fc.constantFrom<Lamp['state']>('works', 'fails', 'hangs'),
      afterMs: fc.nat(15_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.boolean(), async (steps, last) => {
        const lamp = new Lamp();
        const { want, pass, stop } = start({ lamp });
        for (const { want: on, state, afterMs } of steps) {
          lamp.state = state;
          want('lamp', on);
          await pass(afterMs, 1000);
        }
        lamp.state = 'works';
        want('lamp', last);
        await pass(70_000, 5000);
        expect(lamp.on).toBe(last);
        await stop();
      }),
      { numRuns: 50 },
    );
  });
});

describe('the alarms', () => {
  const calm: AlarmState = {
    phase: 'normal',
    acknowledged: false,
    told: false,
    shelvedUntil: -Infinity,
    disabled: false,
    suppressed: false,
  };
  const loud: AlarmState = { ...calm, phase: 'firing', told: true };

  it.each([
    ['none', [], false, false],
    ['a calm one', [calm], false, false],
    ['one that fires', [calm, loud], true, true],
    ['one that fires and is acknowledged', [{ ...loud, acknowledged: true }], true, false],
    ['one that waits for somebody to acknowledge', [{ ...loud, phase: 'latched' }], false, true],
    ['one whose delay is running', [{ ...calm, phase: 'pending' }], false, false],
    ['one nobody was told of: late, or chattering', [{ ...loud, told: false }], false, false],
    ['one that is shelved', [{ ...loud, shelvedUntil: 1001 }], false, false],
    ['one that was shelved', [{ ...loud, shelvedUntil: 1000 }], true, true],
    ['one that is out of service', [{ ...loud, disabled: true }], false, false],
    ['one that another explains', [{ ...loud, suppressed: true }], false, false],
  ] as const)('%s', (_, alarms, firing, unacknowledged) => {
    expect(isWanted('firing', alarms, 1000)).toBe(firing);
    expect(isWanted('unacknowledged', alarms, 1000)).toBe(unacknowledged);
  });
});
