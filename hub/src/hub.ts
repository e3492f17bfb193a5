// The hub, wired: the one place that knows all parts.
//
//   broker -> ingest -> store, state -> acks        (panes, alert transitions)
//   broker -> fleet -> state, store                 (statuses)
//   state -> raw desk -> broker                     (raw readings that are asked for)
//   state -> dispatchers -> notifiers               (alerts somebody is told about)
//   fleet, state, store -> http                     (API, events, metrics, page)

import { Dispatcher } from './alerts/dispatcher.ts';
import { OrderDesk } from './alerts/order-desk.ts';
import { Broker, type BrokerParts } from './broker/broker.ts';
import { Credentials } from './broker/credentials.ts';
import { systemClock, type Clock } from './clock.ts';
import type { HubConfig } from './config.ts';
import { Fleet } from './fleet/fleet.ts';
import { alertView, Api } from './http/api.ts';
import { Assets } from './http/assets.ts';
import { EventStreams } from './http/events.ts';
import { measure } from './http/hub-metrics.ts';
import { HttpServer } from './http/server.ts';
import type { GatewayView } from './http/views.ts';
import type { QueueLimits } from './ingest/batch-queue.ts';
import { Ingest, type IngestCount } from './ingest/ingest.ts';
import { RateLimitedLog, silentLog, type Log } from './log.ts';
import { RawDesk } from './raw/raw-desk.ts';
import type { GatewayTransition } from './state/alert-book.ts';
import { State } from './state/state.ts';
import type { GatewayPane, Store } from './store/store.ts';

export interface HubEnvironment {
  readonly clock?: Clock;
  readonly log?: Log;
  /** In [0, 1): the jitter of retries. */
  readonly random?: () => number;
  /** What may wait to be stored. */
  readonly limits?: QueueLimits;
  /** In the place of the database in the data folder; it is closed with the hub. */
  readonly state?: State;
  /** In the place of the one on a port. */
  readonly broker?: (parts: BrokerParts) => HubBroker;
  readonly http?: Pick<HttpServer, 'listen' | 'close'>;
}

/** What the hub needs of its broker. */
export type HubBroker = Pick<
  Broker,
  | 'listen'
  | 'ack'
  | 'command'
  | 'sendAway'
  | 'stopAccepting'
  | 'close'
  | 'connected'
  | 'isConnected'
  | 'refusals'
  | 'guardCloses'
>;

export interface HubStatus {
  readonly gateways: readonly GatewayView[];
  /** Why the hub is not well; empty while it is. */
  readonly ailments: readonly string[];
  readonly counts: Readonly<Partial<Record<IngestCount, number>>>;
  /** Refusals and guard closes, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface Hub {
  readonly mqttPort: number;
  readonly httpPort: number;
  /** Where the page and the API are. */
  readonly url: string;
  readonly store: Store;
  readonly state: State;
  /** @returns the new gateway's key @throws HubError when the name is taken or no name */
  addGateway(name: string): Promise<string>;
  status(): HubStatus;
  /** Rejects when a bug of ours ended one of the loops: nothing can be relied on then. Resolves after `stop`. */
  readonly finished: Promise<void>;
  /** Lets nobody new in, finishes the batch in flight, acknowledges it, closes. */
  stop(): Promise<void>;
}

