// The loss ledger of one gateway, added up: every reading taken in is stored, pending, open or lost.

import type { GatewayView } from '../src/http/views.ts';

export interface LedgerSum {
  readonly lost: number;
  /** Taken minus everything accounted for: positive is missing, negative is counted twice. */
  readonly apart: number;
  readonly balanced: boolean;
  /** Apart while something is still on its way to the hub: the two sides are told at different moments. */
  readonly settling: boolean;
}

export function sumLedger(gateway: Pick<GatewayView, 'taken' | 'stored' | 'pending' | 'open' | 'lost'>): LedgerSum {
  const lost = Object.values(gateway.lost).reduce((total, count) => total + count, 0);
  const apart = gateway.taken - (gateway.stored + gateway.pending + gateway.open + lost);
  return { lost, apart, balanced: apart === 0, settling: apart !== 0 && gateway.pending > 0 };
}
