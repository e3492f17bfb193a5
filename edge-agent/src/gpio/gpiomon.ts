// Input lines by the GPIO character device: libgpiod's `gpiomon`, one process a line, prints a line of text for each edge, with the
// kernel's timestamp (CLOCK_MONOTONIC). `gpioget` reads the level once before; it cannot while gpiomon has the line, so a
// change between the two is seen at the next edge only.
//
//   version 2   gpiomon --banner --chip gpiochip0 --edges both --debounce-period 20000us --format '%S %E' 17
//               1234.567890123 rising            the kernel debounces; the banner says that the line is had
//   version 1   gpiomon --line-buffered --format='%s %n %e' gpiochip0 17
//               1234 567890123 1                 debounced here; one that still runs after a moment has the line
//
// What gpiomon says is read as it comes, whether or not anybody pulls: a gpiomon that cannot write lets edges go.

import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { FrameCutter } from '../formats/frames.ts';
import type { Clock } from '../time/clock.ts';
import type { GpioInput, GpioInputs, InputListener, InputRequest } from './contract.ts';
import { Debouncer } from './debounce.ts';
import { followAgent, majorVersion, withAdvice } from './libgpiod.ts';

const patienceMs = 5000;
const settleMs = 100;
const endMs = 1000;
const maxLineBytes = 256;
const keptCharacters = 500;
/** A timestamp further from now is by another clock: kernels before 5.7 gave the time of day. */
const oddMs = 3_600_000;

/** Version 1 says `disable`, version 2 `disabled`. */
const bias = { up: ['pull-up', 'pull-up'], down: ['pull-down', 'pull-down'], none: ['disable', 'disabled'] } as const;

export function gpiomonInputs(clock: Clock): GpioInputs {
  return {
    async open(request, listener, signal) {
      const major = await majorVersion('gpiomon');
      if (major === undefined) throw new Error('gpiomon (Debian package gpiod) is not installed: apt install gpiod');
      const level = await readLevel(request, major, signal);
      const present = { level, atMs: clock.monotonicMs() };
      const command = [...(await followAgent()), 'gpiomon', ...optionsOf(request, major)];
      const monitor = new Monitor(command, { request, major, present, listener, clock });
      await monitor.start(signal);
      return monitor;
    },
  };
}

async function readLevel({ line, chip = 'gpiochip0', pull }: InputRequest, major: number, signal: AbortSignal) {
  const options =
    major >= 2
      ? ['--numeric', '--chip', chip, ...(pull === undefined ? [] : ['--bias', bias[pull][1]]), String(line)]
      : [...(pull === undefined ? [] : [`--bias=${bias[pull][0]}`]), chip, String(line)];
  const { stdout } = await promisify(execFile)('gpioget', options, { timeout: patienceMs, signal }).catch(
    (error: unknown) => {
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
      throw said === '' ? error : new Error(withAdvice(said));
    },
  );
  const text = stdout.trim();
  if (text !== '0' && text !== '1') throw new Error(`gpioget says ${JSON.stringify(text.slice(0, 80))}: no level`);
  return text === '1';
}

function optionsOf(
  { line, chip = 'gpiochip0', pull, debounceMs, edges }: InputRequest,
  major: number,
): readonly string[] {
  if (major >= 2) {
    const debounce = debounceMs > 0 ? ['--debounce-period', `${Math.round(debounceMs * 1000)}us`] : [];
    const resistor = pull === undefined ? [] : ['--bias', bias[pull][1]];
    return ['--banner', '--chip', chip, '--edges', edges, ...debounce, ...resistor, '--format', '%S %E', String(line)];
  }
  // Only both edges together tell a bounce.
  const only = { rising: ['--rising-edge'], falling: ['--falling-edge'], both: [] }[debounceMs > 0 ? 'both' : edges];
  const resistor = pull === undefined ? [] : [`--bias=${bias[pull][0]}`];
  return ['--line-buffered', ...only, ...resistor, '--format=%s %n %e', chip, String(line)];
}

interface MonitorParts {
  readonly request: InputRequest;
  readonly major: number;
  readonly present: GpioInput['present'];
  readonly listener: InputListener;
  readonly clock: Clock;
}

