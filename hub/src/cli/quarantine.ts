// `weir-hub quarantine`: what could not be stored, listed, tried again, let go.
//
// All three work on the hub's state and may be called while the hub runs. A retry is done by the hub itself, within a
// second; when none runs on this data folder it is said, and the hub does it when it is started.

import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { HubError } from '../errors.ts';
import type { QuarantineRow } from '../state/quarantine.ts';
import type { State } from '../state/state.ts';

/** Opens the state the options speak of, for as long as the work takes. */
export type WithState = (where: Where, work: (state: State) => Promise<void> | void) => Promise<void>;

export interface Where {
  config?: string;
  data?: string;
}

interface Choice extends Where {
  gateway?: string;
  all?: true;
  json?: true;
}

export interface QuarantineTools {
  readonly withState: WithState;
  readonly print: (line: string) => void;
  /** A hub that runs has looked by then. Default 10 s. */
  readonly patienceMs?: number;
}

export function quarantineCommand({ withState, print, patienceMs = 10_000 }: QuarantineTools): Command {
  const command = new Command('quarantine').description('what could not be stored, kept aside with the reason');

  located(command.command('list'))
    .description('what is kept, newest first')
    .option('--gateway <name>', 'of this gateway only')
    .option('--json', 'one JSON object a line')
    .action((choice: Choice) =>
      withState(choice, (state) => {
        const rows = state.quarantine.rows(choice.gateway);
        if (choice.json === true) for (const row of rows) print(JSON.stringify(row));
        else for (const line of table(rows)) print(line);
      }),
    );

  located(command.command('retry'))
    .description('try to store rows again: after an update of the hub, or when the store was put right')
    .argument('[ids...]')
    .option('--all', 'every row that is kept whole')
    .option('--gateway <name>', 'with --all: of this gateway only')
    .action((ids: string[], choice: Choice) =>
      withState(choice, async (state) => {
        const chosen = choose(state, ids, choice).filter(({ id, whole }) => {
          if (!whole && choice.all !== true)
            throw new HubError('WEIR_HUB_QUARANTINE', `row ${id} is not kept whole: it cannot be stored any more`);
          return whole;
        });
        for (const { id } of chosen) state.quarantine.ask(id);
        await outcome(state, chosen, { print, patienceMs });
      }),
    );

  located(command.command('drop'))
    .description('let rows go; their readings stay counted as lost in quarantine')
    .argument('[ids...]')
    .option('--all', 'every row')
    .option('--gateway <name>', 'with --all: of this gateway only')
    .action((ids: string[], choice: Choice) =>
      withState(choice, (state) => {
        for (const { id, readings } of choose(state, ids, choice)) {
          if (state.quarantine.remove(id)) print(`${id}\tdropped\t${counted(readings, 'reading')} lost`);
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

/** @throws HubError when none are named, or one there is not */
function choose(state: State, ids: readonly string[], { all, gateway }: Choice): QuarantineRow[] {
  const rows = state.quarantine.rows(all === true ? gateway : undefined);
  if (all === true) return rows.toReversed();
  if (ids.length === 0) throw new HubError('WEIR_HUB_QUARANTINE', 'name the rows by their ids, or say --all');
  return ids.map((id) => {
    const row = rows.find((known) => String(known.id) === id);
    if (row === undefined) throw new HubError('WEIR_HUB_QUARANTINE', `there is no row "${id}" in quarantine`);
    return row;
  });
}

/** Prints what becomes of each row, until nothing has for a while. */
async function outcome(
  state: State,
  chosen: readonly QuarantineRow[],
  { print, patienceMs }: Required<Omit<QuarantineTools, 'withState'>>,
): Promise<void> {
  const waiting = new Map(chosen.map((row) => [row.id, row]));
  let until = performance.now() + patienceMs;
  while (waiting.size > 0 && performance.now() < until) {
    const now = new Map(state.quarantine.rows().map((row) => [row.id, row]));
    for (const [id, { readings }] of waiting) {
      const row = now.get(id);
      if (row?.asked === true) continue;
      print(row === undefined ? `${id}\tstored\t${counted(readings, 'reading')}` : `${id}\trefused\t${row.reason}`);
      waiting.delete(id);
      until = performance.now() + patienceMs;
    }
    if (waiting.size > 0) await sleep(100);
  }
  if (waiting.size === 0) return;
  print(
    `${counted(waiting.size, 'row')} not tried yet: no hub that stores anything seems to run on this data folder; ` +
      'the hub does it as soon as it can',
  );
}

function table(rows: readonly QuarantineRow[]): string[] {
  return rows.map(({ id, timeMs, gateway, lane, kind, reason, readings, size, whole, asked }) =>
    [
      String(id),
      new Date(timeMs).toISOString(),
      gateway,
      lane === '' ? kind : `${lane} ${kind}`,
      counted(readings, 'reading'),
      `${size} bytes${whole ? '' : ', not kept whole'}`,
      `${asked ? 'to be tried again; ' : ''}${reason}`,
    ].join('\t'),
  );
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
