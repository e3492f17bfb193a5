// Runs a program. What may run is what the gateway file names with its full path; nothing comes from outside.
//
// There is no shell: each argument reaches the program as it stands, whatever a device calls itself. An argument that begins
// with a placeholder is never an option: where its value begins with "-", a space is put in front. A placeholder inside a script
// for an interpreter (`sh -c`) would be a shell after all, and is refused. On standard input the program gets the same JSON as
// a webhook.
//
// It has a minimal environment and a process group of its own, which is killed as a whole when it takes too long or the agent
// stops. Of what it prints only the end is kept, to be shown when it fails.

import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import * as z from 'zod';
import { messageKind } from './action.ts';
import { deliverySettings } from './delivery.ts';
import { fieldsOf, noticeJson, type Fields } from './notice.ts';
import { fill, hasPlaceholder, template } from './template.ts';

const keptBytes = 2048;
const shownCharacters = 200;
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };
const interpreters =
  /^(?:sh|bash|dash|ash|zsh|ksh|fish|busybox|python[\d.]*|perl|ruby|node|php|lua[\d.]*|awk|env|sudo|su)$/;

const schema = z.strictObject({
  command: z
    .array(template)
    .min(1)
    .superRefine(([program = '', ...args], context) => {
      if (!program.startsWith('/') || hasPlaceholder(program))
        context.addIssue({
          code: 'custom',
          message: 'write the program with its full path, such as /usr/local/bin/siren',
          path: [0],
        });
      if (![program, ...args].some((word) => interpreters.test(basename(word)))) return;
      for (const [index, arg] of args.entries()) {
        const isScript = hasPlaceholder(arg) && /^(?:-\w*[ce]|--eval|--command)$/.test(args[index - 1] ?? '');
        if (isScript || (hasPlaceholder(arg) && /^(?:--eval|--command)=/.test(arg))) {
          const message =
            'what a device says must not become part of a script; put the script into a file and give it the placeholder as an argument';
          context.addIssue({ code: 'custom', message, path: [index + 1] });
        }
      }
    })
    .describe(
      'Program with its full path, then its arguments, with [placeholders](actions/README.md#placeholders). No shell.',
    ),
  ...deliverySettings,
});

export const command = messageKind({
  key: 'command',
  schema,
  make: ({ command: [program = '', ...args] }, context) => ({
    async perform(notice, signal) {
      const fields = fieldsOf(notice, context);
      const input = JSON.stringify(noticeJson(context.gateway, notice));
      await run(
        program,
        args.map((arg) => argument(arg, fields)),
        input,
        signal,
      );
    },
  }),
});

function argument(text: string, fields: Fields): string {
  const filled = fill(text, fields);
  return /^\{\w+\}/.test(text) && filled.startsWith('-') ? ` ${filled}` : filled;
}

/** @throws when it cannot be started, or ends with anything but 0 */
async function run(program: string, args: readonly string[], input: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(program, args, { cwd: '/', env: environment, detached: true, stdio: 'pipe' });
  let printed = Buffer.alloc(0);
  const keep = (chunk: Buffer): void => {
    printed = Buffer.concat([printed, chunk]).subarray(-keptBytes);
  };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', keep);
  // A program that reads nothing may be gone before its input.
  child.stdin.on('error', () => undefined).end(`${input}\n`);
  const kill = (): void => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  signal.addEventListener('abort', kill);
  try {
    const end = await ending(child);
    if (end !== '') throw new Error(`${program} ${end}${lastWords(printed)}`);
  } finally {
    signal.removeEventListener('abort', kill);
    // What it leaves running behind may hold on to them.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }
}

/** @returns what was wrong with its end, '' when nothing was */
function ending(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      const said = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
      const finish = (): void => resolve(code === 0 ? '' : said);
      // Its last words may still be in the pipe; what it leaves running behind may keep that open.
      child.once('close', finish);
      setTimeout(finish, 200).unref();
    });
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

function lastWords(printed: Buffer): string {
  const text = printed.toString('utf8').trim().replaceAll(/\s+/g, ' ');
  return text === '' ? '' : `: ${text.slice(-shownCharacters)}`;
}
