// The time of a test: a clock that is believed, or one a made-up time service says something about.

import { randomBytes } from 'node:crypto';
import type { Disk } from '../log/disk.ts';
import { silentLogger } from '../logger.ts';
import type { Clock } from '../time/clock.ts';
import { TimeKeeper, type TimeKeeperOptions } from '../time/time-keeper.ts';
import type { SyncReport } from '../time/timeline.ts';
import { FakeClock } from './fake-clock.ts';

export interface TimeOfTest {
  readonly disk: Disk;
  readonly folder: string;
  readonly clock?: Clock;
  readonly askTimeService?: (() => SyncReport) | undefined;
  readonly more?: Partial<TimeKeeperOptions>;
}

export function timeOf({
  disk,
  folder,
  clock = new FakeClock(),
  askTimeService,
  more,
}: TimeOfTest): Promise<TimeKeeper> {
  return TimeKeeper.open({
    clock,
    disk,
    folder,
    mode: 'auto',
    maxAheadMs: 300_000,
    logger: silentLogger,
    askTimeService: () => Promise.resolve(askTimeService?.() ?? { service: undefined, synchronised: false }),
    machine: 'machine',
    hasBattery: false,
    newLine: () => randomBytes(8).toString('hex'),
    ...more,
  });
}
