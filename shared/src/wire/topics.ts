// The topics between a gateway and the hub (MQTT 3.1.1, QoS 1), all below `weir/v1/{gateway}/`.
//
//   up/{lane}   gateway -> hub   Batch    entries of one outbox lane, in order
//   ack         hub -> gateway   Ack      cumulative: everything up to seq is durable in the store
//   command     hub -> gateway   Command  what the hub asks for: raw readings of a series and time range
//   status      gateway -> hub   Status   health and ledger; retained, and the last will
//
// A gateway may publish to its own `up/+` and `status`, and subscribe to its own `ack` and `command`; nothing else.

/** What an outbox keeps. */
export const keptLanes = ['alerts', 'panes', 'raw'] as const;

/**
 * In the order they are sent: alerts overtake any backlog of panes, and raw readings go when nothing else waits. `recent` has copies
 * of the newest panes, ahead of a backlog, where a gateway is told to send the newest first.
 */
export const lanes = ['alerts', 'recent', 'panes', 'raw'] as const;

export type KeptLane = (typeof keptLanes)[number];

export type Lane = (typeof lanes)[number];

const root = 'weir/v1';

/** What a gateway, a device or a signal may be called: it becomes part of topics, tags and file names. */
export const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

export function upTopic(gateway: string, lane: Lane): string {
  return `${root}/${gateway}/up/${lane}`;
}

export function ackTopic(gateway: string): string {
  return `${root}/${gateway}/ack`;
}

export function commandTopic(gateway: string): string {
  return `${root}/${gateway}/command`;
}

export function statusTopic(gateway: string): string {
  return `${root}/${gateway}/status`;
}

export type GatewayTopic =
  | { kind: 'up'; gateway: string; lane: Lane }
  | { kind: 'ack' | 'command' | 'status'; gateway: string };

/** @returns what the topic is for, or undefined when it is none of ours */
export function parseTopic(topic: string): GatewayTopic | undefined {
  const [weir, version, gateway, kind, laneName, ...rest] = topic.split('/');
  if (`${weir}/${version}` !== root || gateway === undefined || !namePattern.test(gateway) || rest.length > 0)
    return undefined;
  if ((kind === 'ack' || kind === 'command' || kind === 'status') && laneName === undefined) return { kind, gateway };
  const lane = lanes.find((known) => known === laneName);
  return kind === 'up' && lane !== undefined ? { kind, gateway, lane } : undefined;
}
