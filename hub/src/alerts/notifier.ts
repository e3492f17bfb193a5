// Telling somebody about alerts. A notifier kind is one file, one line in registry.ts, and its key in hub.yaml.

import type { DueNotification } from '../state/alert-book.ts';

/** What a notifier is given: one transition of one alert. */
export type Notification = Omit<DueNotification, 'id' | 'addedMs'>;

export interface Notifier {
  /** Stays the same over restarts: what is due is kept under it. */
  readonly name: string;
  /** Resolves when the receiver has taken it; rejects when it must be tried again. */
  send(notification: Notification, signal: AbortSignal): Promise<void>;
}

/** One text for one transition, for receivers that want to know a repetition when they see it. */
export function notificationKey({ gateway, rule, device, signal, sinceMs, state }: Notification): string {
  return `${gateway}/${rule}/${device}/${signal}/${sinceMs}/${state}`;
}
