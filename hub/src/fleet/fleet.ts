// The gateways as the hub knows them: the last status of each, who is connected, and how the sums stand.
//
// Statuses come often and matter little one by one: they are kept in memory and written to the state together, every few
// seconds, as is the health that goes to the store for dashboards. Losing the last of them costs nothing.

import { WireError, decodeStatus, type Status } from '@weir/shared/wire/codec.ts';
import { namePattern, type Lane } from '@weir/shared/wire/topics.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { GatewayView } from '../http/views.ts';
import type { RateLimitedLog } from '../log.ts';
import type { GatewayTransition } from '../state/alert-book.ts';
import { diskTrouble } from '../state/database.ts';
import type { State } from '../state/state.ts';
import { StoreOutage, type GatewayPoint, type Store } from '../store/store.ts';
import { balance } from './balance.ts';
import { ledgerRule, LedgerWatch } from './ledger-watch.ts';
import { pointOf, saidBy, viewOf } from './status-view.ts';

interface Known {
  online: boolean;
  seenMs: number;
  status: Status | undefined;
  /** The status as it came, until it is written to the state. */
  unsaved: Uint8Array | undefined;
  /** Readings missing, or counted twice, at the last status. */
  imbalance: number;
  /** Why batches of a lane cannot be read, since the hub's clock said so. */
  readonly unreadable: Map<Lane, { reason: string; sinceMs: number }>;
  /** Monotonic time from which the next point for dashboards is due. */
  nextPointMs: number;
}

export interface FleetParts {
  readonly state: State;
  readonly store: Pick<Store, 'writeGateways'>;
  readonly clock: Clock;
  readonly log: RateLimitedLog;
  /** Something about this gateway changed. */
  readonly changed: (gateway: string) => void;
  /** Names of those who are to be notified of alerts. */
  readonly notifyTargets: readonly string[];
  /** An alert of the hub's own is durable. */
  readonly alerted: (alert: GatewayTransition) => void;
}

const pointEveryMs = 5000;
const flushEveryMs = 2000;
const maxSignals = 1000;
const gapsShown = 5;

