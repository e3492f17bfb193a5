// How long a start takes behind a crash: a full black box, and a tail of the journal as long as it gets before a checkpoint.

import { join } from 'node:path';
import { realDisk } from '@weir/edge-agent/log/disk.ts';
import { FakeClock } from '@weir/edge-agent/testing/fake-clock.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import { Station } from '@weir/edge-agent/testing/station.ts';
import { startAgentProcess } from '../support/agent.ts';
import { scratchFolder } from '../support/processes.ts';
import { median, type Bench } from './bench.ts';

const devices = 50;
const perCommit = 5000;
const blackBoxBytes = 256e6;
const started = 1_700_000_000_000;

const yaml = (settings: string): string => `
gateway: bench
sources: { board: { serial: ./none.tty, format: json } }
signals: { temperature: { from: board.temperature } }
windows: [{ every: 1m, of: all, compute: [mean, min, max] }]
settings: { ${settings} }
`;

export const recovery: Bench = {
  name: 'recovery',
  group: 'delivery',
  about: 'from starting the process until the agent is ready, against a start on an empty folder',
  async *run() {
    yield {
      bench: 'delivery',
      case: 'recovery/empty',
      metric: 'seconds',
      value: await startSeconds(() => Promise.resolve()),
    };
    yield { bench: 'delivery', case: 'recovery/full', metric: 'seconds', value: await startSeconds(fill) };
  },
};

async function startSeconds(prepare: (data: string) => Promise<void>): Promise<number> {
  using folder = scratchFolder('bench');
  await prepare(join(folder.path, 'data'));
  const runs: number[] = [];
  for (let i = 0; i < 3; i++) {
    const began = performance.now();
    await using _agent = await startAgentProcess(folder.path, yaml(''));
    runs.push((performance.now() - began) / 1000);
  }
  return median(runs);
}

/** Until black box and tail are as long as they get; then the process is gone without a word. */
async function fill(data: string): Promise<void> {
  const clock = new FakeClock(started);
  const station = await Station.start({
    disk: realDisk,
    clock,
    folder: data,
    text: yaml(''),
    journalMaxBytes: blackBoxBytes,
    packs: true,
  });
  const random = randomFrom(1);
  const { blackBox, journal } = station.recovered;
  const turn = async (): Promise<void> => {
    clock.advance(500);
    const samples = Array.from({ length: perCommit }, (_, index) => {
      const time = clock.now() - 500 + Math.floor(index / 10);
      return { device: `device-${index % devices}`, time, value: random() * 40 };
    });
    await station.take(samples, { attempt: 'only' });
    await station.engine.commit();
  };
  while (blackBox.bytes < blackBoxBytes * 0.9) await turn();
  const end = journal.bytes + 7e6;
  while (journal.bytes < end) await turn();
  await station.kill();
}
