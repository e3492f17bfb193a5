import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { settle } from '../testing/station.ts';
import { Debouncer } from './debounce.ts';

function debounced(debounceMs: number, level = false) {
  const clock = new FakeClock(0);
  const said: [level: boolean, atMs: number][] = [];
  const debouncer = new Debouncer(debounceMs, level, clock, (accepted, atMs) => said.push([accepted, atMs]));
  return { clock, said, debouncer };
}

describe('a debouncer', () => {
  it('says a level once it has lasted, and when it began', async () => {
    const { clock, said, debouncer } = debounced(20);
    clock.advance(100);
    debouncer.hear(true, 100);
    clock.advance(19);
    await settle();
    expect(said).toEqual([]);
    clock.advance(1);
    await settle();
    expect(said).toEqual([[true, 100]]);
  });

  it('counts from the last edge of a bounce', async () => {
    const { clock, said, debouncer } = debounced(20);
    for (const [level, atMs] of [
      [true, 0],
      [false, 3],
      [true, 5],
      [false, 8],
      [true, 15],
    ] as const)
      debouncer.hear(level, atMs);
    clock.advance(34);
    await settle();
    expect(said).toEqual([]);
    clock.advance(1);
    await settle();
    expect(said).toEqual([[true, 15]]);
  });

  it('tells a bounce from a change also when it hears of both late', async () => {
    const { clock, said, debouncer } = debounced(20);
    clock.advance(1000);
    // Up for 100 ms, down for 5, up again: heard all at once.
    for (const [level, atMs] of [
      [true, 500],
      [false, 600],
      [true, 605],
    ] as const)
      debouncer.hear(level, atMs);
    await settle();
    expect(said).toEqual([[true, 500]]);
  });

  it('that is closed says nothing more', async () => {
    const { clock, said, debouncer } = debounced(20);
    debouncer.hear(true, 0);
    debouncer.close();
    clock.advance(100);
    await settle();
    expect(said).toEqual([]);
  });

  it('says what lasted, in turns, for any line', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });
    fc.assert(
      fc.property(gaps, (all) => {
        const { said, debouncer } = debounced(20);
        let atMs = 0;
        let level = false;
        const expected: [boolean, number][] = [];
        for (const [index, gap] of all.entries()) {
          atMs += gap;
          level = !level;
          debouncer.hear(level, atMs);
          const lasts = (all[index + 1] ?? 0) >= 20;
          if (lasts && level !== (expected.at(-1)?.[0] ?? false)) expected.push([level, atMs]);
        }
        expect(said).toEqual(expected);
        debouncer.close();
      }),
    );
  });
});
