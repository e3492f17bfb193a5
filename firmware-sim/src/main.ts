#!/usr/bin/env node
// The command line of the simulator: weir-sim run, weir-sim play, weir-sim inject.
//
// Ends with 0 when it is done or interrupted by Ctrl-C, and with 2 when what was typed or written in a file is wrong.

import { readFile } from 'node:fs/promises';
import { parseDuration } from '@weir/shared/model/duration.ts';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { systemClock } from './clock.ts';
import type { Counts } from './counts.ts';
import type { TimeUnit } from './csv-rows.ts';
import { SimError } from './errors.ts';
import { type Crc, crcs } from './formats/checksum.ts';
import { type Framing, framings } from './formats/framing.ts';
import { type BoardFormat, boardFormats } from './formats/voice.ts';
import { injectFaults } from './inject-file.ts';
import { play } from './play.ts';
import type { PlayTarget } from './row-output.ts';
import { parseFaults, parseScenario, parseStart } from './scenario.ts';
import { type Simulation, startSimulation } from './simulation.ts';

interface RunFlags {
  readonly seed?: number;
  readonly speed?: number;
  readonly for?: number;
  readonly start?: number;
  readonly truth?: string;
  readonly broker?: string;
  readonly json?: true;
}

interface PlayFlags {
  readonly serial?: string;
  readonly tcp?: string;
  readonly mqtt?: string;
  readonly topic?: string;
  readonly speed: number | 'max';
  readonly time?: string;
  readonly timeUnit: TimeUnit;
  readonly value?: string[];
  readonly format: BoardFormat;
  readonly framing?: Framing;
  readonly crc?: Crc;
  readonly board?: string;
  readonly rename?: Record<string, string>;
  readonly limit?: number;
}

interface InjectFlags extends Pick<PlayFlags, 'time' | 'timeUnit' | 'value' | 'rename'> {
  readonly faults: string;
  readonly out: string;
  readonly truth?: string;
  readonly seed: number;
}

const stillMs = 2000;

/** With a speed other than 1 the span must lie in the past, or agents would refuse its readings as from the future. */
const startHelp = `
Start: with --speed 1, event time is the time of this machine. With another speed and no --start (nor a start in the
scenario), event time begins far enough in the past for the whole run: --for times --speed ago, or 24 h ago without
--for. A run that catches up with the present goes on at speed 1. Times of faults count from the start, in event time.`;

const program = new Command('weir-sim')
  .description('Simulated boards and wearables on real transports, with injected faults and their ground truth.')
  .exitOverride();

program
  .command('run')
  .description('run a scenario until Ctrl-C, or for some time')
  .argument('<scenario.yaml>')
  .option('--seed <n>', 'the same seed and start give the same readings', integer)
  .option('--speed <x>', 'event time per real time', positiveNumber)
  .option('--for <duration>', 'end after so much real time, like 25s', durationMs)
  .option('--start <time>', 'event time of the first readings, ISO 8601', isoTime)
  .option('--truth <file>', 'write the ground truth about faults, as JSON lines')
  .option('--broker <url>', 'use this broker instead of the one in the scenario')
  .option('--json', 'print JSON lines instead of text')
  .addHelpText('after', startHelp)
  .action((file: string, flags: RunFlags) => run(file, flags));

program
  .command('play')
  .description('play a recorded series, with its original times')
  .argument('<file.csv>', 'with a header')
  .addOption(new Option('--serial <link>', 'as a board: make this path a serial device').conflicts(['tcp', 'mqtt']))
  .addOption(new Option('--tcp <host:port>', 'as a board: listen here').conflicts('mqtt'))
  .option('--mqtt <url>', 'as a wearable: publish to this broker')
  .option('--topic <topic>', 'topic for --mqtt, like band/anna/hr or band/anna/{signal}')
  .option('--speed <x|max>', 'recorded time per real time', speedOrMax, 1)
  .option('--time <column>', 'column of times (default: the first)')
  .addOption(new Option('--time-unit <unit>', 'how times are written').choices(['ms', 's', 'iso']).default('ms'))
  .option('--value <columns>', 'columns of values, separated by commas (default: all others)', list)
  .addOption(new Option('--format <format>', 'what a board prints').choices(boardFormats).default('json'))
  .addOption(new Option('--framing <framing>', 'where a cbor frame ends (default: cobs)').choices(framings))
  .addOption(new Option('--crc <crc>', 'check sum of a cbor frame (default: none)').choices(crcs))
  .option('--board <name>', 'what the board calls itself in senml (default: board)')
  .option('--rename <signal=column>', 'call a column by a signal name; may be repeated', renaming)
  .option('--limit <n>', 'play only so many rows', positiveInteger)
  .action((file: string, flags: PlayFlags) => playFile(file, flags));

program
  .command('inject')
  .description('lay faults on a recorded series, to see what notices them')
  .argument('<file.csv>', 'with a header')
  .requiredOption('--faults <faults.yaml>', 'a list of faults, as in a scenario; times count from the first row')
  .requiredOption('--out <faulty.csv>', 'the series with its faults')
  .option('--truth <file>', 'write the ground truth about faults, as JSON lines')
  .option('--seed <n>', 'the same seed gives the same noise', integer, 1)
  .option('--time <column>', 'column of times (default: the first)')
  .addOption(new Option('--time-unit <unit>', 'how times are written').choices(['ms', 's', 'iso']).default('ms'))
  .option('--value <columns>', 'columns of values, separated by commas (default: all others)', list)
  .option('--rename <signal=column>', 'call a column by a signal name; may be repeated', renaming)
  .action((file: string, flags: InjectFlags) => injectFile(file, flags));

