// What a bench is: it measures one or more cases and gives numbers. `npm run bench [name] [-- --json]` runs them.

export interface BenchResult {
  readonly bench: string;
  readonly case: string;
  readonly metric: string;
  readonly value: number;
}

export interface Bench {
  readonly name: string;
  /** Another name, under which it runs together with others. */
  readonly group?: string;
  /** What is measured, and what limits it, in one line. */
  readonly about: string;
  /** Results as they come; a case that cannot run here says why instead. */
  run(): AsyncIterable<BenchResult | { readonly skipped: string }>;
}

/** The middle of an odd number of measurements. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
