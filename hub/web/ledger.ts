// The loss ledger of one gateway, added up: every reading taken in is stored, pending, open or lost. Readings that were
// flagged are among those: they are no loss.

import type { GatewayView } from '../src/http/views.ts';
import { formatAgo, formatCount, formatReason } from './format.ts';

export interface LedgerSum {
  readonly lost: number;
  /** Taken minus everything accounted for: positive is missing, negative is counted twice. */
  readonly apart: number;
  readonly balanced: boolean;
  /** Apart because the two sides are told at different moments, and for no other reason. */
  readonly settling: boolean;
}

type Counts = Pick<GatewayView, 'taken' | 'stored' | 'pending' | 'open' | 'lost' | 'imbalance' | 'ownImbalance'>;

/** What the hub has stored is newer than what the gateway last said; whether both agreed then, the hub has seen. */
export function sumLedger(gateway: Counts): LedgerSum {
  const lost = Object.values(gateway.lost).reduce((total, count) => total + count, 0);
  const wrong = gateway.imbalance === 0 ? gateway.ownImbalance : gateway.imbalance;
  const apart = wrong === 0 ? gateway.taken - (gateway.stored + gateway.pending + gateway.open + lost) : wrong;
  return { lost, apart, balanced: apart === 0, settling: wrong === 0 && apart !== 0 };
}

/** Gaps in what a gateway sent, newest first; empty when there are none. */
export function gapsText({ count, last }: GatewayView['gaps'], nowMs: number): string {
  const [newest] = last;
  if (newest === undefined) return '';
  const what = `${formatCount(newest.readings)} readings of its ${newest.lane}, ${formatAgo(newest.time, nowMs)}`;
  return `${formatCount(count)} ${count === 1 ? 'gap' : 'gaps'} in what it sent, the last of ${what}`;
}

/** Empty when there are none. */
export function thinnedText(thinned: number): string {
  if (thinned === 0) return '';
  return `Thinned: ${formatCount(thinned)} readings are kept in coarser windows, for the link was out for long`;
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