class Monitor implements GpioInput {
  readonly present: GpioInput['present'];
  readonly #parts: MonitorParts;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #debouncer: Debouncer;
  readonly #ready = new AbortController();
  readonly #lines = new FrameCutter('lines', 'none', maxLineBytes);
  #failure: Error | undefined;
  #said = '';

  constructor(command: readonly string[], parts: MonitorParts) {
    const { request, major, present, listener, clock } = parts;
    this.present = present;
    this.#parts = parts;
    const debounceMs = major >= 2 ? 0 : request.debounceMs;
    this.#debouncer = new Debouncer(debounceMs, present.level, clock, (level, atMs) => listener.edge(level, atMs));
    const [program = '', ...args] = command;
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#said = `${this.#said}${chunk.toString()}`.slice(0, keptCharacters);
    });
    this.#child.stdout.on('data', (chunk: Buffer) => this.#hear(chunk));
    this.#child.once('error', (error) => this.#fail(error));
    this.#child.once('close', (code, killedBy) => {
      const why = this.#said.trim();
      this.#fail(new Error(why === '' ? `gpiomon ended by itself (${killedBy ?? code})` : withAdvice(why)));
    });
  }

  /** Resolves when the line is had. */
  async start(signal: AbortSignal): Promise<void> {
    const { major, clock } = this.#parts;
    const stop = (): void => this.#ready.abort();
    signal.addEventListener('abort', stop);
    await clock.sleep(major >= 2 ? patienceMs : settleMs, this.#ready.signal);
    signal.removeEventListener('abort', stop);
    const silent = major >= 2 && !this.#ready.signal.aborted;
    const failure = silent ? new Error(`gpiomon has said nothing for ${patienceMs / 1000} s`) : this.#failure;
    if (failure === undefined && !signal.aborted) return;
    await this.close();
    throw failure ?? new Error('told to stop');
  }

  async close(): Promise<void> {
    this.#debouncer.close();
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new AbortController();
    const closed = once(child, 'close').then(() => gone.abort());
    child.kill('SIGTERM');
    await this.#parts.clock.sleep(endMs, gone.signal);
    if (!gone.signal.aborted) child.kill('SIGKILL');
    await closed;
  }

  #hear(chunk: Buffer): void {
    const edge = this.#parts.major >= 2 ? edgeOf2 : edgeOf1;
    this.#lines.push(chunk, {
      frame: (bytes) => {
        const line = bytes.toString('utf8').trim();
        if (line === '') return;
        const heard = edge(line);
        if (heard !== undefined) this.#edge(heard.level, heard.atMs);
        else if (line.startsWith('Monitoring line')) this.#ready.abort();
        else this.#fail(new Error(`gpiomon says ${JSON.stringify(line.slice(0, 80))}: no edge`));
      },
      bad: () => this.#fail(new Error(`gpiomon says a line longer than ${maxLineBytes} bytes`)),
    });
  }

  #edge(level: boolean, atMs: number): void {
    const { major, request, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    // The kernel stamps a debounced edge when the level has lasted; it began so much earlier.
    const beganMs = major >= 2 ? atMs - request.debounceMs : atMs;
    this.#debouncer.hear(level, Math.abs(nowMs - atMs) > oddMs ? nowMs : beganMs);
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#debouncer.close();
    this.#ready.abort();
    this.#parts.listener.lost(error);
  }
}

interface Heard {
  readonly level: boolean;
  readonly atMs: number;
}

function edgeOf2(line: string): Heard | undefined {
  const [, seconds, edge] = /^(\d+\.\d+) (rising|falling)$/.exec(line) ?? [];
  return seconds === undefined ? undefined : { level: edge === 'rising', atMs: Number(seconds) * 1000 };
}

function edgeOf1(line: string): Heard | undefined {
  const [, seconds, nanoseconds, edge] = /^(\d+) (\d+) ([01])$/.exec(line) ?? [];
  return seconds === undefined
    ? undefined
    : { level: edge === '1', atMs: Number(seconds) * 1000 + Number(nanoseconds) / 1e6 };
}
