// Knows every reading that was ever issued, and holds what the programs say and store against it.
//
// While faults happen:
//   - the books of every gateway balance in every status, and so do those the hub keeps of it
//   - outbox and journal keep within their limits
//   - a critical alert acts in the very millisecond its reading is handed over, whatever disk and link do
//   - behind an ack of the hub, no pane is older than behind the ack before
// When everything is healed and has come to rest:
//   - what was acknowledged, or known to be on disk, is in the store, or counted as lost by a reason that there is
//   - nothing is in the store that was not issued, and nothing twice
//   - every pane in the store is what a plain computation over these readings gives, and no other pane is there
//   - every transition is there once, and every one that fires was acted on

import { isDeepStrictEqual } from 'node:util';
import { decodeAck, decodeStatus } from '@weir/shared/wire/codec.ts';
import { transitionKey, type Transition } from '@weir/shared/model/alert.ts';
import { balance } from '@weir/hub/fleet/balance.ts';
import type { Issued } from './sensor.ts';
import type { SimulatedGateway } from './simulated-gateway.ts';
import type { SimulatedHub } from './simulated-hub.ts';
import { keyOf, type Row, type SimulatedStore } from './simulated-store.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Readings of this value and above set the alert off. */
export const hotFrom = 4 ** 22;

export interface OracleParts {
  readonly time: VirtualTime;
  readonly store: SimulatedStore;
  readonly limits: { readonly outboxBytes: number; readonly journalBytes: number };
  /** Something is not as it was promised. */
  readonly violated: (what: string) => void;
}

/** What one gateway's horn did. */
interface Acts {
  /** By transition, when first. */
  readonly first: Map<string, number>;
  /** By device: the last state, and in which process. */
  readonly last: Map<string, { readonly state: string; readonly life: number }>;
}

export class Oracle {
  readonly #parts: OracleParts;
  readonly #issued = new Map<string, Issued>();
  readonly #acts = new Map<string, Acts>();
  /** Newest event time handed over, by device. */
  readonly #newest = new Map<string, number>();
  /** Revision of a pane behind the last ack. */
  readonly #acknowledged = new Map<string, number>();
  readonly #dirty = new Map<string, Set<string>>();
  readonly #acks = new Map<string, number>();
  /** Counts the beginnings and the ends of a gateway's processes. */
  readonly #lives = new Map<string, { count: number; since: number }>();
  /** Readings are kept aside by the hub because the store refuses them. */
  refusing = false;

  constructor(parts: OracleParts) {
    this.#parts = parts;
    parts.store.onWrite = (row, before) => this.#written(row, before);
  }

  /** A process of the gateway begins, or has ended. */
  turned(gateway: string): void {
    const life = this.#lives.get(gateway);
    this.#lives.set(gateway, { count: (life?.count ?? 0) + 1, since: this.#parts.time.now });
  }

