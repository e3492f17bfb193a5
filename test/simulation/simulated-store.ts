// The store behind the hub: what it holds survives the hub, and what a hub has written when it dies is there or is not, up to
// some point. It can be slow, out, and refuse some points as long as it is told to.

import type { Pane, Statistic } from '@weir/shared/model/pane.ts';
import {
  storedEnd,
  storedStart,
  StoreOutage,
  type GatewayPane,
  type PaneQuery,
  type RawQuery,
  type Refused,
  type Store,
  type StoreBatch,
  type StoredPane,
  type StoredReading,
} from '@weir/hub/store/store.ts';
import type { Chance } from './chance.ts';
import { never, noSignal, type Life } from './life.ts';

/** A call takes so long, at most. */
export const usualStoreMs = 20;

/** The last word on one pane. */
export interface Row {
  readonly gateway: string;
  readonly pane: Pane;
}

export class SimulatedStore {
  /** By key; what was retracted stays, so that nothing can come back unseen. */
  readonly rows = new Map<string, Row>();
  readonly raw = new Map<
    string,
    { readonly gateway: string; readonly device: string; readonly signal: string; time: number; value: number }
  >();
  readonly #chance: Chance;
  latencyMs = usualStoreMs;
  outage = false;
  /** Whether it refuses a pane at present. */
  refuses: (row: GatewayPane) => boolean = () => false;
  /** Told of every pane that is written, before it is. */
  onWrite: (row: Row, before: Row | undefined) => void = () => undefined;
  #writing: { readonly batch: StoreBatch; readonly life: Life } | undefined;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  openFor(life: Life): Store {
    const answer = async <T>(work: () => T): Promise<T> => {
      await life.clock.sleep(this.#chance.between(0, this.latencyMs), noSignal);
      if (!life.alive) return never();
      if (this.outage) throw new StoreOutage('the store is out');
      return work();
    };
    return {
      write: async (batch) => {
        this.#writing = { batch, life };
        const refused = await answer(() => this.#write(batch)).catch((error: unknown) => {
          // It may have taken some of it before it said no.
          this.#writePart(batch);
          this.#writing = undefined;
          throw error;
        });
        this.#writing = undefined;
        return refused;
      },
      panes: (query) => answer(() => this.panes(query)),
      raw: (query) => answer(() => this.#readings(query)),
      trimRaw: () => answer(() => undefined),
      countStored: (gateway) => answer(() => this.countStored(gateway)),
      writeGateways: () => answer(() => undefined),
      close: () => Promise.resolve(),
    };
  }

  /** The hub is dead: what it was writing is there up to some point. */
  hubDied(): void {
    if (this.#writing !== undefined) this.#writePart(this.#writing.batch);
    this.#writing = undefined;
  }

  panes({ gateway, device, signal, window, from, to, limit }: PaneQuery): StoredPane[] {
    return [...this.rows.values()]
      .filter(
        ({
          gateway: of,
          pane: {
            series,
            window: { id },
            start,
            retracted,
          },
        }) => {
          const isAsked = of === gateway && series.device === device && series.signal === signal && id === window;
          return isAsked && !retracted && storedStart(start) >= from && storedStart(start) < to;
        },
      )
      .toSorted((a, b) => a.pane.start - b.pane.start)
      .slice(-limit)
      .map(({ pane }) => storedPane(pane));
  }

  countStored(gateway?: string): number {
    let count = 0;
    for (const { gateway: of, pane } of this.rows.values())
      if ((gateway === undefined || of === gateway) && !pane.retracted) count += pane.accounted;
    return count;
  }

  #write({ panes, raw = [] }: StoreBatch): Refused[] {
    const refused: Refused[] = [];
    for (const [index, row] of panes.entries()) {
      if (this.refuses(row)) refused.push({ of: 'panes', index, reason: 'the store does not like it' });
      else this.#put(row);
    }
    for (const { gateway, raw: block } of raw) {
      const { device, signal } = block.series;
      for (const [index, time] of block.times.entries()) {
        const value = block.values[index] ?? Number.NaN;
        this.raw.set(`${gateway}/${device}/${signal}/${time}`, { gateway, device, signal, time, value });
      }
    }
    return refused;
  }

  #writePart(batch: StoreBatch): void {
    if (this.#chance.happens(0.5)) return;
    this.#write({ panes: batch.panes.slice(0, this.#chance.whole(0, batch.panes.length)), transitions: [] });
  }

  #put({ gateway, pane }: GatewayPane): void {
    const key = keyOf(gateway, pane);
    const row = { gateway, pane };
    this.onWrite(row, this.rows.get(key));
    this.rows.set(key, row);
  }

  #readings({ gateway, device, signal, from, to, limit }: RawQuery): StoredReading[] {
    return [...this.raw.values()]
      .filter((one) => one.gateway === gateway && one.device === device && one.signal === signal)
      .filter(({ time }) => time >= from && time < to)
      .toSorted((a, b) => a.time - b.time)
      .slice(-limit)
      .map(({ time, value }) => ({ time, value, quality: 'good' as const }));
  }
}

export function keyOf(gateway: string, { series, window, start }: Pane): string {
  return `${gateway}/${series.device}/${series.signal} ${window.id} ${storedStart(start)}`;
}

function storedPane(pane: Pane): StoredPane {
  const values: Partial<Record<Statistic, number>> = {};
  for (const [index, statistic] of pane.window.compute.entries()) values[statistic] = pane.values[index] ?? Number.NaN;
  return { start: storedStart(pane.start), end: storedEnd(pane), count: pane.count, revision: pane.revision, values };
}
