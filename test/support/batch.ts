// The oracle: windows computed in the plainest way, over the whole file at once.

export interface BatchPane {
  readonly start: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  /** The value at rank floor(0.95 * (count - 1)). */
  readonly p95: number;
}

export function batchPanes(rows: readonly { time: number; value: number }[], sizeMs: number): BatchPane[] {
  const windows = Map.groupBy(rows, ({ time }) => Math.floor(time / sizeMs) * sizeMs);
  return [...windows]
    .map(([start, group]) => {
      const values = group.map(({ value }) => value).toSorted((a, b) => a - b);
      const count = values.length;
      const mean = values.reduce((sum, value) => sum + value, 0) / count;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      return {
        start,
        count,
        min: values[0] ?? NaN,
        max: values.at(-1) ?? NaN,
        mean,
        stddev: Math.sqrt(squares / (count - 1)),
        p95: values[Math.floor(0.95 * (count - 1))] ?? NaN,
      };
    })
    .toSorted((a, b) => a.start - b.start);
}
