import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ledger } from './ledger.ts';
import { lossReasons } from './reading.ts';

test('what is taken is accepted or lost, reason by reason, and survives being restored', () => {
  const loss = fc.record({ reason: fc.constantFrom(...lossReasons), count: fc.integer({ min: 1, max: 5 }) });
  fc.assert(
    fc.property(fc.nat({ max: 50 }), fc.array(loss), (accepted, losses) => {
      const ledger = new Ledger();
      const total = losses.reduce((sum, { count }) => sum + count, 0);
      for (let i = 0; i < accepted + total; i++) ledger.take();
      for (const { reason, count } of losses) ledger.lose(reason, count);
      const restored = new Ledger();
      restored.lose('evicted', 99);
      restored.restore(ledger.taken, ledger.losses());
      for (const one of [ledger, restored]) {
        expect(one).toMatchObject({ taken: accepted + total, accepted, lostTotal: total });
        for (const reason of lossReasons) {
          const expected = losses.filter((l) => l.reason === reason).reduce((sum, { count }) => sum + count, 0);
          expect(one.losses()[reason] ?? 0).toBe(expected);
        }
      }
    }),
  );
});
