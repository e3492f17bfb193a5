// How many bytes of panes and raw readings may be on the link at once.
//
// What has been handed to the socket cannot be overtaken: an alert waits behind it, in buffers of the kernel and of the network that
// hold megabytes, which is minutes on a slow link. So no more is handed over than keeps the link busy. How much that is, the link
// says itself, as in LEDBAT (RFC 6817, 2.4.2): the shortest time anything took to be received is that of the way; what takes longer
// has waited behind other bytes. The window grows while that is less than the target, and shrinks when it is more.

/** An alert is held up by about so much: RFC 6817 asks for at most 100 ms between computers; the hub takes its time as well. */
const targetMs = 200;
const firstWindow = 8 * 1024;
const smallestWindow = 2 * 1024;
const largestWindow = 256 * 1024;
/** The way may become longer: what it took is remembered for so long, or twice that. */
const baseMs = 300_000;

export class Flight {
  readonly #monotonicMs: () => number;
  #window = firstWindow;
  #bytes = 0;
  /** The shortest time of this stretch, and of the one before. */
  #shortest = Infinity;
  #shortestBefore = Infinity;
  #stretchFrom: number;
  /** What was sent before this knows nothing of the window as it is now. */
  #shrunkAt = -Infinity;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#stretchFrom = monotonicMs();
  }

  get hasRoom(): boolean {
    return this.#bytes < this.#window;
  }

  /** Bytes that were sent and not received yet. */
  get bytes(): number {
    return this.#bytes;
  }

  get window(): number {
    return this.#window;
  }

  /** Something small was received that had been sent so long ago. */
  answered(tookMs: number): void {
    const now = this.#monotonicMs();
    if (now - this.#stretchFrom >= baseMs) {
      this.#shortestBefore = this.#shortest;
      this.#shortest = Infinity;
      this.#stretchFrom = now;
    }
    this.#shortest = Math.min(this.#shortest, tookMs);
  }

  /** So many bytes go onto the link. @returns to be called when they have been received */
  depart(bytes: number): () => void {
    const sentAt = this.#monotonicMs();
    this.#bytes += bytes;
    const used = bytes >= this.#window / 8;
    return () => {
      this.#bytes -= bytes;
      const now = this.#monotonicMs();
      this.answered(now - sentAt);
      const waitedMs = now - sentAt - Math.min(this.#shortest, this.#shortestBefore);
      if (waitedMs <= targetMs) {
        // At most doubled in the time of one way; a window that was not made use of says nothing about a larger one.
        if (used) this.#window = Math.min(largestWindow, this.#window + bytes * (1 - waitedMs / targetMs));
      } else if (sentAt >= this.#shrunkAt) {
        this.#window = Math.max(smallestWindow, this.#window * Math.max(0.25, targetMs / waitedMs));
        this.#shrunkAt = now;
      }
    };
  }
}
