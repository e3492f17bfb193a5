// The agent's command line, as a process of its own.

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';

const main = join(import.meta.dirname, '..', 'main.ts');

export class Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  stdout = '';
  stderr = '';
  readonly #exit: Promise<unknown>;

  /** Call it inside a test. */
  constructor(cwd: string, args: readonly string[]) {
    this.child = spawn(process.execPath, [main, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#exit = once(this.child, 'close');
    onTestFinished(() => void this.child.kill('SIGKILL'));
  }

  /** @returns the exit code */
  async exit(): Promise<number | null> {
    await this.#exit;
    return this.child.exitCode;
  }
}

/** Runs `weir-agent` to its end. */
export async function weirAgent(
  cwd: string,
  ...args: string[]
): Promise<{ code: number | null; out: string[]; err: string[] }> {
  const running = new Running(cwd, args);
  const code = await running.exit();
  return { code, out: linesOf(running.stdout), err: linesOf(running.stderr) };
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
