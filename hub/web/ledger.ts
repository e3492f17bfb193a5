// The loss ledger of one gateway, added up: every reading taken in is stored, pending, open or lost. Readings that were
// flagged are among those: they are no loss.

import type { GatewayView } from '../src/http/views.ts';
import { formatCount, formatReason } from './format.ts';

export interface LedgerSum {
  readonly lost: number;
  /** Taken minus everything accounted for: positive is missing, negative is counted twice. */
  readonly apart: number;
  readonly balanced: boolean;
  /** Apart while something is still on its way to the hub: the two sides are told at different moments. */
  readonly settling: boolean;
}

type Counts = Pick<GatewayView, 'taken' | 'stored' | 'pending' | 'open' | 'lost' | 'readingsPerSecond'>;

/** Longer than from one status of a gateway to the next. */
const statusS = 10;

export function sumLedger(gateway: Counts): LedgerSum {
  const lost = Object.values(gateway.lost).reduce((total, count) => total + count, 0);
  const apart = gateway.taken - (gateway.stored + gateway.pending + gateway.open + lost);
  // What the hub has stored is newer than what the gateway last said: readings that were open then, or have come since.
  const ahead = gateway.open + gateway.readingsPerSecond * statusS;
  const settling = apart < 0 ? gateway.pending > 0 || -apart <= ahead : apart > 0 && gateway.pending > 0;
  return { lost, apart, balanced: apart === 0, settling };
}

/** Empty when there is none. */
export function flaggedText(flagged: GatewayView['flagged']): string {
  const why = mostFirst(flagged).map(([reason, count]) => `${formatReason(reason)} ${formatCount(count)}`);
  return why.length === 0 ? '' : `Flagged: ${why.join(', ')}; kept, and used only for signals that say uncertain: use`;
}

/** What there is none of is left out. */
export function mostFirst(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
}
