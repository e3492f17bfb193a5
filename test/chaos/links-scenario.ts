// A plant behind a bad link, in a network namespace of its own: everything in here talks over its loopback, where packets of
// the hub's port can be dropped, refused and slowed down for real. Run by links.test.ts; prints what came of it as JSON.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentStatus } from '@weir/edge-agent/status.ts';
import { startAgentProcess, type AgentProcess } from '../support/agent.ts';
import { startHubProcess } from '../support/hub.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { sense } from './sensors.ts';

export interface LinkReport {
  readonly issued: number;
  /** The agent's books at the end. */
  readonly taken: number;
  readonly delivered: number;
  readonly lost: AgentStatus['lost'];
  /** What the store has. */
  readonly stored: number;
  /** Most readings that waited for the hub during each trouble. */
  readonly waited: Readonly<Record<string, number>>;
  /** Milliseconds from the end of the last trouble until everything was there. */
  readonly recoveredMs: number;
}

const nft = (command: string): void => void execFileSync('nft', [command], { stdio: 'pipe' });

/** Each makes one kind of trouble for packets of the hub's port; flushing the chain ends it. */
const troubles = (port: number): Record<string, () => void> => {
  const rule = (what: string): void => {
    nft(`add rule ip weir out tcp dport ${port} ${what}`);
    nft(`add rule ip weir out tcp sport ${port} ${what}`);
  };
  return {
    'a third of the packets lost': () => rule('numgen random mod 100 < 33 drop'),
    'half-open: no packet arrives, and nobody is told': () => rule('drop'),
    'connections reset': () => nft(`add rule ip weir out tcp dport ${port} reject with tcp reset`),
    'a few kilobytes a second': () => rule('limit rate over 8 kbytes/second burst 16 kbytes drop'),
  };
};

const [troubleMs = 8000] = process.argv.slice(2).map(Number);
execFileSync('ip', ['link', 'set', 'lo', 'up']);
nft('add table ip weir; add chain ip weir out { type filter hook output priority 0; }');
using folder = scratchFolder('links');
await using hub = await startHubProcess(join(folder.path, 'hub'));
await using broker = await startMosquitto(folder.path);
const yaml = `
gateway: line-3
hub: mqtt://127.0.0.1:${hub.mqttPort}
sources:
  bench: { mqtt: "mqtt://127.0.0.1:${broker.port}", topics: ["bench/{device}/{signal}"], time: t, value: v }
signals:
  temperature: { from: bench.temp }
windows:
  - { every: 1s, of: all, compute: [mean, min, max], lateness: 1h }
settings: { idleAfter: 3s, commit: 100ms }
`;
const agent = await startAgentProcess(folder.path, yaml, { WEIR_HUB_KEY: hub.addGateway('line-3') });
const end = new AbortController();
try {
  await until('the sensors are listened to', async () =>
    (await agent.status()).health.some(({ part, up }) => part === 'source bench' && up),
  );
  const sensing = Promise.all(['a', 'b'].map((device) => sense(broker.port, device, end.signal)));
  const waited: Record<string, number> = {};
  for (const [name, make] of Object.entries(troubles(hub.mqttPort))) {
    make();
    waited[name] = await mostWaiting(agent, troubleMs);
    nft('flush chain ip weir out');
    await sleep(troubleMs / 4);
  }
  end.abort();
  const issued = (await sensing).flat().length;
  const healed = performance.now();
  const { taken, delivered, lost } = await until(
    'everything is delivered',
    async () => {
      const status = await agent.status();
      return status.taken >= issued && status.pending + status.open + status.uncommitted === 0 && status;
    },
    180_000,
  );
  const recoveredMs = performance.now() - healed;
  await agent.stop();
  await hub.stop();
  const store = await hub.openStore();
  const stored = await store.countStored();
  await store.close();
  const report: LinkReport = { issued, taken, delivered, lost, stored, waited, recoveredMs };
  process.stdout.write(`${JSON.stringify(report)}\n`);
} finally {
  end.abort();
  await agent.kill();
}

async function mostWaiting(process: AgentProcess, forMs: number): Promise<number> {
  let most = 0;
  for (const until = performance.now() + forMs; performance.now() < until; await sleep(100)) {
    most = Math.max(most, (await process.status()).pending);
  }
  return most;
}
