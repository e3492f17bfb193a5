// What a million panes that wait for the hub cost in memory: nothing that grows with them is allowed to be there.

import { join } from 'node:path';
import { startAgentProcess } from '../support/agent.ts';
import { scratchFolder } from '../support/processes.ts';
import { median, type Bench } from './bench.ts';
import { fillOutbox } from './fill-outbox.ts';

const yaml = `
gateway: bench
sources: { board: { serial: ./none.tty, format: json } }
signals: { temperature: { from: board.temp } }
windows: [{ every: 1m, of: all, compute: [mean, min, max] }]
`;
const gatewayFlags = ['--max-old-space-size=96', '--max-semi-space-size=2'];

export const backlog: Bench = {
  name: 'backlog-1m',
  group: 'delivery',
  about: 'memory of an agent with 1,000,000 panes waiting, one a record and many a record, over that of an idle agent',
  async *run() {
    const idle = await residentMB(undefined);
    yield { bench: 'delivery', case: 'backlog-1m', metric: 'idleMB', value: idle };
    for (const panesPerRecord of [1, 1000]) {
      const more = (await residentMB(panesPerRecord)) - idle;
      yield { bench: 'delivery', case: `backlog-1m/${panesPerRecord}`, metric: 'overIdleMB', value: more };
    }
  },
};

async function residentMB(panesPerRecord: number | undefined): Promise<number> {
  using folder = scratchFolder('bench');
  const data = join(folder.path, 'data');
  if (panesPerRecord !== undefined) await fillOutbox(data, { series: 1000, minutes: 1000, panesPerRecord });
  const runs: number[] = [];
  for (let i = 0; i < 3; i++) {
    await using agent = await startAgentProcess(folder.path, yaml, {}, gatewayFlags);
    const { memoryBytes, outboxRecords } = await agent.status();
    const expected = panesPerRecord === undefined ? 0 : 1e6 / panesPerRecord;
    if (outboxRecords !== expected) throw new Error(`${outboxRecords} records wait, and ${expected} should`);
    runs.push(memoryBytes / 1e6);
  }
  return median(runs);
}
