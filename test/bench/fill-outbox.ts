// Puts panes into the outbox of a gateway that does not run, as an agent without a link would have left them.

import { join } from 'node:path';
import { realDisk } from '@weir/edge-agent/log/disk.ts';
import { Outbox } from '@weir/edge-agent/log/outbox.ts';
import type { Pane } from '@weir/shared/model/pane.ts';

export const windowMs = 60_000;
export const firstStart = Date.UTC(2026, 0, 1);

const window: Pane['window'] = {
  id: '1m',
  shape: { kind: 'tumbling', sizeMs: windowMs, zone: undefined },
  compute: ['mean', 'min', 'max'],
};

export interface Backlog {
  readonly series: number;
  readonly minutes: number;
  /** Panes in one record: as many as a commit had. */
  readonly panesPerRecord?: number;
}

/** @param data the agent's data folder @returns how many panes are there */
export async function fillOutbox(data: string, { series, minutes, panesPerRecord = 50 }: Backlog): Promise<number> {
  const outbox = await Outbox.open(realDisk, {
    folder: join(data, 'outbox'),
    maxBytes: 1e9,
    newIncarnation: () => '0123456789abcdef',
    journalIncarnation: '0123456789abcdef',
  });
  let cause = 0;
  let part: Pane[] = [];
  const append = (): void => {
    cause += 1;
    outbox.append(cause, { panes: part, transitions: [] });
    part = [];
  };
  for (let minute = 0; minute < minutes; minute++) {
    for (let index = 0; index < series; index++) {
      part.push(paneOf(minute, index));
      if (part.length === panesPerRecord) append();
    }
    if (minute % 100 === 99) await outbox.sync();
  }
  if (part.length > 0) append();
  await outbox.sync();
  await outbox.close();
  return series * minutes;
}

function paneOf(minute: number, index: number): Pane {
  const start = firstStart + minute * windowMs;
  const mean = 30 + Math.sin(minute / 60 + index) * 2;
  return {
    series: { device: `device-${index}`, signal: 'temperature' },
    window,
    start,
    end: start + windowMs,
    timing: 'on_time',
    revision: 0,
    retracted: false,
    count: 60,
    accounted: 60,
    fresh: 60,
    values: [mean, Math.round(mean * 10 - 12) / 10, Math.round(mean * 10 + 15) / 10],
  };
}
