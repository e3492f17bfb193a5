// The network between one gateway and the hub, as TCP and MQTT show it to the two programs at its ends.
//
// On a connection everything arrives in order, after a while, or the connection ends and what was under way arrived up to some
// point. A link that carries nothing (`block`, one way or both) is noticed by nobody until keep-alives run out; if it works again before
// that, what was held up arrives. The two ends then learn that the connection is gone at different times: the hub may still hold it while
// the gateway makes the next one, and takes the new one over.

import type { HubLink, HubSession, HubSessionOptions } from '@weir/edge-agent/uplink/hub-link.ts';
import type { Chance } from './chance.ts';
import { never, type Life } from './life.ts';
import type { VirtualTime } from './virtual-time.ts';

export type Direction = 'up' | 'down';

/** The far end of a connection, where the broker stands. */
export interface HubEnd {
  readonly gateway: string;
  readonly will: HubSessionOptions['will'];
  /** Towards the gateway. */
  send(topic: string, payload: Uint8Array): void;
  close(): void;
}

/** What a broker does with connections. */
export interface Listener {
  readonly life: Life;
  opened(end: HubEnd): void;
  subscribed(end: HubEnd, topics: readonly string[]): void;
  published(end: HubEnd, topic: string, payload: Uint8Array): void;
  /** @param politely without a last will */
  closed(end: HubEnd, politely: boolean): void;
}

/** A message takes so long, at most. */
export const usualLinkMs = 20;
const connectTimeoutMs = 10_000;
/** MQTT: half more than the keep-alive of 20 s. */
const silenceMs = 30_000;

export class SimulatedLink {
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #listener: () => Listener | undefined;
  readonly #blocked = new Map<Direction, number>();
  #connection: Connection | undefined;
  /** One way, at most. */
  latencyMs = usualLinkMs;
  /** The hub's machine is on: somebody says no when no hub runs there. */
  hubIsOn = true;

  /** @param listener the hub that runs at the moment */
  constructor(time: VirtualTime, chance: Chance, listener: () => Listener | undefined) {
    this.#time = time;
    this.#chance = chance;
    this.#listener = listener;
  }

  /** As a process of the gateway sees it. */
  openFor(life: Life): HubLink {
    return (options, signal) => (life.alive ? this.#connect(life, options, signal) : never());
  }

  /** The connection breaks: of what is under way, some arrives. Both ends know at once, or the hub does not for a while. */
  cut(): void {
    this.#connection?.break(this.#chance.happens(0.5) ? 0 : this.#chance.between(0, silenceMs));
  }

  /** Nothing passes in this direction for so long. */
  block(direction: Direction, ms: number): void {
    const until = Math.max(this.#time.now + ms, this.#blocked.get(direction) ?? 0);
    this.#blocked.set(direction, until);
    this.#time.after(ms, () => {
      if (!this.isBlocked(direction)) this.#connection?.resume(direction);
    });
    const connection = this.#connection;
    // The gateway hears no answer to its pings, whichever way they are lost.
    this.#time.after(silenceMs + this.#chance.between(0, 10_000), () => {
      if (this.#connection === connection && (this.isBlocked('up') || this.isBlocked('down')))
        connection?.break(this.isBlocked('up') ? this.#chance.between(0, silenceMs) : 0);
    });
  }

  unblock(): void {
    this.#blocked.clear();
    for (const direction of ['up', 'down'] as const) this.#connection?.resume(direction);
  }