/** @throws HubError when an address or the data folder cannot be used */
export async function startHub(config: HubConfig, environment: HubEnvironment = {}): Promise<Hub> {
  const { clock = systemClock, log = silentLog, random = Math.random } = environment;
  const seldom = new RateLimitedLog(log, clock);
  const stopping = new AbortController();
  const failed = Promise.withResolvers<never>();

  const state = environment.state ?? State.open(config.dataFolder);
  const store = await config.store({ dataFolder: config.dataFolder, rawKeepMs: config.raw.keepMs, clock, log });
  const credentials = new Credentials(state.gateways);
  const events = new EventStreams((gateway) => fleet.view(gateway));
  const changed = (gateway: string): void => events.gatewayChanged(gateway);
  const dispatchers = config.notify.map((notifier) => new Dispatcher(notifier, { state, clock, random, log }));
  const notifyTargets = dispatchers.map(({ target }) => target);
  const fleet = new Fleet({
    state,
    store,
    clock,
    log: seldom,
    changed,
    notifyTargets,
    alerted: (alert) => announce({ panes: [], transitions: [alert] }),
  });
  const ingest = new Ingest({
    state,
    store,
    clock,
    random,
    log,
    notifyTargets,
    raw: config.raw,
    ...(environment.limits && { limits: environment.limits }),
    ack: (gateway, payload) => broker.ack(gateway, payload),
    sendAway: (gateway) => broker.sendAway(gateway),
    stored: (panes, transitions) => announce({ panes, transitions }),
    unreadable: (gateway, lane, reason) => fleet.unreadable(gateway, lane, reason),
    readable: (gateway, lane) => fleet.readable(gateway, lane),
  });
  const brokerParts: BrokerParts = {
    credentials,
    isGateway: (name) => state.gateways.keyHash(name) !== undefined,
    log: seldom,
    fail: failed.reject,
    events: {
      connected: (gateway) => void ingest.connected(gateway),
      batch: (gateway, lane, payload) => ingest.offer(gateway, lane, payload),
      status: (gateway, payload) => {
        orders.status(gateway, payload);
        fleet.status(gateway, payload);
      },
      subscribed: (gateway, to) => {
        if (to === 'ack') ingest.resume(gateway);
        else {
          raw.subscribed(gateway);
          orders.subscribed(gateway);
        }
      },
      disconnected: (gateway) => {
        ingest.disconnected(gateway);
        raw.disconnected(gateway);
        orders.disconnected(gateway);
        fleet.disconnected(gateway);
      },
    },
  };
  const broker = environment.broker?.(brokerParts) ?? new Broker(config.broker, brokerParts);
  const raw = new RawDesk({
    state,
    store,
    clock,
    log: seldom,
    keepMs: config.raw.keepMs,
    command: (gateway, payload) => broker.command(gateway, payload),
    changed: (requests) => events.rawRequests(requests),
  });
  const orders = new OrderDesk({
    state,
    clock,
    log: seldom,
    command: (gateway, payload) => broker.command(gateway, payload),
  });
  const ailments = (): string[] => (ingest.outage === undefined ? [] : [`not storing: ${ingest.outage}`]);
  const http =
    environment.http ??
    new HttpServer({
      api: new Api({ fleet, state, store, clock, raw, orders }),
      assets: new Assets(),
      events,
      metrics: () => measure({ broker, ingest, fleet, state, events, dispatchers }),
      ailments,
      log,
    });

  /** Tells pages and notifiers what is now durable. */
  function announce(stored: { panes: readonly GatewayPane[]; transitions: readonly GatewayTransition[] }): void {
    events.panes(stored.panes);
    for (const gateway of new Set(stored.panes.map(({ gateway }) => gateway))) changed(gateway);
    for (const transition of stored.transitions) {
      const episode = state.alerts.episodeOf(transition);
      if (episode !== undefined) events.alert(alertView(episode));
    }
    raw.look();
    if (stored.transitions.length > 0) for (const dispatcher of dispatchers) dispatcher.wake();
  }

  const closeAll = async (): Promise<void> => {
    await Promise.all([broker.close(), http.close()]);
    await store.close();
    state.close();
  };
  const [mqttPort, httpPort] = await Promise.all([broker.listen(), http.listen(config.http)]).catch(async (error) => {
    await closeAll();
    throw error;
  });
  const ingesting = ingest.run(stopping.signal);
  const others = [
    fleet.run(stopping.signal),
    raw.run(stopping.signal),
    orders.run(stopping.signal),
    ...dispatchers.map((dispatcher) => dispatcher.run(stopping.signal)),
  ];
  const loops = Promise.all([ingesting, ...others]);
  loops.catch(failed.reject);
  log.info('the hub runs', { mqttPort, httpPort, data: config.dataFolder });

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    broker.stopAccepting();
    stopping.abort();
    await loops;
    await closeAll();
    log.info('the hub stopped');
  };

  return {
    mqttPort,
    httpPort,
    url: `http://${config.http.host}:${httpPort}`,
    store,
    state,
    addGateway: (name) => credentials.add(name, clock.now()),
    status: () => ({
      gateways: fleet.views(),
      ailments: ailments(),
      counts: Object.fromEntries(ingest.counts.entries()),
      refused: Object.fromEntries([...broker.refusals.entries(), ...broker.guardCloses.entries()]),
    }),
    finished: Promise.race([failed.promise, loops.then(() => undefined)]),
    stop: () => (stopped ??= stop()),
  };
}
