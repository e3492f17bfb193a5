import { expect, test } from 'vitest';
import { transitionKey, unremarkable, type Transition } from './alert.ts';

const transition: Transition = {
  rule: 'too_hot',
  series: { device: 'oven', signal: 'temperature' },
  state: 'firing',
  severity: 'warning',
  time: 2000,
  since: 1000,
  value: 35,
  ...unremarkable,
};

test('a transition has the same key after a replay, and another one where rule, series, episode or state differ', () => {
  expect(transitionKey({ ...transition, severity: 'critical', time: 2001 })).toBe(transitionKey(transition));
  const others: Partial<Transition>[] = [
    { rule: 'too_cold' },
    { series: { device: 'press', signal: 'temperature' } },
    { series: { device: 'oven', signal: 'pressure' } },
    { state: 'cleared' },
    { since: 1001 },
    { state: 'reminded' },
    { state: 'reminded', time: 3000 },
  ];
  const keys = others.map((other) => transitionKey({ ...transition, ...other }));
  expect(new Set([...keys, transitionKey(transition)]).size).toBe(others.length + 1);
});
