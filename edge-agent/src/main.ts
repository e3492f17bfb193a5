#!/usr/bin/env node
// The command line of the agent: run, check, replay, test, score, alerts.

import { dirname } from 'node:path';
import { compilePlan } from '@weir/shared/config/compile.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import { parseDuration } from '@weir/shared/model/duration.ts';
import { Command, InvalidArgumentError } from 'commander';
import { startAgent } from './agent.ts';
import { CommandError, loadGatewayFile, readText } from './cli/gateway-file.ts';
import { alertsCommand } from './cli/alerts.ts';
import { backtest } from './cli/backtest.ts';
import { ofGateway, ofRecording, type Moment, type RecordingFlags } from './cli/past.ts';
import { Progress } from './cli/progress.ts';
import { replay, type ReplayOptions, type ReplaySummary } from './cli/replay.ts';
import { score } from './cli/score.ts';
import { scanCommand } from './cli/scan.ts';
import { testRules } from './cli/test-rules.ts';
import { parseTime, timeUnits, type TimeUnit } from './formats/time-field.ts';
import { RecordingError } from './recordings/recording.ts';
import { Locked } from './log/lock.ts';
import { stderrLogger } from './logger.ts';

const warn = (line: string): void => console.error(line);

const program = new Command('weir-agent')
  .description(
    'Stream processing on a gateway: reads sensors, computes windows, raises alerts, keeps everything, feeds the hub.',
  )
  .version('0.1.0')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program
  .command('run')
  .description('run the agent until it is told to stop (Ctrl-C, SIGTERM)')
  .argument('<gateway.yaml>', 'the gateway file')
  .option('--data <folder>', 'folder of journal and outbox; overrides the file')
  .action(async (path: string, options: { data?: string }) => {
    const file = loadGatewayFile(path, warn);
    const logger = stderrLogger(Date.now);
    const agent = await startAgent({ file, base: dirname(path), data: options.data, logger }).catch(
      (error: unknown) => {
        throw isDiskError(error)
          ? new CommandError(`the data folder cannot be used: ${error.message}; --data names another`)
          : error;
      },
    );
    logger.info('running', { gateway: file.gateway, data: agent.folder });
    await untilTold();
    await agent.stop();
    logger.info('stopped; what waits for the hub is on disk', {
      pending: agent.status().pending,
      open: agent.status().open,
    });
  });

program
  .command('check')
  .description('say everything that is wrong with a gateway file, with line and column; exit code 2 if anything is')
  .argument('<gateway.yaml>', 'the gateway file')
  .action((path: string) => {
    const file = loadGatewayFile(path, warn);
    const { sources, signals, windows, alerts, actions } = file;
    console.log(
      `${path}: good. ${sources.size} sources, ${signals.size} signals, ${windows.size} windows, ${alerts.size} alerts, ${actions.size} actions.`,
    );
  });

program
  .command('replay')
  .description('the past through the same core: a recording, or what the gateway itself remembers')
  .argument('<gateway.yaml>', 'the gateway file: its rules are tried')
  .argument('[recording]', 'CSV with a header, or JSON lines; without it, --since says what of the gateway')
  .option('--out <file>', 'write the JSON lines there, and print only what people read')
  .option('--time <column>', 'column with the event time')
  .option('--time-unit <unit>', 'unit of a numeric event time: ms or s', timeUnit, 'ms')
  .option('--device <name>', 'device of rows that name none', 'recording')
  .option('--map <column=signal>', 'which signal a column is; may be repeated', mapping, new Map<string, string>())
  .option('--since <when>', 'back-test over what the gateway remembers: 7d, or a time', moment)
  .option('--until <when>', 'end of the back-test: 1d ago, or a time', moment)
  .option('--warm-up <duration>', 'how much before --since is read to learn from; default: everything', duration)
  .option('--data <folder>', 'data folder of the agent, which may be running; overrides the file')
  .option('--against <gateway.yaml>', 'the rules to compare with; default: those the agent works by')
  .option('--report <page.html>', 'draw series, panes, scores and alarms on one page that needs nothing else')
  .action(async (path: string, recording: string | undefined, flags: ReplayFlags) => {
    const file = loadGatewayFile(path, warn);
    if (recording !== undefined && flags.since !== undefined)
      throw new CommandError('a recording, or --since for what the gateway remembers; not both');
    if (recording !== undefined && [flags.until, flags.warmUp, flags.data].some((flag) => flag !== undefined))
      throw new CommandError('--until, --warm-up and --data belong to --since');
    if (recording === undefined && flags.since === undefined)
      throw new CommandError('name a recording, or say --since 7d for what the gateway remembers');
    const options = { ...flags, progress: process.stderr.isTTY, print: (line: string) => console.log(line), warn };
    const isBacktest = recording === undefined || flags.against !== undefined || flags.report !== undefined;
    if (isBacktest) await tryRules(path, file, recording, options);
    else tellReplay(await replay(file, { ...options, recording }));
  });

