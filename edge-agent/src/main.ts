#!/usr/bin/env node
// The command line of the agent: run, check, replay.

import { dirname } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { startAgent } from './agent.ts';
import { CommandError, loadGatewayFile, readText } from './cli/gateway-file.ts';
import { replay } from './cli/replay.ts';
import { score } from './cli/score.ts';
import { testRules } from './cli/test-rules.ts';
import { timeUnits, type TimeUnit } from './formats/time-field.ts';
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
  .description('run a recording through the same core: panes and alert transitions as JSON lines')
  .argument('<gateway.yaml>', 'the gateway file')
  .argument('<recording>', 'CSV with a header, or JSON lines')
  .option('--out <file>', 'write the JSON lines there, and print only the transitions and a summary')
  .option('--time <column>', 'column with the event time')
  .option('--time-unit <unit>', 'unit of a numeric event time: ms or s', timeUnit, 'ms')
  .option('--device <name>', 'device of rows that name none', 'recording')
  .option('--map <column=signal>', 'which signal a column is; may be repeated', mapping, new Map<string, string>())
  .action(async (path: string, recording: string, options: ReplayFlags) => {
    const file = loadGatewayFile(path, warn);
    const { out, time, timeUnit, device, map } = options;
    const summary = await replay(file, {
      recording,
      out,
      time,
      timeUnit,
      device,
      map,
      progress: process.stderr.isTTY,
      print: (line) => console.log(line),
      warn,
    });
    const lost = Object.entries(summary.lost).map(([reason, count]) => `, ${count} ${reason}`);
    const rate = Math.round(summary.readings / Math.max(summary.seconds, 1e-3));
    warn(
      `${summary.readings} readings${lost.join('')}; ${summary.panes} panes, ${summary.transitions} transitions ` +
        `in ${summary.seconds.toFixed(2)} s (${rate} readings/s)`,
    );
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

interface ReplayFlags {
  out?: string;
  time?: string;
  timeUnit: TimeUnit;
  device: string;
  map: Map<string, string>;
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
  if (!(error instanceof CommandError || error instanceof Locked)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