  handed(readings: readonly Issued[]): void {
    for (const reading of readings) {
      const { gateway, device, time, value } = reading;
      this.#issued.set(readingKey(reading), reading);
      const series = `${gateway}/${device}`;
      const isNewest = time > (this.#newest.get(series) ?? -Infinity);
      if (isNewest) this.#newest.set(series, time);
      const life = this.#lives.get(gateway)?.count ?? 0;
      if (!isNewest || value < hotFrom || reading.handed > 1) continue;
      const { time: clock } = this.#parts;
      const handedAt = clock.now;
      clock.after(0, () => {
        const last = this.#actsOf(gateway).last.get(device);
        // What an earlier process acted on, and could not keep, is for the one after it to find out.
        const isUnsure = last !== undefined && last.life !== life;
        const isOver = (this.#lives.get(gateway)?.count ?? 0) !== life || this.#newest.get(series) !== time;
        if (!isUnsure && !isOver && last?.state !== 'firing')
          this.#violated(`${describe(reading)} was handed over at ${handedAt} and set off no alert`);
      });
    }
  }

  acted(gateway: string, transition: Transition): void {
    const { time } = this.#parts;
    const { first, last } = this.#actsOf(gateway);
    const { device } = transition.series;
    const life = this.#lives.get(gateway) ?? { count: 0, since: 0 };
    last.set(device, { state: transition.state, life: life.count });
    const key = transitionKey(transition);
    if (first.has(key)) return;
    first.set(key, time.now);
    const reading = this.#issued.get(`${gateway}/${device}/${transition.time}`);
    if (reading === undefined || reading.value !== transition.value)
      return this.#violated(
        `${gateway} acts on a reading nobody issued: ${key} ${transition.time} ${transition.value}`,
      );
    // Of an earlier process: it is made up for at the start.
    if (reading.handedAt < life.since) return;
    if (time.now !== reading.handedAt)
      this.#violated(`${gateway} acted on ${key} ${time.now - reading.handedAt} ms after the reading came`);
  }

  /** @param isTrusted the disk works: an ack means that it is on disk */
  acknowledged(readings: readonly Issued[], isTrusted: boolean): void {
    for (const reading of readings) {
      reading.acknowledged = true;
      if (isTrusted) reading.durable = true;
    }
  }

  /** Everything the present process was handed is on disk. */
  committed(gateway: SimulatedGateway): void {
    const since = this.#lives.get(gateway.name)?.since ?? Infinity;
    for (const reading of gateway.issued) if (reading.handed > 0 && reading.handedAt >= since) reading.durable = true;
  }

  reported(gateway: string, payload: Uint8Array, hub: SimulatedHub): void {
    const { online, taken, open, pending, delivered, lost, outboxBytes, journalBytes } = decodeStatus(payload);
    if (!online) return;
    const lostReadings = Object.values(lost).reduce((sum, count) => sum + count, 0);
    if (taken !== delivered + pending + open + lostReadings)
      this.#violated(
        `${gateway} says it took ${taken}, and ${delivered} delivered + ${pending} pending + ${open} open + ${lostReadings} lost`,
      );
    const counted = hub.readings(gateway);
    const { imbalance } = balance({ taken, open, pending, lost }, counted);
    // What is evicted while it is on its way may be stored all the same: it is counted as both.
    if (imbalance > 0 || -imbalance > (lost['evicted'] ?? 0))
      this.#violated(
        `the hub misses ${imbalance} readings of ${gateway}: ${JSON.stringify({ taken, open, pending, delivered, lost, ...counted })}`,
      );
    const { limits } = this.#parts;
    if (outboxBytes > limits.outboxBytes) this.#violated(`${gateway} has ${outboxBytes} bytes in its outbox`);
    if (journalBytes > limits.journalBytes) this.#violated(`${gateway} has ${journalBytes} bytes in its journal`);
  }

  /** The hub says that it has everything up to somewhere. */
  hubAcknowledged(gateway: string, payload: Uint8Array): void {
    const { incarnation, lane, seq } = decodeAck(payload);
    const key = `${gateway} ${incarnation} ${lane}`;
    if (lane !== 'panes' || seq <= (this.#acks.get(key) ?? 0)) return;
    this.#acks.set(key, seq);
    for (const pane of this.#dirty.get(gateway) ?? []) {
      const revision = this.#parts.store.rows.get(pane)?.pane.revision ?? -1;
      const before = this.#acknowledged.get(pane) ?? -1;
      if (revision < before) this.#violated(`${pane} went back from revision ${before} to ${revision}`);
      this.#acknowledged.set(pane, revision);
    }
    this.#dirty.delete(gateway);
  }

  /** The hub's process ended: what it wrote and had no time to acknowledge comes again, from the first of it. */
  hubEnded(): void {
    this.#dirty.clear();
  }

  actsOf(gateway: string): ReadonlySet<string> {
    return new Set(this.#actsOf(gateway).first.keys());
  }

  #written(row: Row, before: Row | undefined): void {
    const { gateway, pane } = row;
    if (
      before !== undefined &&
      before.pane.revision === pane.revision &&
      !isDeepStrictEqual(before.pane.values, pane.values)
    )
      this.#violated(
        `${keyOf(gateway, pane)} has two values in revision ${pane.revision}: ${before.pane.values.join(' ')} and ${pane.values.join(' ')}`,
      );
    const dirty = this.#dirty.get(gateway) ?? new Set();
    this.#dirty.set(gateway, dirty.add(keyOf(gateway, pane)));
  }

  #actsOf(gateway: string): Acts {
    const acts = this.#acts.get(gateway) ?? { first: new Map(), last: new Map() };
    this.#acts.set(gateway, acts);
    return acts;
  }

  #violated(what: string): void {
    this.#parts.violated(what);
  }
}

export function readingKey({ gateway, device, time }: Issued): string {
  return `${gateway}/${device}/${time}`;
}

export function describe({ gateway, device, number, time, repeats, handed, acknowledged }: Issued): string {
  const at = new Date(time).toISOString().slice(11, 23);
  return `${gateway}/${device} #${number} of ${at} (${repeats ? 'repeated' : 'said once'}, handed over ${handed} times, ${acknowledged ? 'acknowledged' : 'not acknowledged'})`;
}
