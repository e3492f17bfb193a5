// A line that a board prints on and an agent reads from.
//
// Nothing is dropped while nobody reads: `write` waits, and the board with it. Only an unplugged line swallows what is
// printed, as a pulled cable does, and says so by the number of lines it took.

export interface Line {
  /** What an agent opens: the path of a serial device, or tcp://host:port. */
  readonly device: string;
  /** Whether somebody has opened the device since it was last plugged in. */
  readonly hasReader: boolean;
  /**
   * Prints lines (a line feed is added to each). Calls must not overlap.
   * @returns how many whole lines the device took; fewer than given only when it was unplugged or closed
   */
  write(lines: readonly string[]): Promise<number>;
  /** Waits until the reader has taken every byte. @returns false when the signal aborts first, or the line is unplugged */
  drain(signal: AbortSignal): Promise<boolean>;
  /** Pulls the cable at once: the device vanishes under the reader, and what it has not read is gone. */
  unplug(): Promise<void>;
  /** The same device comes back. */
  replug(): Promise<void>;
  /** Like unplug, for good. */
  close(): Promise<void>;
}

export function encodeLines(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

/** How many of the lines lie wholly within the first `bytes` of their encoding. */
export function wholeLines(lines: readonly string[], bytes: number): number {
  let endsAt = 0;
  const torn = lines.findIndex((line) => (endsAt += Buffer.byteLength(line) + 1) > bytes);
  return torn === -1 ? lines.length : torn;
}
