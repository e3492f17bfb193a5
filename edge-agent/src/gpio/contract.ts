// What an output line of the board is, whichever way the kernel offers it.

export interface GpioLine {
  /** @param level true is high. Rejects when it is not known to be so. */
  write(level: boolean): Promise<void>;
  /** The process ends, now: what can be done without waiting. @param level undefined: as it is */
  leave(level: boolean | undefined): void;
  /** Lets go of it, with the level it has as far as the kernel keeps it. */
  release(): Promise<void>;
}

export interface GpioLines {
  /** @param chip name or label; undefined: the header's, or the only one */
  open(line: number, chip: string | undefined, level: boolean): Promise<GpioLine>;
}
