// One terminal screen of what goes on. Where nobody watches (no terminal), a line every few seconds.

import type { AgentStatus } from '@weir/edge-agent/status.ts';

export interface View {
  readonly seconds: number;
  readonly agent: AgentStatus;
  readonly panes: number;
  readonly alertsFiring: number;
  readonly lines: readonly (readonly [label: string, text: string])[];
}

const clear = '\u001B[H\u001B[2J';
const bold = (text: string): string => `\u001B[1m${text}\u001B[0m`;
const dim = (text: string): string => `\u001B[2m${text}\u001B[0m`;

export function drawScreen(view: View): string {
  const { agent } = view;
  const lost = Object.entries(agent.lost).map(([reason, count]) => `${count} ${reason}`);
  const rows: (readonly [string, string])[] = [
    ...view.lines,
    ['', ''],
    ['readings', `${whole(agent.taken)}   ${whole(agent.readingsPerSecond)}/s`],
    ['panes stored', whole(view.panes)],
    ['alerts', `${agent.alerts} transitions, ${view.alertsFiring} firing   ${latency(agent)}`],
    ['backlog', `${whole(agent.pending)} readings in ${agent.outboxRecords} records wait for the hub`],
    ['open windows', `${whole(agent.open)} readings`],
    ['lost', lost.length === 0 ? 'nothing' : lost.join(', ')],
    ['memory', `${Math.round(agent.memoryBytes / 1e6)} MB (hub, agent and simulator together)`],
  ];
  const down = agent.health.filter(({ up }) => !up).map(({ part, detail }) => `  ${part}: ${detail}`);
  const body = rows.map(([label, text]) => (label === '' ? '' : `  ${dim(label.padEnd(13))} ${text}`));
  const troubles = down.length === 0 ? [] : ['', bold('  down'), ...down];
  const seconds = `${Math.floor(view.seconds)} s`;
  return `${clear}${bold('  Weir')}  ${dim(`${seconds}; Ctrl-C ends it`)}\n\n${[...body, ...troubles].join('\n')}\n`;
}

export function drawLine({ seconds, agent, panes }: View): string {
  const lost = Object.values(agent.lost).reduce((sum, count) => sum + count, 0);
  return (
    `${seconds.toFixed(0)} s: ${whole(agent.taken)} readings (${whole(agent.readingsPerSecond)}/s), ${whole(panes)} panes stored, ` +
    `${agent.alerts} alert transitions, ${whole(agent.pending)} pending, ${lost} lost`
  );
}

function latency({ alertLatencyMs: { p50, p99 } }: AgentStatus): string {
  return Number.isNaN(p50) ? '' : `${p50.toFixed(2)} ms to act (p99 ${p99.toFixed(2)})`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
}
