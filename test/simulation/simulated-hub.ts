// The real hub on simulated parts: started, stopped, killed, as often as a run wants it. Its own state is real SQLite in memory,
// kept over its processes: what is committed is there, what is not is not.

import type { DatabaseSync } from 'node:sqlite';
import type { HubConfig } from '@weir/hub/config.ts';
import type { QueueLimits } from '@weir/hub/ingest/batch-queue.ts';
import { startHub, type Hub } from '@weir/hub/hub.ts';
import { ledgerRule } from '@weir/hub/fleet/ledger-watch.ts';
import { openDatabase } from '@weir/hub/state/database.ts';
import type { Readings } from '@weir/hub/state/cursors.ts';
import { schema, State } from '@weir/hub/state/state.ts';
import type { Store } from '@weir/hub/store/store.ts';
import type { Chance } from './chance.ts';
import { Life } from './life.ts';
import { SimulatedBroker, type Watcher } from './simulated-broker.ts';
import type { Listener } from './simulated-link.ts';
import type { SimulatedStore } from './simulated-store.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Where a hub can die in the middle of something. */
export type HubMoment = 'store write' | 'stored' | 'commit' | 'committed';

export interface HubHooks {
  /** Put between the hub and its store, for one process. */
  readonly store: (store: Store, life: Life) => Store;
  /** Before each start. */
  readonly starting: (database: DatabaseSync) => void;
}

export interface SimulatedHubParts extends Watcher {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly store: SimulatedStore;
  readonly gateways: readonly string[];
  readonly queue: QueueLimits;
  readonly hooks: HubHooks;
  /** Asked for raw readings so long before and after an alert. */
  readonly rawAroundMs: number;
  readonly say: (text: string) => void;
  /** A bug of the hub's own has ended it. */
  readonly failed: (error: unknown) => void;
}

class Died extends Error {
  override readonly name = 'Died';
}

const diskFull = 13;

export class SimulatedHub {
  readonly #parts: SimulatedHubParts;
  readonly #database: DatabaseSync;
  readonly #close: () => void;
  /** To look at what is there. */
  #state: State | undefined;
  #life: Life;
  #broker: SimulatedBroker | undefined;
  #hub: Hub | undefined;
  #dieAt: HubMoment | undefined;
  #whenDead: () => void = () => undefined;
  /** Its own disk takes nothing. */
  diskFull = false;

