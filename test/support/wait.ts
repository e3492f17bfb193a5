// Waiting for a condition, never for a time.

import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Resolves with the first truthy answer of `condition`.
 * @param what said in the error when it never comes true
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < end) {
    const answer = await condition();
    if (answer) return answer;
    last = answer;
    await sleep(20);
  }
  throw new Error(`waited ${timeoutMs} ms in vain until ${what}; last answer: ${JSON.stringify(last)}`);
}
