// What an action is: something done at the gateway because of an alarm, link or no link. There are two kinds.
//
// A *message* is told once a transition: a webhook, an MQTT publish, a line to a serial port, a command. It is queued, tried
// again, limited and gathered (waiting.ts, courier.ts); whoever writes one only says how a notice goes out.
//
// A *level* is on or off: a horn, a lamp, a relay. What it is to be follows from the alarms as they are now, and it is made so
// again and again (levels.ts). There is no queue: nobody needs to hear a horn that should have sounded an hour ago.

import type { ConfigKind, Part } from '@weir/shared/config/kinds.ts';
import type * as z from 'zod';
import type { Clock } from '../time/clock.ts';
import { deliveryOf, type Delivery } from './delivery.ts';
import type { Notice } from './notice.ts';

export interface Action {
  /**
   * Tells it once. Rejects when it could not be told: it is tried again, with backoff. Ends soon after `signal` aborts: the
   * agent stops, or the attempt has taken too long.
   */
  perform(notice: Notice, signal: AbortSignal): Promise<void>;
  close?(): Promise<void>;
}

export interface LevelAction {
  /** Makes it so, also when it should be so already. Rejects when it could not be done. */
  set(on: boolean): Promise<void>;
  /** Leaves it as its fail-safe says. */
  close(): Promise<void>;
}

export interface ActionContext {
  readonly id: string;
  readonly gateway: string;
  /** Folder of the gateway file: relative paths start here. */
  readonly base: string;
  /** Of a signal; '' when the gateway file names none. */
  readonly unitOf: (signal: string) => string;
  readonly clock: Clock;
}

/** An action, and how it is delivered. */
export interface Message {
  readonly action: Action;
  readonly delivery: Delivery;
}

export const levelModes = ['firing', 'unacknowledged'] as const;

export type LevelMode = (typeof levelModes)[number];

export interface Pulse {
  readonly onMs: number;
  readonly offMs: number;
}

/** An output, and when it is to be on. */
export interface Level {
  readonly action: LevelAction;
  readonly mode: LevelMode;
  readonly pulse: Pulse | undefined;
}

export interface MessageKind extends ConfigKind {
  readonly type: 'message';
  make(part: Part, context: ActionContext): Message;
}

export interface LevelKind extends ConfigKind {
  readonly type: 'level';
  make(part: Part, context: ActionContext): Level;
}

export type ActionKind = MessageKind | LevelKind;

/** Ties a schema to what it makes, so that the registry can hold kinds of different configurations. */
export function messageKind<S extends z.ZodObject>(kind: {
  key: string;
  /** With `deliverySettings` among its keys. */
  schema: S;
  holds?: (config: z.output<S>) => string | undefined;
  make: (config: z.output<S>, context: ActionContext) => Action;
}): MessageKind {
  return {
    type: 'message',
    key: kind.key,
    schema: kind.schema,
    holds: (raw) => kind.holds?.(kind.schema.parse(raw)),
    make: ({ raw }, context) => ({
      action: kind.make(kind.schema.parse(raw), context),
      delivery: deliveryOf(raw),
    }),
  };
}

export function levelKind<S extends z.ZodObject>(kind: {
  key: string;
  schema: S;
  holds?: (config: z.output<S>) => string | undefined;
  make: (config: z.output<S>, context: ActionContext) => Level;
}): LevelKind {
  return {
    type: 'level',
    key: kind.key,
    schema: kind.schema,
    holds: (raw) => kind.holds?.(kind.schema.parse(raw)),
    make: ({ raw }, context) => kind.make(kind.schema.parse(raw), context),
  };
}
