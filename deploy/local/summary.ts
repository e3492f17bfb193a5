// The closing account of a run: does every reading the boards sent end in exactly one place?

import type { AgentStatus } from '@weir/edge-agent/status.ts';

export interface Summary {
  /** Taken in by the agent. */
  readonly readings: number;
  /** Panes written to the store, revisions included. */
  readonly panes: number;
  /** Alert transitions acted on. */
  readonly alerts: number;
  /** Readings in the store, counted there. */
  readonly stored: number;
  /** Readings at the gateway: in windows that are open, and in panes that wait for the hub. */
  readonly pending: number;
  readonly lost: Readonly<Record<string, number>>;
  /** Whether sent = taken in = stored + pending + lost, each counted by somebody else. */
  readonly balanced: boolean;
  readonly alertLatencyMs: { readonly p50: number; readonly p99: number };
  /** The most readings that ever waited for the hub. */
  readonly backlogMax: number;
  readonly store: string;
  /** By the simulator's own count: what it sent, and what of it was made bad. */
  readonly sent: { readonly readings: number; readonly bad: Readonly<Record<string, number>> };
}

export interface Accounts {
  readonly agent: AgentStatus;
  readonly sent: { readonly readings: number; readonly bad: Readonly<Record<string, number>> };
  readonly panes: number;
  readonly stored: number;
  readonly store: string;
  readonly backlogMax: number;
}

export function summarize({ agent, sent, panes, stored, store, backlogMax }: Accounts): Summary {
  const pending = agent.open + agent.pending;
  const lost = Object.values(agent.lost).reduce((sum, count) => sum + count, 0);
  return {
    readings: agent.taken,
    panes,
    alerts: agent.alerts,
    stored,
    pending,
    lost: agent.lost,
    balanced: agent.taken === stored + pending + lost && agent.taken === sent.readings,
    alertLatencyMs: { p50: round(agent.alertLatencyMs.p50), p99: round(agent.alertLatencyMs.p99) },
    backlogMax,
    store,
    sent: { readings: sent.readings, bad: sent.bad },
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
