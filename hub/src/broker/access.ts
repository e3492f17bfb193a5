// What a connected gateway may do: publish to its own `up/+` and `status`, subscribe to its own `ack` and `command`, receive on
// them what the hub itself sends. Pure; broker.ts asks.

import { ackTopic, commandTopic, parseTopic, statusTopic, type Lane } from '@weir/shared/wire/topics.ts';

export type Publish = { kind: 'up'; lane: Lane } | { kind: 'status' };

/** @returns what the gateway publishes, or undefined when the topic is not its to publish to */
export function allowedPublish(gateway: string, topic: string): Publish | undefined {
  const parsed = parseTopic(topic);
  if (parsed === undefined || parsed.gateway !== gateway) return undefined;
  if (parsed.kind === 'up') return { kind: 'up', lane: parsed.lane };
  return parsed.kind === 'status' ? { kind: 'status' } : undefined;
}

export function mayHaveWill(gateway: string, willTopic: string): boolean {
  return willTopic === statusTopic(gateway);
}

/** Exact: a filter with wildcards would match the topics of others. */
export function maySubscribe(gateway: string, filter: string): boolean {
  return filter === ackTopic(gateway) || filter === commandTopic(gateway);
}