program
  .command('test')
  .description('try the alerts of a gateway file on series you write down; exit code 1 when something else happens')
  .argument('<gateway.yaml>', 'the gateway file')
  .argument('<cases.yaml>', 'series, and the transitions they are to cause (docs/alerts.md)')
  .action((path: string, cases: string) => {
    const results = testRules(loadGatewayFile(path, warn), readText(cases));
    if ('problems' in results) throw new CommandError(results.problems.map((line) => `${cases}:${line}`).join('\n'));
    for (const { name, missing, unexpected } of results) {
      const isGood = missing.length === 0 && unexpected.length === 0;
      console.log(`${isGood ? 'ok    ' : 'FAILED'} ${name}`);
      for (const line of missing) console.log(`         missing     ${line}`);
      for (const line of unexpected) console.log(`         unexpected  ${line}`);
      if (!isGood) process.exitCode = 1;
    }
  });

program
  .command('score')
  .description("write a detector's score for every row of a CSV file (timestamp,value)")
  .argument('<gateway.yaml>', 'the gateway file: the detector is that of its first alert with anomaly:, or auto')
  .argument('<file.csv>', 'a header, then one row a reading')
  .requiredOption('--out <scores.csv>', 'where timestamp,value,anomaly_score goes')
  .option('--alert <name>', 'take the detector of this alert')
  .action(async (path: string, csv: string, { out, alert }: { out: string; alert?: string }) => {
    const rows = await score(loadGatewayFile(path, warn), { csv, out, alert, warn });
    console.log(`${out}: ${rows} rows`);
  });

program.addCommand(alertsCommand((line) => console.log(line), warn));
program.addCommand(scanCommand((line) => console.log(line)));

interface ReplayFlags extends RecordingFlags {
  readonly out: string | undefined;
  readonly since: Moment | undefined;
  readonly until: Moment | undefined;
  readonly warmUp: number | undefined;
  readonly data: string | undefined;
  readonly against: string | undefined;
  readonly report: string | undefined;
}

type ReplayContext = ReplayFlags & Pick<ReplayOptions, 'progress' | 'print' | 'warn'>;

async function tryRules(
  path: string,
  file: GatewayFile,
  recording: string | undefined,
  options: ReplayContext,
): Promise<void> {
  const { since = { agoMs: Infinity }, until, warmUp: warmUpMs = Infinity, data, against } = options;
  const other = against === undefined ? undefined : compilePlan(loadGatewayFile(against, warn));
  const { past, present, close } =
    recording === undefined
      ? await ofGateway(file, { base: dirname(path), data, span: { since, until, warmUpMs }, warn })
      : {
          past: await ofRecording(recording, file, options, { problem: warn, malformed: () => undefined }),
          present: undefined,
          close: () => Promise.resolve(),
        };
  const plan = other ?? present;
  const { readings, seconds } = await backtest({
    file,
    name: path,
    past,
    present: plan && { plan, name: against ?? 'the rules the agent works by' },
    out: options.out,
    report: options.report,
    print: options.print,
    progress: new Progress(options.progress),
  });
  await close();
  warn(`${readings} readings in ${seconds.toFixed(2)} s (${rateOf(readings, seconds)} readings/s)`);
  if (options.report !== undefined) warn(`${options.report} can be opened in any browser`);
}

function tellReplay(summary: ReplaySummary): void {
  const { readings, panes, transitions, seconds } = summary;
  const lost = Object.entries(summary.lost).map(([reason, count]) => `, ${count} ${reason}`);
  warn(
    `${readings} readings${lost.join('')}; ${panes} panes, ${transitions} transitions ` +
      `in ${seconds.toFixed(2)} s (${rateOf(readings, seconds)} readings/s)`,
  );
}

function rateOf(readings: number, seconds: number): number {
  return Math.round(readings / Math.max(seconds, 1e-3));
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('write it like 7d, 12h or 30m');
  return ms;
}

function moment(text: string): Moment {
  const agoMs = parseDuration(text);
  if (agoMs !== undefined) return { agoMs };
  const time = parseTime(text, 'ms');
  if (!Number.isFinite(time)) throw new InvalidArgumentError('write it like 7d, or 2026-11-01T06:00:00Z');
  return { time };
}

function timeUnit(text: string): TimeUnit {
  const unit = timeUnits.find((known) => known === text);
  if (unit === undefined) throw new InvalidArgumentError(`one of ${timeUnits.join(', ')}`);
  return unit;
}

function mapping(text: string, before: Map<string, string>): Map<string, string> {
  const [column, signal] = text.split('=');
  if (column === undefined || signal === undefined) throw new InvalidArgumentError('write it as column=signal');
  return new Map(before).set(column, signal);
}

/** An error of the operating system, as opposed to a bug of ours. */
function isDiskError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}

function untilTold(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommandError || error instanceof RecordingError || error instanceof Locked)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
