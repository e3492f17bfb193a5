// What an action is: something done at the gateway when an alert fires or clears, link or no link.

import type { ConfigKind, Part } from '@weir/shared/config/kinds.ts';
import type { Transition } from '@weir/shared/model/alert.ts';
import type { z } from 'zod';

export interface Action {
  /** Does it once. Rejects when it could not be done: it is tried again, with backoff. */
  perform(transition: Transition, signal: AbortSignal): Promise<void>;
  close?(): Promise<void>;
}

export interface ActionContext {
  readonly id: string;
  readonly gateway: string;
  /** Folder of the gateway file: relative paths start here. */
  readonly base: string;
}

export interface ActionKind extends ConfigKind {
  make(part: Part, context: ActionContext): Action;
}

/** Ties a schema to what it makes, so that the registry can hold kinds of different configurations. */
export function actionKind<S extends z.ZodObject>(kind: {
  key: string;
  schema: S;
  make: (config: z.output<S>, context: ActionContext) => Action;
}): ActionKind {
  return {
    key: kind.key,
    schema: kind.schema,
    make: (part, context) => kind.make(kind.schema.parse(part.raw), context),
  };
}

/** What actions send: one flat JSON object. `id` is the same when it is sent again. */
export function transitionMessage(gateway: string, t: Transition): Record<string, string | number> {
  const { device, signal } = t.series;
  return {
    id: `${gateway}/${t.rule}/${device}/${signal}/${t.since}/${t.state}`,
    gateway,
    rule: t.rule,
    state: t.state,
    severity: t.severity,
    device,
    signal,
    value: t.value,
    time: new Date(t.time).toISOString(),
    since: new Date(t.since).toISOString(),
  };
}
