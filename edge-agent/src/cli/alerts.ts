// `weir-agent alerts`: what is on at this gateway, and what an operator does about it, link or no link. It speaks with the running agent
// over the socket in its data folder.

import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { userInfo } from 'node:os';
import { operationKinds, type OperationKind } from '@weir/shared/model/alert.ts';
import { parseDuration } from '@weir/shared/model/duration.ts';
import { suggestion } from '@weir/shared/config/yaml-file.ts';
import { Command, InvalidArgumentError } from 'commander';
import { answerSchema, socketName, type Answer, type ControlAlarm, type Request } from '../control/protocol.ts';
import { dataFolder } from '../log/data-folder.ts';
import { messageOf } from '../logger.ts';
import { CommandError, loadGatewayFile } from './gateway-file.ts';
import { isoTime } from './output-lines.ts';

interface Choice {
  readonly data?: string;
  readonly device?: string;
  readonly signal?: string;
  readonly by?: string;
  readonly comment?: string;
  readonly for?: number;
  readonly all?: true;
  readonly json?: true;
}

const says: Readonly<Record<OperationKind, string>> = {
  acknowledge: 'somebody has seen it; a latched alarm that is over ends',
  shelve: 'tell nobody for a while',
  unshelve: 'tell again before that is over',
  disable: 'take out of service',
  enable: 'put back into service',
};

const answerWithinMs = 10_000;

export function alertsCommand(print: (line: string) => void, warn: (line: string) => void): Command {
  const command = new Command('alerts').description('alarms of the running agent, and what operators do to them');
  withData(command.command('list'))
    .description('those that are on, pending, shelved or out of service')
    .argument('<gateway.yaml>', 'the gateway file')
    .option('--all', 'the others, too')
    .option('--json', 'one JSON object a line')
    .action(async (path: string, { data, all, json }: Choice) => {
      const answer = await ask(folderOf(path, data, warn), { ask: 'alarms' });
      const alarms = 'alarms' in answer ? answer.alarms : [];
      const shown = alarms.filter((alarm) => all === true || isNotable(alarm));
      for (const alarm of shown) print(json === true ? JSON.stringify(alarm) : lineOf(alarm));
      if (shown.length === 0 && json !== true) print(`none of ${alarms.length} alarms is on`);
    });
  for (const kind of operationKinds) {
    const one = withData(command.command(kind))
      .description(says[kind])
      .argument('<gateway.yaml>', 'the gateway file')
      .argument('<alert>', 'its name in the gateway file')
      .option('--device <name>', 'with --signal: one alarm; without, all of this name')
      .option('--signal <name>')
      .option('--by <name>', 'who does it', userName())
      .option('--comment <text>', 'what there is to say about it', '');
    if (kind === 'shelve') one.requiredOption('--for <duration>', 'such as 8h', duration);
    one.action(async (path: string, rule: string, choice: Choice) => {
      const { data, device, signal, by = '', comment = '', for: forMs = NaN } = choice;
      if ((device === undefined) !== (signal === undefined))
        throw new CommandError('--device and --signal go together');
      const series = device === undefined || signal === undefined ? undefined : { device, signal };
      const until = Date.now() + forMs;
      const operate = { kind, rule, series, since: undefined, until, by, comment };
      const answer = await ask(folderOf(path, data, warn), { operate });
      const changed = 'changed' in answer ? answer.changed : null;
      const known = [...loadGatewayFile(path, () => undefined).alerts.keys()];
      if (changed === null) throw new CommandError(`no alert "${rule}"${suggestion(rule, known)}`);
      const later = series === undefined && kind !== 'acknowledge' ? '; the same goes for those to come' : '';
      print(`${rule}: ${changed} ${changed === 1 ? 'alarm' : 'alarms'} changed${later}`);
    });
  }
  return command;
}

/** @throws CommandError when no agent answers */
function ask(folder: string, request: Request): Promise<Answer> {
  const socket = connect(join(folder, socketName));
  return new Promise((done, failed) => {
    let text = '';
    const fail = (reason: string): void => {
      socket.destroy();
      failed(
        new CommandError(`${folder}: no agent answers: ${reason}; is it running, and may you use its data folder?`),
      );
    };
    socket.setEncoding('utf8');
    socket.setTimeout(answerWithinMs, () => fail(`nothing for ${answerWithinMs / 1000} s`));
    socket.on('error', (error) => fail(messageOf(error)));
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('end', () => {
      const answer = answerSchema.safeParse(parse(text));
      if (!answer.success) fail('its answer cannot be read: it is of another version');
      else if ('error' in answer.data) fail(answer.data.error);
      else done(answer.data);
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}

function folderOf(path: string, data: string | undefined, warn: (line: string) => void): string {
  return dataFolder(loadGatewayFile(path, warn), dirname(path), data);
}

function isNotable({ phase, shelvedUntil, disabled }: ControlAlarm): boolean {
  return phase !== 'normal' || shelvedUntil !== null || disabled;
}

function lineOf(alarm: ControlAlarm): string {
  const { rule, device, signal, severity, phase, since, reason, shelvedUntil } = alarm;
  const marks = [
    ...(phase === 'firing' || phase === 'latched' ? [alarm.acknowledged ? 'acknowledged' : 'not acknowledged'] : []),
    ...(shelvedUntil === null ? [] : [`shelved until ${isoTime(shelvedUntil)}`]),
    ...(alarm.disabled ? ['out of service'] : []),
    ...(alarm.suppressed ? ['suppressed'] : []),
    ...(alarm.chattering ? ['chattering'] : []),
    ...(alarm.learning ? ['learning'] : []),
  ];
  const from = since === null ? '' : ` since ${isoTime(since)}`;
  const why = reason === '' ? '' : `: ${reason}`;
  return [`${rule} (${severity}) ${device}/${signal} ${phase}${from}`, ...marks].join(', ') + why;
}

function withData(command: Command): Command {
  return command.option('--data <folder>', 'data folder of the agent; overrides the file');
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('write it like 30m or 8h');
  return ms;
}

/** A process without a user name has none. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
