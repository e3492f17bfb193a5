import type { Operation } from '@weir/shared/model/alert.ts';
import { describe, expect, it } from 'vitest';
import { HubOrders } from './hub-orders.ts';
import { silentLogger } from './logger.ts';
import { settle } from './testing/station.ts';

const now = 1_800_000_000_000;
const day = 86_400_000;

function start() {
  const operations: Operation[] = [];
  const orders = new HubOrders({
    operate(operation) {
      operations.push(operation);
      return Promise.resolve(operation.rule === 'gone' ? undefined : 1);
    },
    logger: silentLogger,
    now: () => now,
  });
  return { operations, orders };
}

function operation(rule: string, more: Partial<Operation> = {}): Operation {
  return {
    kind: 'acknowledge',
    rule,
    series: undefined,
    since: undefined,
    until: NaN,
    by: 'Ada',
    comment: '',
    ...more,
  };
}

describe('orders of the hub', () => {
  it('are carried out once, however often they come, and named as done: also those that change nothing', async () => {
    const { orders, operations } = start();
    for (const id of ['a', 'b', 'a']) orders.carryOut(id, operation(id === 'b' ? 'gone' : 'too_hot'));
    expect(orders.done).toEqual([]);
    await settle();
    orders.carryOut('a', operation('too_hot'));
    await settle();
    expect(operations.map(({ rule }) => rule)).toEqual(['too_hot', 'gone']);
    expect(orders.done).toEqual(['a', 'b']);
  });

  it('are remembered for the last two hundred', async () => {
    const { orders, operations } = start();
    for (let id = 0; id < 300; id++) orders.carryOut(`order-${id}`, operation('too_hot'));
    await settle();
    expect(orders.done).toHaveLength(200);
    expect(orders.done.at(-1)).toBe('order-299');
    orders.carryOut('order-299', operation('too_hot'));
    orders.carryOut('order-0', operation('too_hot'));
    await settle();
    expect(operations).toHaveLength(301);
  });

  it('shelve for thirty days at most', async () => {
    const { orders, operations } = start();
    orders.carryOut('a', operation('too_hot', { kind: 'shelve', until: now + 365 * day }));
    orders.carryOut('b', operation('too_hot', { kind: 'shelve', until: now + day }));
    await settle();
    expect(operations.map(({ until }) => until - now)).toEqual([30 * day, day]);
  });
});
