// A real store with a gate in front: a test can hold writes, fail them, or have points refused.

import {
  StoreOutage,
  type GatewayPane,
  type GatewayPoint,
  type PaneQuery,
  type RawQuery,
  type Refused,
  type Store,
  type StoreBatch,
  type StoredPane,
  type StoredReading,
} from '../store/store.ts';

export class GatedStore implements Store {
  readonly #store: Store;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;
  /** Writes that have come as far as the gate. */
  writes = 0;
  /** While set, every write is an outage. */
  outage: string | undefined;
  /** Why the store would not take a pane; undefined where it does. */
  refuses: (row: GatewayPane) => string | undefined = () => undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    this.#open = resolve;
  }

  release(): void {
    this.#open();
  }

  async write(batch: StoreBatch): Promise<Refused[]> {
    this.writes += 1;
    await this.#gate;
    if (this.outage !== undefined) throw new StoreOutage(this.outage);
    const refused = batch.panes.flatMap((row, index): Refused[] => {
      const reason = this.refuses(row);
      return reason === undefined ? [] : [{ of: 'panes', index, reason }];
    });
    const panes = batch.panes.filter((row) => this.refuses(row) === undefined);
    const rest = await this.#store.write({ ...batch, panes });
    // What the real store refuses of panes would be placed in the list without those refused here.
    return [...refused, ...rest.filter(({ of }) => of !== 'panes')];
  }

  raw(query: RawQuery): Promise<StoredReading[]> {
    return this.#store.raw(query);
  }

  trimRaw(signal: AbortSignal): Promise<void> {
    return this.#store.trimRaw(signal);
  }

  panes(query: PaneQuery): Promise<StoredPane[]> {
    return this.#store.panes(query);
  }

  countStored(gateway?: string): Promise<number> {
    return this.#store.countStored(gateway);
  }

  writeGateways(points: readonly GatewayPoint[]): Promise<void> {
    return this.#store.writeGateways(points);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
