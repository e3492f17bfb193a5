import { mkdir, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Operation } from '@weir/shared/model/alert.ts';
import type { AlarmView } from '@weir/shared/pipeline/alarm-measures.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Health } from '../health.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { startControl } from './control.ts';
import { answerSchema, socketName, type Answer } from './protocol.ts';

const alarm: AlarmView = {
  rule: 'lost',
  series: { device: 'band', signal: 'hr' },
  severity: 'warning',
  phase: 'normal',
  since: NaN,
  value: NaN,
  reason: '',
  acknowledged: false,
  told: false,
  shelvedUntil: -Infinity,
  disabled: false,
  suppressed: false,
  chattering: false,
  learning: false,
};

async function start(folder: string) {
  const health = new Health(
    () => 0,
    () => undefined,
  );
  const operations: Operation[] = [];
  const close = await startControl({
    folder,
    alarms: () => [alarm],
    operate(operation) {
      operations.push(operation);
      if (operation.rule === 'broken') return Promise.reject(new Error('it is broken'));
      return Promise.resolve(operation.rule === 'lost' ? 2 : undefined);
    },
    health,
  });
  onTestFinished(close);
  return { health, operations, close };
}

/** @returns what comes back until the agent hangs up */
async function say(folder: string, ...chunks: string[]): Promise<string> {
  const socket = connect(join(folder, socketName));
  socket.setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  for (const chunk of chunks) {
    socket.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await closed;
  return text;
}

async function answer(folder: string, ...chunks: string[]): Promise<Answer> {
  return answerSchema.parse(JSON.parse(await say(folder, ...chunks)));
}

const operation = { kind: 'acknowledge', rule: 'lost', until: null, by: 'Ada', comment: '' };

describe('the socket for operators at the gateway', () => {
  it('tells the alarms, and carries out what an operator does, in however many pieces it comes', async () => {
    const folder = await tempFolder();
    const { operations } = await start(folder);
    expect(await answer(folder, '{"ask":', '"alarms"}\n')).toMatchObject({
      alarms: [{ rule: 'lost', device: 'band', phase: 'normal', since: null, value: null, shelvedUntil: null }],
    });
    expect(await answer(folder, `${JSON.stringify({ operate: operation })}\n`)).toEqual({ changed: 2 });
    expect(operations).toEqual([{ ...operation, series: undefined, since: undefined, until: NaN }]);
    expect(await answer(folder, `${JSON.stringify({ operate: { ...operation, rule: 'x' } })}\n`)).toEqual({
      changed: null,
    });
  });

  it('says what it cannot understand or do, and hangs up on who never ends', async () => {
    const folder = await tempFolder();
    await start(folder);
    const unknown = { error: 'no such request: this agent is of another version' };
    for (const line of ['{"ask":"weather"}', 'hello', '{"operate":{}}', ''])
      expect(await answer(folder, `${line}\n`)).toEqual(unknown);
    expect(await answer(folder, `${JSON.stringify({ operate: { ...operation, rule: 'broken' } })}\n`)).toEqual({
      error: 'it is broken',
    });
    expect(await say(folder, 'x'.repeat(20_000))).toBe('');
    expect(await answer(folder, '{"ask":"alarms"}\n')).toHaveProperty('alarms');
  });

  it('is for its owner and group, takes the place of what a killed agent left, and goes when it is closed', async () => {
    const folder = await tempFolder();
    const path = join(folder, socketName);
    await writeFile(path, 'left');
    const { close, health } = await start(folder);
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    expect(health.all()).toEqual([]);
    await close();
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('keeps no agent from working where there can be none', async () => {
    const folder = await tempFolder();
    await mkdir(join(folder, socketName));
    const { health } = await start(folder);
    expect(health.all()).toMatchObject([{ part: 'control', up: false }]);
  });
});
