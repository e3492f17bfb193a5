// What an output line and an input line of the board are, whichever way the kernel offers them.

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

export type Edges = 'rising' | 'falling' | 'both';
export type Pull = 'up' | 'down' | 'none';

export interface InputRequest {
  readonly line: number;
  /** Name or label; undefined: the header's, or the only one. */
  readonly chip: string | undefined;
  /** Undefined: as the line is. */
  readonly pull: Pull | undefined;
  /** A level that lasts less is passed over. */
  readonly debounceMs: number;
  /** Which are wanted; a listener has to stand the others. */
  readonly edges: Edges;
  /** Edges are counted: none may be passed over, at thousands a second. */
  readonly counts: boolean;
}

export interface InputListener {
  /** @param level true is high @param atMs when it was so, by the monotonic clock. Also while the line is being opened. */
  edge(level: boolean, atMs: number): void;
  /** The line is gone, and no edge will come any more. */
  lost(error: Error): void;
}

export interface GpioInput {
  /** What it was before the first edge. */
  readonly present: { readonly level: boolean; readonly atMs: number };
  close(): Promise<void>;
}

export interface GpioInputs {
  /** @throws with what to do, when the line cannot be had */
  open(request: InputRequest, listener: InputListener, signal: AbortSignal): Promise<GpioInput>;
}