export class Fleet {
  readonly #parts: FleetParts;
  readonly #known = new Map<string, Known>();
  readonly #units = new Map<string, string>();
  readonly #ledgers = new LedgerWatch();
  #points: GatewayPoint[] = [];
  badStatuses = 0;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    for (const { name, seenMs, status } of parts.state.gateways.all()) {
      this.#known.set(name, { ...unknown(), seenMs, status: status === null ? undefined : decoded(status) });
    }
    for (const { gateway, sinceMs } of parts.state.alerts.activeOf(ledgerRule)) this.#ledgers.resume(gateway, sinceMs);
  }

  /** A Status message of a gateway; one that cannot be decoded is counted and forgotten. */
  status(gateway: string, payload: Uint8Array): void {
    const status = decoded(payload);
    if (status === undefined) {
      this.badStatuses += 1;
      this.#parts.log.warn(`status ${gateway}`, 'a status cannot be decoded', { gateway });
      return;
    }
    const known = this.#of(gateway);
    // A last will was written when the gateway connected: it says that it is gone, and of the rest the later word stays.
    if (status.online || known.status === undefined || status.timeMs > known.status.timeMs) {
      known.status = status;
      known.unsaved = payload;
      known.seenMs = this.#parts.clock.now();
    }
    // A last will says nothing of readings.
    if (status.online) this.#checkLedger(gateway, known, status);
    const turned = known.online !== status.online;
    known.online = status.online;
    this.#recordUnits(gateway, status);
    this.#point(gateway, known, turned);
    this.#parts.changed(gateway);
  }

  /** A batch of the gateway that nobody here can read. */
  unreadable(gateway: string, lane: Lane, reason: string): void {
    this.#parts.log.warn(`unreadable ${gateway}`, 'a batch cannot be read', { gateway, lane, reason });
    const { unreadable } = this.#of(gateway);
    unreadable.set(lane, { reason, sinceMs: unreadable.get(lane)?.sinceMs ?? this.#parts.clock.now() });
    this.#parts.changed(gateway);
  }

  /** A batch that could be read, behind one that could not, perhaps. */
  readable(gateway: string, lane: Lane): void {
    this.#known.get(gateway)?.unreadable.delete(lane);
  }

  disconnected(gateway: string): void {
    const known = this.#known.get(gateway);
    if (known === undefined || !known.online) return;
    known.online = false;
    this.#point(gateway, known, true);
    this.#parts.changed(gateway);
  }

  view(gateway: string): GatewayView {
    const { online, seenMs, status, imbalance, unreadable } = this.#known.get(gateway) ?? unknown();
    const { cursors, gaps } = this.#parts.state;
    return viewOf({
      name: gateway,
      online,
      seenMs,
      status,
      imbalance,
      readings: cursors.readings(gateway),
      gaps: { count: gaps.count(gateway), last: gaps.of(gateway, gapsShown) },
      complaints: [...unreadable].map(([lane, { reason, sinceMs }]) => ({
        part: `hub: its ${lane}`,
        up: false,
        detail: `cannot be read here (${reason}), and stay on the gateway; is this hub older than the agent?`,
        since: sinceMs,
      })),
    });
  }

  /** All gateways that have a key, by name. */
  views(): GatewayView[] {
    const names = this.#parts.state.gateways.all().map(({ name }) => name);
    // A gateway that was removed is no longer shown, and not remembered.
    const present = new Set(names);
    for (const name of this.#known.keys()) {
      if (present.has(name)) continue;
      this.#known.delete(name);
      this.#ledgers.forget(name);
    }
    return names.map((name) => this.view(name));
  }

  /** Writes out what gathered, now and then, until the signal aborts; then once more. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.sleep(flushEveryMs, signal);
      this.#saveStatuses();
      await this.#writePoints();
    }
  }

  #of(gateway: string): Known {
    const known = this.#known.get(gateway) ?? unknown();
    this.#known.set(gateway, known);
    return known;
  }

  /** Compares what the gateway says with what is stored, while both are of the same moment. */
  #checkLedger(gateway: string, known: Known, status: Status): void {
    const { state, clock, notifyTargets, alerted } = this.#parts;
    known.imbalance = balance(saidBy(status), state.cursors.readings(gateway)).imbalance;
    const own = Number.isFinite(status.imbalance) ? status.imbalance : 0;
    const transition = this.#ledgers.look(gateway, known.imbalance === 0 ? own : known.imbalance, clock.now());
    if (transition === undefined) return;
    const alert = { gateway, transition };
    this.#bestEffort(() => {
      if (state.transaction(() => state.alerts.record(alert, notifyTargets, clock.now()))) alerted(alert);
    });
  }

  #recordUnits(gateway: string, { signals }: Status): void {
    for (const { name, unit } of signals.slice(0, maxSignals)) {
      const key = `${gateway}/${name}`;
      if (!namePattern.test(name) || unit.length > 32 || this.#units.get(key) === unit) continue;
      this.#bestEffort(() => this.#parts.state.series.recordUnit(gateway, name, unit));
      this.#units.set(key, unit);
    }
  }

  /** @param now also when the last point is recent */
  #point(gateway: string, known: Known, now: boolean): void {
    const time = this.#parts.clock.monotonicMs();
    if (!now && time < known.nextPointMs) return;
    known.nextPointMs = time + pointEveryMs;
    if (this.#points.length < 10_000) this.#points.push(pointOf(this.view(gateway), this.#parts.clock.now()));
  }

  #saveStatuses(): void {
    const { state } = this.#parts;
    const dirty = [...this.#known].filter(([, known]) => known.unsaved !== undefined);
    if (dirty.length === 0) return;
    this.#bestEffort(() => {
      state.transaction(() => {
        for (const [name, { seenMs, unsaved }] of dirty) {
          if (unsaved !== undefined) state.gateways.saveStatus(name, seenMs, unsaved);
        }
      });
      for (const [, known] of dirty) known.unsaved = undefined;
    });
  }

  async #writePoints(): Promise<void> {
    const points = this.#points;
    this.#points = [];
    if (points.length === 0) return;
    try {
      await this.#parts.store.writeGateways(points);
    } catch (error) {
      if (!(error instanceof StoreOutage)) throw error;
      this.#parts.log.warn('points', 'gateway health was not stored', { trouble: messageOf(error) });
    }
  }

  #bestEffort(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (diskTrouble(error) === undefined) throw error;
      this.#parts.log.warn('state', 'the state cannot be written', { trouble: messageOf(error) });
    }
  }
}

function unknown(): Known {
  return {
    online: false,
    seenMs: 0,
    status: undefined,
    unsaved: undefined,
    imbalance: 0,
    unreadable: new Map(),
    nextPointMs: 0,
  };
}

function decoded(payload: Uint8Array): Status | undefined {
  try {
    return decodeStatus(payload);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
