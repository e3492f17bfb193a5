// What the uplink needs of a connection to the hub. MQTT gives it (mqtt-link.ts); so does a test, in time of its own.

/** One connection. It does not come back by itself: the uplink asks for a new one. */
export interface HubSession {
  /** Resolves with the reason when the connection is gone. */
  readonly closed: Promise<Error>;
  /** Resolves when everything published on these topics will be given to `received`. */
  subscribe(topics: readonly string[]): Promise<void>;
  /** Resolves when the far side has received it: all that was published before has left the link by then. */
  publish(topic: string, payload: Uint8Array, retain?: boolean): Promise<void>;
  /** Closes it politely: there is no last will. */
  end(): Promise<void>;
  destroy(): void;
}

export interface HubSessionOptions {
  readonly gateway: string;
  readonly key: string | undefined;
  /** Published for the gateway when the connection breaks. */
  readonly will: { readonly topic: string; readonly payload: Uint8Array };
  readonly received: (topic: string, payload: Uint8Array) => void;
}

/** Connects. Rejects when the hub is not there, or refuses. */
export type HubLink = (options: HubSessionOptions, signal: AbortSignal) => Promise<HubSession>;
