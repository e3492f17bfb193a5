// Waiting for a condition, never for a time.

import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Resolves with the first truthy answer of `condition`.
 * @param what said in the error when it never comes true
 */
export async function until<T>(what: string, condition: () => T | Promise<T>, timeoutMs = 30_000): Promise<Truthy<T>> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < end) {
    const answer = await condition();
    if (isTruthy(answer)) return answer;
    last = answer;
    await sleep(20);
  }
  throw new Error(`waited ${timeoutMs} ms in vain until ${what}; last answer: ${JSON.stringify(last)}`);
}

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

function isTruthy<T>(value: T): value is Truthy<T> {
  return Boolean(value);
}