  constructor(parts: SimulatedHubParts) {
    this.#parts = parts;
    this.#life = new Life(parts.time);
    this.#database = openDatabase(':memory:', schema);
    this.#close = this.#database.close.bind(this.#database);
    this.#watchDatabase();
    const state = State.over(this.#database);
    for (const name of parts.gateways) state.gateways.add(name, 'not used', parts.time.now);
  }

  get isRunning(): boolean {
    return this.#hub !== undefined;
  }

  get hub(): Hub | undefined {
    return this.#hub;
  }

  /** What listens for connections now. */
  get listener(): Listener | undefined {
    return this.#broker?.accepts === true ? this.#broker : undefined;
  }

  /** Rows it keeps aside. */
  get quarantined(): number {
    return this.#stateNow.quarantine.rows().length;
  }

  /** Requests for raw readings that nobody has answered. */
  get rawUnanswered(): number {
    return this.#stateNow.rawRequests.countOpen();
  }

  /** Lets it try again what it keeps aside. */
  retryQuarantine(): void {
    const { quarantine } = this.#stateNow;
    for (const { id } of quarantine.rows()) quarantine.ask(id);
  }

  /** What it has of a gateway. */
  readings(gateway: string): Readings {
    return this.#stateNow.cursors.readings(gateway);
  }

  get #stateNow(): State {
    return (this.#state ??= State.over(this.#database));
  }

  async start(): Promise<void> {
    const { time, chance, hooks, store, say } = this.#parts;
    const life = new Life(time);
    this.#life = life;
    hooks.starting(this.#database);
    const config: HubConfig = {
      broker: { host: 'hub', port: 1883, maxPacketBytes: 256 * 1024, maxConnections: 100 },
      http: { host: 'hub', port: 80 },
      dataFolder: '/hub',
      store: () => Promise.resolve(hooks.store(this.#watchStore(store.openFor(life), life), life)),
      raw: { aroundMs: this.#parts.rawAroundMs, keepMs: 30 * 86_400_000 },
      notify: [],
    };
    const hub = await startHub(config, {
      clock: life.clock,
      random: chance.next,
      limits: this.#parts.queue,
      state: State.over(this.#database),
      broker: (parts) => (this.#broker = new SimulatedBroker(life, parts, this.#parts)),
      http: { listen: () => Promise.resolve(80), close: () => Promise.resolve() },
    });
    hub.finished.catch((error: unknown) => {
      if (life.alive && !(error instanceof Died)) this.#parts.failed(error);
    });
    this.#hub = hub;
    say('hub: started');
  }

  async stop(): Promise<void> {
    const hub = this.#hub;
    this.#hub = undefined;
    this.#dieAt = undefined;
    await hub?.stop();
    this.#life.kill();
    this.#parts.say('hub: stopped');
  }

  kill(): void {
    if (this.#hub === undefined) return;
    this.#life.kill();
    this.#hub = undefined;
    this.#dieAt = undefined;
    this.#parts.store.hubDied();
    this.#parts.say('hub: killed');
  }

  /** The next time it comes to this moment it dies. */
  killAt(moment: HubMoment, then: () => void): void {
    this.#dieAt = moment;
    this.#whenDead = then;
  }

  /** It may live. */
  spare(): void {
    this.#dieAt = undefined;
  }

  /** @param acted what the horn of a gateway has sounded for @returns what is wrong with the alerts it knows, and those about ledgers, in sentences */
  checkAlerts(acted: (gateway: string) => ReadonlySet<string>): { wrong: string[]; ledger: string[] } {
    const wrong: string[] = [];
    const ledger: string[] = [];
    const rows = this.#database
      .prepare(
        'SELECT gateway, rule, device, signal, since_ms, state, count(*) AS times FROM transitions GROUP BY 1, 2, 3, 4, 5, 6',
      )
      .all();
    for (const { gateway, rule, device, signal, since_ms: since, state, times } of rows) {
      const name = `${String(rule)}/${String(device)}/${String(signal)}/${String(since)}/${String(state)}`;
      if (Number(times) !== 1) wrong.push(`the hub has ${name} of ${String(gateway)} ${Number(times)} times`);
      if (rule === ledgerRule)
        ledger.push(`the hub raised an alert: the ledger of ${String(gateway)} does not balance`);
      else if (state === 'firing' && !acted(String(gateway)).has(name))
        wrong.push(`nobody acted on ${name} of ${String(gateway)}`);
    }
    return { wrong, ledger };
  }

  /** The run is over. */
  dispose(): void {
    this.#life.kill();
    this.#close();
  }

  #reach(moment: HubMoment): boolean {
    if (this.#dieAt !== moment) return false;
    this.#parts.say(`hub: dies at "${moment}"`);
    this.kill();
    this.#whenDead();
    return true;
  }

  #watchStore(store: Store, life: Life): Store {
    return {
      ...store,
      write: async (batch) => {
        const writing = store.write(batch);
        if (life.alive) this.#reach('store write');
        const refused = await writing;
        if (life.alive) this.#reach('stored');
        return life.alive ? refused : new Promise(() => undefined);
      },
    };
  }

  #watchDatabase(): void {
    const database = this.#database;
    const exec = database.exec.bind(database);
    let inTransaction = false;
    database.exec = (sql) => {
      if (sql === 'BEGIN IMMEDIATE') {
        if (this.diskFull) throw Object.assign(new Error('database or disk is full'), { errcode: diskFull });
        inTransaction = true;
      }
      if (sql === 'COMMIT' && inTransaction && this.#reach('commit')) throw new Died('in the middle of a transaction');
      exec(sql);
      if (sql === 'COMMIT' && inTransaction) {
        inTransaction = false;
        if (this.#reach('committed')) throw new Died('right after a transaction');
      }
    };
    database.close = () => undefined;
  }
}
