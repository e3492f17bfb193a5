// A line that a board prints on and an agent reads from.
//
// Nothing is dropped while nobody reads: `write` waits, and the board with it. Only an unplugged line swallows what is
// printed, as a pulled cable does, and says so by the number of frames it took.

export interface Line {
  /** What an agent opens: the path of a serial device, or tcp://host:port. */
  readonly device: string;
  /** Whether somebody has opened the device since it was last plugged in. */
  readonly hasReader: boolean;
  /**
   * Prints frames, each with its ending. Calls must not overlap.
   * @returns how many whole frames the device took; fewer than given only when it was unplugged or closed
   */
  write(frames: readonly Uint8Array[]): Promise<number>;
  /** Waits until the reader has taken every byte. @returns false when the signal aborts first, or the line is unplugged */
  drain(signal: AbortSignal): Promise<boolean>;
  /** Pulls the cable at once: the device vanishes under the reader, and what it has not read is gone. */
  unplug(): Promise<void>;
  /** The same device comes back. */
  replug(): Promise<void>;
  /** Like unplug, for good. */
  close(): Promise<void>;
}

/** How many of the frames lie wholly within their first `bytes` bytes. */
export function wholeFrames(frames: readonly Uint8Array[], bytes: number): number {
  let endsAt = 0;
  const torn = frames.findIndex((frame) => (endsAt += frame.length) > bytes);
  return torn === -1 ? frames.length : torn;
}
