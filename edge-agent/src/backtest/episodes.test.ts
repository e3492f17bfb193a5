import { unremarkable, type AlertState, type Transition } from '@weir/shared/model/alert.ts';
import { describe, expect, it } from 'vitest';
import { compare, Episodes, type Episode } from './episodes.ts';

function transition(time: number, state: AlertState, more: Partial<Transition> = {}): Transition {
  const series = { device: 'oven', signal: 'temperature' };
  return { ...unremarkable, rule: 'hot', series, severity: 'warning', state, time, since: time, value: time, ...more };
}

function episodesOf(...transitions: Transition[]): readonly Episode[] {
  const episodes = new Episodes(-Infinity);
  for (const one of transitions) episodes.add(one);
  return episodes.all;
}

const spans = (all: readonly Episode[]): unknown[] => all.map(({ from, to, quiet }) => [from, to, quiet]);

describe('alarms as episodes', () => {
  it('last from when they began to when the condition was over', () => {
    const all = episodesOf(
      transition(1, 'firing'),
      transition(2, 'acknowledged'),
      transition(3, 'reminded'),
      transition(4, 'latched'),
      transition(9, 'cleared'),
      transition(20, 'firing'),
    );
    expect(spans(all)).toEqual([
      [1, 4, ''],
      [20, Infinity, ''],
    ]);
  });

  it('count as told when somebody is told in the end', () => {
    const all = episodesOf(
      transition(1, 'firing', { quiet: 'suppressed' }),
      transition(2, 'firing'),
      transition(3, 'cleared'),
      transition(4, 'firing', { quiet: 'chattering' }),
      transition(5, 'cleared', { quiet: 'chattering' }),
    );
    expect(spans(all)).toEqual([
      [1, 3, ''],
      [4, 5, 'chattering'],
    ]);
  });

  it('count from a moment on, and are kept up to a number', () => {
    const episodes = new Episodes(10, 2);
    for (const time of [1, 11, 21, 31]) {
      episodes.add(transition(time, 'firing'));
      episodes.add(transition(time + 5, 'cleared'));
    }
    expect(episodes.all.map(({ from, to }) => [from, to])).toEqual([
      [11, 16],
      [21, 26],
    ]);
    expect(episodes.left).toBe(1);
  });
});

describe('episodes of two sets of rules', () => {
  it('are the same where they overlap, of the same rule and series', () => {
    const present = episodesOf(
      transition(1, 'firing'),
      transition(5, 'cleared'),
      transition(30, 'firing'),
      transition(31, 'cleared'),
      transition(40, 'firing', { rule: 'cold' }),
    );
    const changed = episodesOf(
      transition(3, 'firing'),
      transition(9, 'cleared'),
      transition(20, 'firing'),
      transition(25, 'cleared'),
      transition(40, 'firing', { series: { device: 'press', signal: 'temperature' } }),
    );
    expect(compare(present, changed).map(({ by, episode: { rule, from } }) => `${by} ${rule} ${from}`)).toEqual([
      'both hot 3',
      'changed hot 20',
      'present hot 30',
      'changed hot 40',
      'present cold 40',
    ]);
  });

  it('may be one by the one and many by the other', () => {
    const present = episodesOf(
      ...[1, 3, 5].flatMap((time) => [transition(time, 'firing'), transition(time + 1, 'cleared')]),
    );
    const changed = episodesOf(transition(1, 'firing'), transition(9, 'cleared'));
    expect(compare(present, changed)).toHaveLength(1);
  });
});
