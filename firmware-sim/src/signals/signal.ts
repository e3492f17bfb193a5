// What a simulated sensor measures: a function of event time that remembers its own past.

/**
 * @param atMs event time; calls must not go back in time
 * @param heat degrees that a fault adds to what the process is driven to; only temperatures feel it
 * @returns the value as the sensor would print it
 */
export type Signal = (atMs: number, heat: number) => number;

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** Sensors print a fixed number of decimals. */
export function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

export function clamped(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
