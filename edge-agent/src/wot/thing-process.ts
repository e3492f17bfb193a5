// The agent's end of the process that reads Things: starts it, takes what it sends, and makes sure that it never outlives its
// use. It is given up when it ends, and when it says nothing for a while: frozen, or busy with nothing that helps.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { credits, fromChildSchema, type FromChild, type Start, type ToChild } from './protocol.ts';

/** A child that is told to end and does not is killed. */
const patienceMs = 2000;
/** Silence is counted in so many looks: time in which the agent itself stood still is one. */
const looks = 4;
/** Little room for young objects costs nothing here and saves 13 MB. */
const nodeFlags = ['--max-old-space-size=128', '--max-semi-space-size=1'];
const stderrKept = 2000;
const shownLength = 300;
const lastLinesMs = 200;
/** Stacks, warnings, and how Node signs a crash. */
const noise = /^\s+at |^Node\.js v|Warning: |trace-deprecation|trace-warnings/;

export interface ThingProcessOptions {
  readonly start: Omit<Start, 'kind' | 'aliveMs'>;
  /** A child that says nothing for so long is given up. */
  readonly silentMs: number;
  readonly state: (state: FromChild & { kind: 'state' }) => void;
}

export type Samples = FromChild & { kind: 'samples' };

export class ThingProcess {
  readonly #child: ChildProcess;
  readonly #silentMs: number;
  readonly #state: ThingProcessOptions['state'];
  readonly #watch: NodeJS.Timeout;
  #inbox: Samples[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  #stderr = '';
  #silentLooks = 0;
  readonly #gone: Promise<void>;

  constructor({ start, silentMs, state }: ThingProcessOptions) {
    this.#silentMs = silentMs;
    this.#state = state;
    // What node-wot and its libraries print is for whoever asks; the child has no use for the agent's secrets.
    const { DEBUG: _, WEIR_HUB_KEY: __, NODE_OPTIONS: ___, ...env } = process.env;
    this.#child = fork(entryPoint(), [], {
      execArgv: nodeFlags,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env,
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-stderrKept);
    });
    this.#child.on('message', (raw) => this.#take(raw));
    this.#gone = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#fail(`the process that reads Things does not run: ${error.message}`);
        // Nothing was started. Other errors come before the end.
        if (this.#child.pid === undefined) resolve();
      });
      this.#child.on('exit', (code, signal) => {
        resolve();
        void this.#lastLines().then((lines) =>
          this.#fail(`the process that reads Things ended (${signal ?? `exit code ${code}`})${lines}`),
        );
      });
    });
    this.#watch = setInterval(() => this.#look(), silentMs / looks);
    this.#send({ kind: 'start', ...start, aliveMs: silentMs / looks / 2 });
    for (let given = 0; given < credits; given++) this.credit();
  }

  /** Lets the child send once more. */
  credit(): void {
    this.#send({ kind: 'credit' });
  }

  /** @returns what came, or undefined when woken @throws when the child is lost, with what to do */
  async next(): Promise<Samples | undefined> {
    const first = this.#inbox.shift();
    if (first !== undefined) return first;
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#inbox.shift();
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Resolves when the child is gone. */
  async end(): Promise<void> {
    clearInterval(this.#watch);
    if (this.#child.connected) this.#child.disconnect();
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    if (this.#failure !== undefined) this.#child.kill('SIGKILL');
    await this.#gone;
    clearTimeout(kill);
  }

  #take(raw: unknown): void {
    this.#silentLooks = 0;
    const parsed = fromChildSchema.safeParse(raw);
    if (!parsed.success) return this.#fail('the process that reads Things sends what the agent does not understand');
    const message = parsed.data;
    switch (message.kind) {
      case 'samples':
        this.#inbox.push(message);
        if (this.#inbox.length > credits) this.#fail('the process that reads Things sends more than it may');
        return this.wake();
      case 'state':
        return this.#state(message);
      case 'failed':
        return this.#fail(message.message);
      case 'alive':
    }
  }

  #look(): void {
    this.#silentLooks += 1;
    if (this.#silentLooks <= looks) return;
    this.#fail(`the process that reads Things said nothing for ${this.#silentMs / 1000} s; started again`);
  }

  #fail(message: string): void {
    this.#failure ??= new Error(message);
    this.wake();
  }

  /** What it printed before it ended; what it printed last may still be on its way. */
  async #lastLines(): Promise<string> {
    const { stderr } = this.#child;
    if (stderr?.readableEnded === false)
      await once(stderr, 'close', { signal: AbortSignal.timeout(lastLinesMs) }).catch(() => undefined);
    const lines = this.#stderr.split('\n').filter((line) => !noise.test(line));
    const text = lines.join(' ').replaceAll(/\s+/g, ' ').trim();
    return text === '' ? '' : `: ${text.slice(-shownLength)}`;
  }

  #send(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}

/** In the repository the child runs from its source; in a bundle it lies ready beside the agent. */
function entryPoint(): string {
  const bundled = join(import.meta.dirname, 'wot-child.js');
  return existsSync(bundled) ? bundled : join(import.meta.dirname, 'child.ts');
}
