// `weir-hub alerts`: what is on, and what an operator does about it. Works on the hub's state, also while the hub runs: it sees
// an order within a second and sends it to the gateway.

import { Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '@weir/shared/model/duration.ts';
import { operationKinds, type OperationKind } from '@weir/shared/model/alert.ts';
import { placeOrder } from '../alerts/order-desk.ts';
import type { Episode } from '../state/alert-book.ts';
import type { Where, WithState } from './quarantine.ts';

interface Choice extends Where {
  gateway?: string;
  device?: string;
  signal?: string;
  by?: string;
  comment?: string;
  for?: number;
  json?: true;
}

export interface AlertsCommandParts {
  readonly withState: WithState;
  readonly print: (line: string) => void;
  readonly now: () => number;
}

const listed = 200;
const says: Readonly<Record<OperationKind, string>> = {
  acknowledge: 'somebody has seen it; a latched alarm that is over ends',
  shelve: 'tell nobody for a while',
  unshelve: 'tell again before that is over',
  disable: 'take out of service',
  enable: 'put back into service',
};

export function alertsCommand({ withState, print, now }: AlertsCommandParts): Command {
  const command = new Command('alerts').description('alarms of all gateways, and what operators do to them');
  located(command.command('list'))
    .description(`those that are on, then the newest, ${listed} together`)
    .option('--json', 'one JSON object a line')
    .action((choice: Choice) =>
      withState(choice, (state) => {
        for (const episode of state.alerts.episodes(listed))
          print(choice.json ? JSON.stringify(episode) : line(episode));
      }),
    );
  for (const kind of operationKinds) {
    const one = located(command.command(kind))
      .description(says[kind])
      .argument('<gateway>')
      .argument('<alert>', 'its name in the gateway file')
      .option('--device <name>', 'with --signal: one alarm; without, all of this name')
      .option('--signal <name>')
      .option('--by <name>', 'who does it', process.env['USER'] ?? '')
      .option('--comment <text>', 'what there is to say about it', '');
    if (kind === 'shelve') one.requiredOption('--for <duration>', 'such as 8h', duration);
    one.action((gateway: string, rule: string, choice: Choice) =>
      withState(choice, (state) => {
        const { device, signal, by = '', comment = '' } = choice;
        if ((device === undefined) !== (signal === undefined))
          throw new InvalidArgumentError('--device and --signal go together');
        const series = device === undefined || signal === undefined ? undefined : { device, signal };
        const until = kind === 'shelve' ? now() + (choice.for ?? 0) : Number.NaN;
        print(placeOrder(state, gateway, { kind, rule, series, since: undefined, until, by, comment }, now()));
      }),
    );
  }
  return command;
}

function located(command: Command): Command {
  return command
    .option('--config <file>', 'hub.yaml, to find the data folder')
    .option('--data <folder>', 'the data folder itself');
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('write it like 30m or 8h');
  return ms;
}

function line({ gateway, rule, device, signal, severity, firedMs, clearedMs, ...rest }: Episode): string {
  const end =
    clearedMs === null ? (rest.latched ? 'latched' : 'firing') : `cleared ${new Date(clearedMs).toISOString()}`;
  const seen = rest.acknowledgedMs === null ? '' : `, acknowledged by ${rest.acknowledgedBy || 'somebody'}`;
  const quiet = rest.quiet === '' ? '' : `, nobody told: ${rest.quiet}`;
  const why = rest.reason === '' ? '' : `: ${rest.reason}`;
  return `${new Date(firedMs).toISOString()} ${gateway} ${rule} (${severity}) ${device}/${signal} ${end}${seen}${quiet}${why}`;
}
