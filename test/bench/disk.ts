// What the agent makes a card take: bytes and syncs as the agent counts them, and, where a file system of its own can be
// mounted, the bytes that really went to the device under it.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DiskMeter } from '@weir/edge-agent/log/disk-meter.ts';
import { realDisk } from '@weir/edge-agent/log/disk.ts';
import { FakeClock } from '@weir/edge-agent/testing/fake-clock.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import { Station } from '@weir/edge-agent/testing/station.ts';
import { PowerRig } from '../support/power.ts';
import { scratchFolder } from '../support/processes.ts';
import type { Bench } from './bench.ts';

const readings = 1_000_000;
const perSecond = 1000;
const devices = 50;
const commitMs = 500;
const started = 1_700_000_000_000;

const yaml = `
gateway: bench
sources: { board: { serial: /dev/board, format: json } }
signals: { temperature: { from: board.temperature } }
windows: [{ every: 1m, of: all, compute: [mean, min, max] }]
settings: { commit: ${commitMs}ms }
`;

export const disk: Bench = {
  name: 'disk',
  group: 'delivery',
  about: `${readings} readings of ${devices} series at ${perSecond}/s, a commit every ${commitMs} ms, 1 min windows: what is written, with and without the file system's own part (ext4)`,
  async *run() {
    using folder = scratchFolder('bench');
    const lacking = PowerRig.lacks();
    const rig = lacking === undefined ? await PowerRig.open(folder.path, { sizeMb: 512 }) : undefined;
    try {
      const base = rig?.folder ?? folder.path;
      const device = rig === undefined ? undefined : deviceUnder(base);
      const before = device === undefined ? 0 : writtenTo(device);
      const { bytes, syncs } = await work(join(base, 'data'));
      const result = (metric: string, value: number) => ({ bench: 'delivery', case: 'disk', metric, value });
      yield result('bytesPerReading', bytes / readings);
      yield result('MBPerMillion', bytes / 1e6 / (readings / 1e6));
      yield result('syncsPerMillion', syncs / (readings / 1e6));
      if (device === undefined) yield { skipped: `what goes to the device: needs ${lacking}` };
      else {
        const physical = writtenTo(device) - before;
        yield result('deviceMBPerMillion', physical / 1e6 / (readings / 1e6));
        yield result('addedKBPerSync', (physical - bytes) / 1024 / syncs);
      }
    } finally {
      await rig?.close();
    }
  },
};

async function work(folder: string): Promise<{ bytes: number; syncs: number }> {
  const clock = new FakeClock(started);
  const meter = new DiskMeter(realDisk, clock);
  const station = await Station.start({ disk: meter.disk, clock, folder, text: yaml, packs: true });
  const random = randomFrom(1);
  const levels = Float64Array.from({ length: devices }, () => 20 + random() * 10);
  const perCommit = (perSecond * commitMs) / 1000;
  for (let sent = 0; sent < readings; sent += perCommit) {
    const samples = Array.from({ length: perCommit }, (_, index) => {
      const device = index % devices;
      const level = (levels[device] ?? 0) + (random() - 0.5) * 0.2;
      levels[device] = level;
      const time = clock.now() + Math.floor((index * commitMs) / perCommit);
      return { device: `device-${device}`, time, value: Math.round(level * 10) / 10 };
    });
    clock.advance(commitMs);
    await station.take(samples, { attempt: 'only' });
    await station.engine.commit();
  }
  await station.kill();
  return meter.total;
}

/** The loop device a folder's file system is on. */
function deviceUnder(folder: string): string {
  const { dev } = statSync(folder);
  // The device number as stat gives it: 12 bits of major number above 8 of the minor one, for small numbers.
  return `${dev >> 8}:${dev & 0xff}`;
}

/** Bytes written to a block device since it is there. */
function writtenTo(device: string): number {
  const fields = readFileSync(`/sys/dev/block/${device}/stat`, 'utf8').trim().split(/\s+/);
  return Number(fields[6]) * 512;
}
