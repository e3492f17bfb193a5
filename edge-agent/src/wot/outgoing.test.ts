import { expect, it } from 'vitest';
import { Outgoing } from './outgoing.ts';
import type { FromChild } from './protocol.ts';

it('sends nothing without credit, keeps so many, and says how many it could not keep and how old the others are', () => {
  let now = 0;
  const sent: FromChild[] = [];
  const outgoing = new Outgoing(
    (message) => sent.push(message),
    () => now,
    3,
  );
  for (let value = 0; value < 5; value++) outgoing.add({ device: 'd', channel: 'c', value });
  expect([sent, outgoing.isFilling]).toEqual([[], true]);
  now = 40;
  outgoing.credit();
  expect(sent).toEqual([
    {
      kind: 'samples',
      dropped: 2,
      samples: [0, 1, 2].map((value) => ({ device: 'd', channel: 'c', value, ageMs: 40 })),
    },
  ]);
  outgoing.credit();
  outgoing.add({ device: 'd', channel: 'c', value: 9 });
  expect(sent.at(-1)).toMatchObject({ dropped: 0, samples: [{ value: 9, ageMs: 0 }] });
  expect(outgoing.isFilling).toBe(false);
});
