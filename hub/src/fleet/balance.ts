// Whether the sums of a gateway and of the hub agree, at the moment a status comes in.
//
//   taken = stored + quarantined + gap + pending + open + lost
//
// `taken`, `pending`, `open` and `lost` are the gateway's word, `stored` and `quarantined` the hub's own count, both since
// the outbox began (its incarnation). `gap` is what the gateway counts as delivered and the hub has never seen: records the
// gateway's disk lost while they waited, or that a hub before this one had. The cursor says how much it can be: `reported`
// (the gateway's running sum at the cursor) less what the hub has of it is everything that lay in gaps. What was evicted
// lay in a gap as well, but the gateway counts it as lost itself, and it must not be lost twice. It may also have evicted
// panes that never got a sequence number, so that its count of evicted readings is the most that can explain a gap:
//
//   unseen = reported - stored - quarantined;  gap is at least unseen - evicted, at most unseen
//
// Between those bounds the equation itself says how much it is. Beyond them it does not balance.
//
// Nothing has to settle for this. A status comes behind the batches sent before it, and an ack comes after the store: so
// the hub has at least what the gateway counts as delivered, and at most what it counts as delivered or pending.

import type { Readings } from '../state/cursors.ts';

/** What a gateway says of its readings. */
export interface Said {
  readonly taken: number;
  readonly open: number;
  readonly pending: number;
  readonly lost: Readonly<Record<string, number>>;
}

export interface Balance {
  /** Readings lost in gaps that the gateway does not count as lost itself. */
  readonly gap: number;
  /** Readings that are missing; negative: counted twice. 0 when all is well, and while it cannot be told. */
  readonly imbalance: number;
}

/** Losses of panes that had been reported already: what lies in gaps. */
const gapReason = 'evicted';

export function balance({ taken, open, pending, lost }: Said, { reported, stored, quarantined }: Readings): Balance {
  const seen = stored + quarantined;
  const unseen = Math.max(0, reported - seen);
  const least = Math.max(0, unseen - (lost[gapReason] ?? 0));
  // A gateway that took in less than its lanes have reported has a new disk, and nothing of it has come yet.
  if (taken < reported) return { gap: least, imbalance: 0 };
  // Nothing has come at all: a hub before this one may have it.
  if (reported === 0 && seen === 0) return { gap: 0, imbalance: 0 };
  const lostThere = Object.values(lost).reduce((sum, count) => sum + count, 0);
  const delivered = taken - pending - open - lostThere;
  const gap = Math.min(unseen, Math.max(least, delivered - seen));
  const missing = delivered - seen - gap;
  // Evicted while they were on the way: the hub may have them all the same, and both sides count them.
  const twice = Math.max(0, (lost[gapReason] ?? 0) - (unseen - gap));
  return { gap, imbalance: missing > 0 ? missing : Math.min(0, missing + pending + twice) };
}
