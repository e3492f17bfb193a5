// Durations, sizes and ranges as people write them: `500ms`, `1m`, `256 MB`, `-20..120`.

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const sizes = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
} as const;

/** @returns milliseconds, or undefined when the text is no duration */
export function parseDuration(text: string): number | undefined {
  return quantity(text, units);
}

/** @returns bytes, or undefined when the text is no size */
export function parseSize(text: string): number | undefined {
  return quantity(text, sizes);
}

/** A size and `/s`. @returns bytes per second, or undefined when the text is no such rate */
export function parseRate(text: string): number | undefined {
  const [, size] = /^(.*)\/\s*s\s*$/.exec(text) ?? [];
  return size === undefined ? undefined : parseSize(size);
}

/** The shortest way to write a duration: 90000 is `90s`, 3600000 is `1h`. */
export function formatDuration(ms: number): string {
  for (const [unit, scale] of Object.entries(units).toReversed()) {
    if (ms >= scale && ms % scale === 0) return `${ms / scale}${unit}`;
  }
  return `${ms}ms`;
}

/** `low..high`; either side may be missing. @returns the bounds, or undefined when the text is no range */
export function parseRange(text: string): [low: number, high: number] | undefined {
  const [lowText, highText, ...rest] = text.split('..');
  if (lowText === undefined || highText === undefined || rest.length > 0) return undefined;
  const low = lowText.trim() === '' ? -Infinity : Number(lowText);
  const high = highText.trim() === '' ? Infinity : Number(highText);
  return Number.isNaN(low) || Number.isNaN(high) || low > high ? undefined : [low, high];
}

function quantity(text: string, scales: Readonly<Record<string, number>>): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(text);
  const [, number, unit] = match ?? [];
  if (unit === undefined || !Object.hasOwn(scales, unit)) return undefined;
  // Fifteen digits: 1.005 s is 1005 ms, not 1004.9999999999999.
  const value = Number((Number(number) * (scales[unit] ?? NaN)).toPrecision(15));
  return Number.isFinite(value) ? value : undefined;
}
