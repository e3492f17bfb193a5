#!/usr/bin/env node
// The command line of the hub: run it, say which gateways may connect, see to what could not be stored, ask for raw
// readings.

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { Credentials } from './broker/credentials.ts';
import { alertsCommand } from './cli/alerts.ts';
import { quarantineCommand, type Where } from './cli/quarantine.ts';
import { rawCommand } from './cli/raw.ts';
import { systemClock } from './clock.ts';
import { parseHubConfig, type HubConfig } from './config.ts';
import { HubError, messageOf } from './errors.ts';
import { startHub } from './hub.ts';
import { lineLog } from './log.ts';
import { State } from './state/state.ts';
import { defaultRawKeepMs } from './store/store.ts';

/** Exit codes: 2 for what the caller must mend, 70 (EX_SOFTWARE) for a bug of ours. */
const mistake = 2;
const bug = 70;

const program = new Command('weir-hub').description(
  'The hub of Weir: takes in what gateways send, stores it, shows it.',
);

program
  .command('run')
  .description('run the hub until SIGTERM or SIGINT')
  .argument('<file>', 'hub.yaml')
  .action((file: string) => run(file));

const gateway = program.command('gateway').description('say which gateways may connect; a running hub knows at once');

gateway
  .command('add')
  .description('let a gateway in; prints its key, this once')
  .argument('<name>')
  .option('--config <file>', 'hub.yaml, to find the data folder')
  .option('--data <folder>', 'the data folder itself')
  .action((name: string, where: Where) =>
    withState(where, async (state) => {
      const key = await new Credentials(state.gateways).add(name, systemClock.now());
      console.log(key);
    }),
  );

gateway
  .command('list')
  .description('the gateways that may connect')
  .option('--config <file>', 'hub.yaml, to find the data folder')
  .option('--data <folder>', 'the data folder itself')
  .action((where: Where) =>
    withState(where, (state) => {
      for (const { name, addedMs, seenMs } of state.gateways.all()) {
        const seen = seenMs === 0 ? 'never seen' : `seen ${new Date(seenMs).toISOString()}`;
        console.log(`${name}\tadded ${new Date(addedMs).toISOString()}\t${seen}`);
      }
    }),
  );

gateway
  .command('remove')
  .description('take a gateway its key away; what it sent stays')
  .argument('<name>')
  .option('--config <file>', 'hub.yaml, to find the data folder')
  .option('--data <folder>', 'the data folder itself')
  .action((name: string, where: Where) =>
    withState(where, (state) => {
      if (!state.gateways.remove(name)) throw new HubError('WEIR_HUB_GATEWAY', `there is no gateway "${name}"`);
    }),
  );

program.addCommand(quarantineCommand({ withState, print: (line) => console.log(line) }));
program.addCommand(alertsCommand({ withState, print: (line) => console.log(line), now: () => systemClock.now() }));
program.addCommand(
  rawCommand({
    withState,
    print: (line) => console.log(line),
    now: () => systemClock.now(),
    keepMs: async ({ config, data }) =>
      config === undefined && data !== undefined
        ? defaultRawKeepMs
        : (await readConfig(config ?? 'hub.yaml')).raw.keepMs,
  }),
);

try {
  await program.parseAsync();
} catch (error) {
  const known = error instanceof HubError;
  console.error(known ? `${error.code}\n${error.message}` : error);
  process.exitCode = known ? mistake : bug;
}

async function run(file: string): Promise<void> {
  const config = await readConfig(file);
  const log = lineLog(
    (line) => process.stderr.write(line),
    () => systemClock.now(),
  );
  const hub = await startHub(config, { log });
  const stop = (): void => {
    hub.stop().catch((error: unknown) => {
      log.error('the hub did not stop cleanly', { trouble: messageOf(error) });
      process.exit(bug);
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  log.info('open the page', { url: hub.url });
  try {
    await hub.finished;
  } catch (error) {
    // Whatever is still in memory cannot be trusted: the supervisor starts a new process, which recovers from disk.
    console.error(error);
    process.exit(bug);
  }
  await hub.stop();
}

async function readConfig(file: string): Promise<HubConfig> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new HubError('WEIR_HUB_CONFIG', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  return parseHubConfig(text, file, dirname(resolve(file)));
}

async function withState({ config, data }: Where, work: (state: State) => Promise<void> | void): Promise<void> {
  const folder = data ?? (await readConfig(config ?? 'hub.yaml')).dataFolder;
  const state = State.open(folder);
  try {
    await work(state);
  } finally {
    state.close();
  }
}
