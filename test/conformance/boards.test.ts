// The simulator's ground truth and the agent's formats agree: of what a board says, with everything that can go wrong on its
// line, the agent takes and refuses what the simulator counts, in every format.

import { FrameCutter } from '@weir/edge-agent/formats/frames.ts';
import { ReadingBatch } from '@weir/edge-agent/formats/batch.ts';
import { formats } from '@weir/edge-agent/formats/registry.ts';
import { Router } from '@weir/edge-agent/sources/router.ts';
import { createBoard, createSpeaker } from '@weir/firmware-sim/devices.ts';
import type { Snapshot } from '@weir/firmware-sim/device.ts';
import { parseScenario } from '@weir/firmware-sim/scenario.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { describe, expect, it } from 'vitest';

const startMs = Date.UTC(2026, 2, 2, 8);
const endMs = startMs + 120_000;

/** At times that cross each other in ever new ways. */
const faults = `
  - { at: 2s, every: 7s, device: oven, kind: garble }
  - { at: 3s, every: 5s, device: oven, kind: garbage }
  - { at: 11s, for: 700ms, every: 13s, device: oven, kind: garbage }
  - { at: 4s, for: 2500ms, every: 17s, device: oven, kind: reboot, resync: 3s }
  - { at: 9s, for: 1500ms, every: 23s, device: oven, kind: reboot, clock: keep }
  - { at: 5s, for: 1200ms, every: 19s, device: oven, kind: baud-mismatch }
  - { at: 1s, for: 900ms, every: 11s, device: oven, kind: duplicate }
  - { at: 6s, for: 3s, every: 29s, device: oven, kind: delay }
  - { at: 8s, for: 1700ms, every: 31s, device: oven, kind: unplug }
  - { at: 7s, every: 9s, device: oven, signal: temp, kind: spike, value: 900 }`;
const timeFaults = `
  - { at: 12s, for: 1s, every: 21s, device: oven, kind: time-reset }
  - { at: 13s, for: 1s, every: 27s, device: oven, kind: clock-ahead, by: 2h }`;
const badCheck = `
  - { at: 2500ms, every: 3s, device: oven, kind: bad-crc }`;

const voices = [
  { format: 'json' },
  { format: 'csv' },
  { format: 'kv' },
  { format: 'nmea' },
  { format: 'senml' },
  ...(['cobs', 'slip'] as const).flatMap((framing) =>
    (['none', 'crc16', 'crc32'] as const).map((crc) => ({ format: 'cbor', framing, crc }) as const),
  ),
] as const;

type VoiceOptions = (typeof voices)[number];

function simulate(options: VoiceOptions, seed: number) {
  const { format } = options;
  const crc = 'crc' in options ? options.crc : 'none';
  const framing = 'framing' in options ? options.framing : undefined;
  const checked = format === 'nmea' || crc !== 'none';
  const written = Object.entries(options).map(([key, value]) => `${key}: ${value}`);
  const text = `
boards:
  oven: { ${written.join(', ')}, every: 100ms, signals: { temp: { kind: tempering }, air: { kind: pressure }, door: { kind: door } } }
faults: ${faults}${format === 'nmea' ? '' : timeFaults}${checked ? badCheck : ''}`;
  const scenario = parseScenario(text, 'boards.yaml');
  const board = scenario.boards['oven'];
  if (board === undefined) throw new Error('the scenario has no oven');
  const run = { seed, startMs, endMs, faults: scenario.faults, report: () => undefined };
  const device = createBoard('oven', board, run);
  const speaker = createSpeaker('oven', board, run);
  const snapshots = [...device.step(endMs, Infinity), ...device.close(endMs)];

  const cutter = new FrameCutter(framing ?? 'lines', crc, 64 * 1024);
  const channels = format === 'nmea' ? ['XDR.temp', 'XDR.air', 'XDR.door'] : ['temp', 'air', 'door'];
  const router = new Router(new Map(channels.map((channel) => [channel, channel])), new SeriesTable(10));
  const decode = formats[format].prepare({
    channels,
    ...(format === 'nmea' || format === 'senml' ? {} : { time: 't' }),
    ...(format === 'csv' ? { columns: ['t', 'temp', 'air', 'door'] } : {}),
  });
  const batch = new ReadingBatch('oven', router, startMs);
  const said = { readings: 0, bad: new Map<string, number>() };
  for (const snapshot of snapshots) {
    // A cable that is pulled begins a new stream.
    if (snapshot.line?.isUnplugged === true) cutter.reset();
    for (const { bytes, readings, bad } of speaker.say(snapshot)) {
      said.readings += readings;
      for (const reason of bad) said.bad.set(reason, (said.bad.get(reason) ?? 0) + 1);
      cutter.push(bytes, {
        frame: (frame) => decode(frame, 'oven', batch),
        bad: (detail) => batch.dead('malformed', 'oven', detail, ''),
      });
    }
  }
  return { batch, said, snapshots, format };
}

describe.each(voices)('a board that says $format $framing $crc', (options) => {
  it.each([1, 2, 3])('is understood as the ground truth has it, seed %i', (seed) => {
    const { batch, said, snapshots, format } = simulate(options, seed);
    const malformed = said.bad.get('malformed') ?? 0;
    expect(malformed).toBeGreaterThan(40);
    expect(new Set(batch.deadLetters.map(({ reason }) => reason))).toEqual(new Set(['malformed']));
    expect(batch.deadLetters).toHaveLength(malformed);
    expect(batch.readings).toHaveLength(said.readings - malformed);
    const impossible = batch.readings.filter(({ time, value }) => value === 900 && time >= startMs && time < endMs);
    expect(impossible).toHaveLength(said.bad.get('out_of_range') ?? 0);
    if (format === 'nmea') return;
    const times = batch.readings.map(({ time }) => time);
    expect(times.filter((time) => time > endMs)).toHaveLength(said.bad.get('future') ?? 0);
    // SenML leaves such a time out.
    if (format === 'senml') return;
    expect(times.filter((time) => time < startMs)).toHaveLength(said.bad.get('unset') ?? 0);
    // Whatever the agent believes, the board has said: nothing is made up from pieces.
    const claimed = new Set(snapshots.flatMap(claims));
    const believed = batch.readings.map(({ time, value }) => `${Math.round(time)} ${value}`);
    expect(believed.filter((one) => !claimed.has(one))).toEqual([]);
  });
});

function claims({ timeMs, values }: Snapshot): string[] {
  return values.map(({ value }) => `${Math.round(timeMs)} ${value}`);
}
