// `weir-hub raw`: asks a gateway for raw readings, and lists what was asked.
//
// Both work on the hub's state and may be called while the hub runs: it sees a new request within a second, and sends it to
// the gateway as soon as that is connected.

import { Command } from 'commander';
import { parseDuration } from '@weir/shared/model/duration.ts';
import { HubError } from '../errors.ts';
import { askRaw } from '../raw/ask.ts';
import type { RawRequest } from '../state/raw-requests.ts';
import type { Where, WithState } from './quarantine.ts';

interface Choice extends Where {
  gateway?: string;
  from?: string;
  to?: string;
  last?: string;
  json?: true;
}

export interface RawCommandParts {
  readonly withState: WithState;
  readonly print: (line: string) => void;
  readonly now: () => number;
  /** How long the store of this hub keeps raw readings. */
  readonly keepMs: (where: Where) => Promise<number>;
}

const listed = 1000;

export function rawCommand({ withState, print, now, keepMs }: RawCommandParts): Command {
  const command = new Command('raw').description('raw readings that gateways keep, asked for');

  located(command.command('ask'))
    .description('ask a gateway for the raw readings of a series; prints the id of the request')
    .argument('<gateway>')
    .argument('<device>')
    .argument('<signal>')
    .option('--from <time>', 'event time, like 2026-11-22T10:00:00Z, or epoch milliseconds')
    .option('--to <time>', 'where it ends, which is not in it any more')
    .option('--last <duration>', 'instead of both: like 10m')
    .action(async (gateway: string, device: string, signal: string, choice: Choice) => {
      const nowMs = now();
      const range = rangeOf(choice, nowMs);
      const keep = await keepMs(choice);
      await withState(choice, (state) => {
        print(askRaw(state, { gateway, device, signal, ...range }, { keepMs: keep, nowMs }).id);
      });
    });

  located(command.command('list'))
    .description(`the newest ${listed} requests, newest first`)
    .option('--gateway <name>', 'of this gateway only')
    .option('--json', 'one JSON object a line')
    .action((choice: Choice) =>
      withState(choice, (state) => {
        for (const request of state.rawRequests.newest(listed, choice.gateway)) {
          print(choice.json === true ? JSON.stringify(request) : line(request));
        }
      }),
    );

  return command;
}

function located(command: Command): Command {
  return command
    .option('--config <file>', 'hub.yaml, to find the data folder')
    .option('--data <folder>', 'the data folder itself');
}

/** @throws HubError */
function rangeOf({ from, to, last }: Choice, nowMs: number): { fromMs: number; toMs: number } {
  if (last !== undefined) {
    const lastMs = parseDuration(last);
    if (lastMs === undefined) throw mistake(`"${last}" is not a duration; write it like 10m`);
    if (from !== undefined || to !== undefined) throw mistake('say --from and --to, or --last');
    return { fromMs: nowMs - lastMs, toMs: nowMs };
  }
  if (from === undefined || to === undefined) throw mistake('say --from and --to, or --last');
  return { fromMs: timeOf(from), toMs: timeOf(to) };
}

/** @throws HubError */
function timeOf(text: string): number {
  const time = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isFinite(time)) throw mistake(`"${text}" is not a time; write it like 2026-11-22T10:00:00Z`);
  return time;
}

function mistake(message: string): HubError {
  return new HubError('WEIR_HUB_RAW', message);
}

function line({
  id,
  gateway,
  device,
  signal,
  fromMs,
  toMs,
  why,
  sent,
  doneMs,
  readings,
  shortfall,
}: RawRequest): string {
  const state = doneMs !== undefined ? 'done' : sent ? 'sent' : 'not sent yet';
  const range = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`;
  const count = `${readings} ${readings === 1 ? 'reading' : 'readings'}`;
  return [id, `${gateway}/${device}/${signal}`, range, why, state, count, shortfall].join('\t').trimEnd();
}