async function run(file: string, flags: RunFlags): Promise<void> {
  const scenario = parseScenario(await readScenario(file), file);
  const say = speaker(flags.json === true);
  const signal = interrupted();
  const simulation = await startSimulation(scenario, {
    signal,
    seed: flags.seed,
    speed: flags.speed,
    startMs: flags.start,
    forMs: flags.for,
    broker: flags.broker,
    truthFile: flags.truth,
    onNotice: (notice) => console.error(notice),
  });
  const devices = [...simulation.devices];
  const servers = [...simulation.servers];
  say(
    { event: 'ready', devices: Object.fromEntries([...devices, ...servers]), startMs: simulation.startMs },
    [
      `event time starts at ${new Date(simulation.startMs).toISOString()}`,
      ...devices.map(([board, device]) => `${board} prints on ${device}`),
      ...servers.map(([name, device]) => `${name} answers on ${device}`),
    ].join('\n'),
  );
  await finished(simulation, flags.for, signal);
  const counts = await simulation.stop();
  say({ event: 'done', ...counts }, summary(counts));
}

/** All is sent, or the time is over and nothing moves any more: nobody reads, or there is no broker. */
async function finished(simulation: Simulation, forMs: number | undefined, signal: AbortSignal): Promise<void> {
  if (forMs === undefined) return simulation.done;
  // A timer that is left over would keep the process alive.
  const finishing = new AbortController();
  const waiting = AbortSignal.any([signal, finishing.signal]);
  const sent = simulation.done.finally(() => finishing.abort());
  await Promise.race([sent, systemClock.sleep(forMs, waiting)]);
  for (let before = -1; before !== simulation.counts().readings && !waiting.aborted;) {
    before = simulation.counts().readings;
    await Promise.race([sent, systemClock.sleep(stillMs, waiting)]);
  }
}

async function playFile(file: string, flags: PlayFlags): Promise<void> {
  if (flags.format !== 'cbor' && (flags.framing !== undefined || flags.crc !== undefined))
    throw new SimError('OPTION_INVALID', '--framing and --crc are for --format cbor');
  const { readings } = await play({
    source: { file, time: flags.time, timeUnit: flags.timeUnit, values: flags.value, rename: flags.rename },
    target: playTarget(flags),
    speed: flags.speed,
    format: flags.format,
    framing: flags.framing,
    crc: flags.crc,
    board: flags.board,
    limit: flags.limit,
    signal: interrupted(),
    onReady: (device) => console.log(`playing on ${device}`),
    onNotice: (notice) => console.error(notice),
  });
  console.log(`${readings} readings played`);
}

async function injectFile(file: string, flags: InjectFlags): Promise<void> {
  const faults = parseFaults(await readScenario(flags.faults), flags.faults, 'recording');
  const { rows, lost, occurrences } = await injectFaults({
    source: { file, time: flags.time, timeUnit: flags.timeUnit, values: flags.value, rename: flags.rename },
    faults,
    seed: flags.seed,
    out: flags.out,
    truthFile: flags.truth,
  });
  console.log(`${rows} rows with ${occurrences} faults; ${lost} rows were lost on the way`);
}

function playTarget({ serial, tcp, mqtt, topic }: PlayFlags): PlayTarget {
  if (serial !== undefined) return { serial };
  if (tcp !== undefined) return { tcp };
  if (mqtt === undefined) throw new SimError('OPTION_INVALID', 'say where to play: --serial, --tcp or --mqtt');
  if (topic === undefined) throw new SimError('OPTION_INVALID', '--mqtt needs a --topic, like band/anna/hr');
  return { mqtt, topic };
}

async function readScenario(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new SimError('SCENARIO_INVALID', `the scenario cannot be read: ${String(error)}`, { cause: error });
  }
}

/** The first Ctrl-C ends cleanly; a second one ends at once. */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  process.once('SIGTERM', () => controller.abort());
  return controller.signal;
}

function speaker(inJson: boolean): (data: object, text: string) => void {
  return (data, text) => console.log(inJson ? JSON.stringify(data) : text);
}

function summary({ readings, bad, lines, messages, answers }: Counts): string {
  const refused = Object.entries(bad).map(([reason, count]) => `${count} ${reason}`);
  return `${readings} readings in ${lines} lines, ${messages} messages and ${answers} answers; not to be taken as they are: ${refused.join(', ')}`;
}

function option<T>(value: T | undefined, expected: string): T {
  if (value === undefined || Number.isNaN(value)) throw new InvalidArgumentError(`Expected ${expected}.`);
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  return option(value > 0 && value < Infinity ? value : undefined, 'a number greater than 0');
}

function integer(text: string): number {
  return option(/^-?\d+$/.test(text) ? Number(text) : undefined, 'a whole number');
}

function positiveInteger(text: string): number {
  return option(/^[1-9]\d*$/.test(text) ? Number(text) : undefined, 'a whole number greater than 0');
}

function speedOrMax(text: string): number | 'max' {
  return text === 'max' ? text : positiveNumber(text);
}

function durationMs(text: string): number {
  const ms = parseDuration(text);
  return option(ms === 0 ? undefined : ms, 'a duration like 25s or 10m');
}

function isoTime(text: string): number {
  return option(parseStart(text), 'an ISO time like 2026-03-01T08:00:00Z');
}

function list(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

function renaming(text: string, earlier: Record<string, string> = {}): Record<string, string> {
  const match = /^([^=]+)=(.+)$/.exec(text);
  return { ...earlier, [option(match?.[1], 'signal=column, like hr=value')]: match?.[2] ?? '' };
}

try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own mistakes already; help and version come here too, with code 0.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof SimError) {
    console.error(error.message);
    process.exitCode = 2;
  } else throw error;
}
