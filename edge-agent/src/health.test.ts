import { describe, expect, it } from 'vitest';
import { Health, type PartHealth } from './health.ts';

describe('health', () => {
  it('is told when a part changes, and since when it is as it is', () => {
    let now = 100;
    const changes: PartHealth[] = [];
    const health = new Health(
      () => now,
      (part) => changes.push(part),
    );
    health.up('journal');
    now = 200;
    health.up('journal');
    health.down('source press', 'unplugged');
    now = 300;
    health.down('source press', 'still unplugged');
    health.down('source press', 'still unplugged');
    now = 400;
    health.up('source press');
    expect(changes).toEqual([
      { part: 'journal', up: true, detail: '', since: 100 },
      { part: 'source press', up: false, detail: 'unplugged', since: 200 },
      { part: 'source press', up: false, detail: 'still unplugged', since: 200 },
      { part: 'source press', up: true, detail: '', since: 400 },
    ]);
    expect(health.all()).toEqual([changes[0], changes[3]]);
  });

  it('shows a part that is still to come up as down, and reports only what becomes of it', () => {
    const changes: PartHealth[] = [];
    const health = new Health(
      () => 100,
      (part) => changes.push(part),
    );
    health.expect('source press');
    expect(health.all()).toEqual([{ part: 'source press', up: false, detail: 'not open yet', since: 100 }]);
    expect(changes).toEqual([]);
    health.down('source press', 'no such device');
    expect(changes).toEqual([{ part: 'source press', up: false, detail: 'no such device', since: 100 }]);
  });
});
