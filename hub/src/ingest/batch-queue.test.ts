// The order and the limits of what waits.

import { expect, test } from 'vitest';
import { BatchQueue, defaultQueueLimits, type QueuedBatch } from './batch-queue.ts';

const payload = new Uint8Array(100);
const rest = { opens: false, connection: { lanes: new Map<never, never>(), sentAway: false } };

function drain(queue: BatchQueue): string[] {
  const taken: string[] = [];
  for (let batch = queue.take(); batch !== undefined; batch = queue.take()) taken.push(nameOf(batch));
  return taken;
}

function nameOf({ gateway, lane, payload }: QueuedBatch): string {
  return `${gateway} ${lane} ${payload[0]}`;
}

test('alerts go first, gateways take turns, each lane keeps its order', () => {
  const queue = new BatchQueue(defaultQueueLimits);
  for (const number of [1, 2, 3]) queue.offer({ gateway: 'a', lane: 'panes', payload: Uint8Array.of(number), ...rest });
  queue.offer({ gateway: 'b', lane: 'panes', payload: Uint8Array.of(1), ...rest });
  queue.offer({ gateway: 'b', lane: 'alerts', payload: Uint8Array.of(1), ...rest });
  expect(drain(queue)).toEqual(['b alerts 1', 'a panes 1', 'b panes 1', 'a panes 2', 'a panes 3']);
});

test('a lane that is full is turned away, others are not', () => {
  const queue = new BatchQueue({ maxBatchesPerLane: 2, maxBytes: 1e6 });
  const offers = [1, 2, 3].map(() => queue.offer({ gateway: 'a', lane: 'panes', payload, ...rest }));
  expect(offers).toEqual([true, true, false]);
  expect(queue.offer({ gateway: 'a', lane: 'alerts', payload, ...rest })).toBe(true);
  queue.take();
  queue.take();
  expect(queue.offer({ gateway: 'a', lane: 'panes', payload, ...rest })).toBe(true);
});

test('all together never hold more bytes than the limit', () => {
  const queue = new BatchQueue({ maxBatchesPerLane: 100, maxBytes: 250 });
  const offers = ['a', 'b', 'c'].map((gateway) => queue.offer({ gateway, lane: 'panes', payload, ...rest }));
  expect(offers).toEqual([true, true, false]);
  expect(queue.bytes).toBe(200);
  drain(queue);
  expect([queue.batches, queue.bytes]).toEqual([0, 0]);
});