  isBlocked(direction: Direction): boolean {
    return (this.#blocked.get(direction) ?? 0) > this.#time.now;
  }

  /** The gateway's process is gone. @param power with its machine: then nobody tells the hub */
  gatewayDied(power: boolean): void {
    this.#connection?.break(power ? silenceMs : this.#chance.between(0, 100));
  }

  /** @param power with its machine: then nobody tells the gateway */
  hubDied(power: boolean): void {
    const connection = this.#connection;
    connection?.deafen();
    this.#time.after(power ? silenceMs + this.#chance.between(0, 10_000) : 10, () => connection?.break(0));
  }

  delay(): number {
    return this.#chance.between(0, this.latencyMs);
  }

  async #connect(life: Life, options: HubSessionOptions, signal: AbortSignal): Promise<HubSession> {
    await life.clock.sleep(2 * this.delay() + 1, signal);
    const isSilent = !this.hubIsOn || this.isBlocked('up') || this.isBlocked('down');
    if (isSilent) await life.clock.sleep(connectTimeoutMs, signal);
    if (signal.aborted) throw new Error('aborted');
    if (isSilent) throw new Error('no answer from the hub');
    const listener = this.#listener();
    if (listener === undefined) throw new Error('ECONNREFUSED');
    const connection = new Connection(this, { time: this.#time, chance: this.#chance, life, listener, options });
    this.#connection = connection;
    listener.opened(connection.hubEnd);
    await life.clock.sleep(this.delay() + 1, signal);
    return connection.session;
  }
}

interface ConnectionParts {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly life: Life;
  readonly listener: Listener;
  readonly options: HubSessionOptions;
}

class Connection {
  readonly session: HubSession;
  readonly hubEnd: HubEnd;
  readonly #parts: ConnectionParts;
  readonly #pipes: Readonly<Record<Direction, Pipe>>;
  readonly #closed = Promise.withResolvers<Error>();
  /** Rejects what waits for an answer. */
  readonly #waiting = new Set<(error: Error) => void>();
  #isOpenHere = true;
  #isOpenThere = true;

  constructor(link: SimulatedLink, parts: ConnectionParts) {
    this.#parts = parts;
    const { time, options, listener } = parts;
    this.#pipes = { up: new Pipe(link, time, 'up'), down: new Pipe(link, time, 'down') };
    const { gateway, will } = options;
    const end: HubEnd = {
      gateway,
      will,
      send: (topic, payload) => this.#down(() => options.received(topic, payload)),
      close: () => {
        this.#isOpenThere = false;
        this.#down(() => this.#closeHere(new Error('the hub closed the connection')));
      },
    };
    this.hubEnd = end;
    this.session = {
      closed: this.#closed.promise,
      subscribe: (topics) => this.#ask(() => listener.subscribed(end, topics)),
      publish: (topic, payload) => this.#ask(() => listener.published(end, topic, payload)),
      end: async () => {
        this.#up(() => this.#closeThere(true));
        this.#closeHere(new Error('the connection was closed'));
      },
      destroy: () => {
        this.#up(() => this.#closeThere(false));
        this.#closeHere(new Error('the connection was destroyed'));
      },
    };
  }

  /** Nothing more arrives at either end, but for what chance lets through. @param thereAfterMs when the hub knows */
  break(thereAfterMs: number): void {
    const { time, chance } = this.#parts;
    this.#pipes.up.break(chance.next());
    this.#pipes.down.break(chance.next());
    this.#closeHere(new Error('ECONNRESET'));
    time.after(thereAfterMs, () => this.#closeThere(false));
  }

  /** The hub is not there any more; the gateway does not know. */
  deafen(): void {
    this.#isOpenThere = false;
  }

  resume(direction: Direction): void {
    this.#pipes[direction].resume();
  }

  #ask(act: () => void): Promise<void> {
    if (!this.#parts.life.alive) return never();
    return new Promise((resolve, reject) => {
      if (!this.#isOpenHere) return reject(new Error('the connection is closed'));
      this.#waiting.add(reject);
      this.#up(() => {
        act();
        this.#down(() => {
          this.#waiting.delete(reject);
          resolve();
        });
      });
    });
  }

  #up(act: () => void): void {
    this.#pipes.up.send(() => {
      if (this.#isOpenThere && this.#parts.listener.life.alive) act();
    });
  }

  #down(act: () => void): void {
    this.#pipes.down.send(() => {
      if (this.#isOpenHere && this.#parts.life.alive) act();
    });
  }

  #closeHere(reason: Error): void {
    if (!this.#isOpenHere) return;
    this.#isOpenHere = false;
    if (!this.#parts.life.alive) return;
    this.#closed.resolve(reason);
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
  }

  #closeThere(politely: boolean): void {
    if (!this.#isOpenThere || !this.#parts.listener.life.alive) return;
    this.#isOpenThere = false;
    this.#parts.listener.closed(this.hubEnd, politely);
  }
}

/** One direction of a connection. */
class Pipe {
  readonly #link: SimulatedLink;
  readonly #time: VirtualTime;
  readonly #direction: Direction;
  readonly #underWay: (() => void)[] = [];
  #lastAt = -Infinity;
  /** Arrived as far as the link lets it. */
  #held = 0;
  #broken = false;

  constructor(link: SimulatedLink, time: VirtualTime, direction: Direction) {
    this.#link = link;
    this.#time = time;
    this.#direction = direction;
  }

  send(arrive: () => void): void {
    if (this.#broken) return;
    this.#underWay.push(arrive);
    this.#lastAt = Math.max(this.#lastAt, this.#time.now + this.#link.delay());
    this.#time.after(this.#lastAt - this.#time.now, () => {
      if (this.#link.isBlocked(this.#direction)) this.#held += 1;
      else this.#arrive();
    });
  }

  resume(): void {
    for (; this.#held > 0; this.#held--) this.#arrive();
  }

  /** @param share of what is under way that still arrives */
  break(share: number): void {
    const arriving = this.#link.isBlocked(this.#direction) ? 0 : Math.floor(share * (this.#underWay.length + 1));
    for (let count = 0; count < arriving; count++) this.#arrive();
    this.#underWay.length = 0;
    this.#broken = true;
  }

  #arrive(): void {
    this.#underWay.shift()?.();
  }
}
