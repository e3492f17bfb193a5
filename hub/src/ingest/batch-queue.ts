// Batches that came and are not stored yet: a short queue for each lane of each gateway, all limited.
//
// An agent has at most four batches of a lane underway; after a reconnect the same four may come again. What is beyond
// the limits is not taken: without an ack the agent sends it again. Gateways take turns, and the alerts of all of them
// go before anybody's panes.

import { lanes, type Lane } from '@weir/shared/wire/topics.ts';

export interface QueueLimits {
  readonly maxBatchesPerLane: number;
  readonly maxBytes: number;
}

export const defaultQueueLimits: QueueLimits = { maxBatchesPerLane: 8, maxBytes: 128 * 1024 * 1024 };

/** One connection of a gateway, as far as the order of batches goes. */
export interface Connection {
  /** Lanes that have sent something on it. */
  readonly lanes: Map<Lane, LaneOnConnection>;
  /** It is being closed, for batches were out of order. */
  sentAway: boolean;
}

export interface LaneOnConnection {
  /** Something was not taken in, and nothing of it is kept. */
  turnedAway: boolean;
  /** Batches nobody could read, since the last one that could be read; none of them is acknowledged yet. */
  readonly unreadable: UnreadableBatch[];
}

export interface UnreadableBatch {
  readonly payload: Uint8Array;
  readonly reason: string;
}

export interface QueuedBatch {
  readonly gateway: string;
  readonly lane: Lane;
  readonly payload: Uint8Array;
  readonly connection: Connection;
  /** The first of its lane on the connection: it may start anywhere. */
  readonly opens: boolean;
}

export class BatchQueue {
  readonly #limits: QueueLimits;
  /** Per lane the gateways that have something, in the order of their turns. */
  readonly #waiting = new Map<Lane, Map<string, QueuedBatch[]>>(lanes.map((lane) => [lane, new Map()]));
  #batches = 0;
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get batches(): number {
    return this.#batches;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns false when it was not taken */
  offer(batch: QueuedBatch): boolean {
    const gateways = this.#waiting.get(batch.lane);
    const queue = gateways?.get(batch.gateway) ?? [];
    if (queue.length >= this.#limits.maxBatchesPerLane) return false;
    if (this.#bytes + batch.payload.length > this.#limits.maxBytes) return false;
    queue.push(batch);
    gateways?.set(batch.gateway, queue);
    this.#batches += 1;
    this.#bytes += batch.payload.length;
    return true;
  }

  /** The next in turn; of one gateway and lane in the order they came. */
  take(): QueuedBatch | undefined {
    for (const gateways of this.#waiting.values()) {
      for (const [gateway, queue] of gateways) {
        const batch = queue.shift();
        // To the end of the line, or out of it.
        gateways.delete(gateway);
        if (queue.length > 0) gateways.set(gateway, queue);
        if (batch === undefined) continue;
        this.#batches -= 1;
        this.#bytes -= batch.payload.length;
        return batch;
      }
    }
    return undefined;
  }
}
