// Reads one Thing: polls what has to be asked, watches what says it by itself, and keeps at it. A Thing that hangs or is away
// holds up nobody else, because each has a reader of its own, and nothing of it twice, because each of its properties has at
// most one request under way.
//
// What is watched is still asked now and then (`refreshMs`): that tells a Thing that has gone from one that has nothing new.
// When a Thing answers again after it did not, its subscriptions are made anew. Over CoAP there is no connection whose end would
// tell of a restart: there, news that were not told make them anew too, and so do a few minutes, since events cannot be asked for.

import { ContentSerdes } from '@node-wot/core';
import { parseTime, type TimeUnit } from '../formats/time-field.ts';
import { systemClock } from '../time/clock.ts';
import type { Clients } from './clients.ts';
import type { Sample } from './protocol.ts';
import type { Said } from './thing-client.ts';
import type { Affordance, Form } from './thing-description.ts';
import { fieldOf, judge, type WantedChannel } from './values.ts';

const sampleLength = 200;
const longestPauseMs = 30_000;
const renewCoapMs = 300_000;
/** What is new is told within this time by whoever knows that somebody listens. */
const newsMs = 1000;
/** Requests to one Thing under way at once. */
const atOnce = 4;

export interface Wanted {
  readonly affordance: Affordance;
  readonly channels: readonly WantedChannel[];
}

export interface ReaderOptions {
  readonly device: string;
  readonly wanted: readonly Wanted[];
  readonly clients: Clients;
  readonly pollMs: number;
  readonly refreshMs: number;
  readonly timeoutMs: number;
  readonly time: string | undefined;
  readonly timeUnit: TimeUnit;
  readonly add: (sample: Omit<Sample, 'ageMs'>) => void;
  /** Too much waits to be sent: Things are not asked for more. */
  readonly isFull: () => boolean;
  /** What is wrong, or undefined, has changed. */
  readonly changed: () => void;
}

/** What goes on with one property or event. */
interface Task extends Wanted {
  isAsking: boolean;
  isWatching: boolean;
  /** When it last said something by itself, and when it was last asked. */
  heardAtMs: number;
  askedAtMs: number;
  /** The last thing it said while watched, as it was. */
  last: string | undefined;
  problem: string | undefined;
  renew: () => void;
}

export class ThingReader {
  readonly #options: ReaderOptions;
  readonly #tasks: readonly Task[];
  #settled = false;
  #problem: string | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#tasks = options.wanted.map((wanted) => ({
      ...wanted,
      isAsking: false,
      isWatching: false,
      heardAtMs: -Infinity,
      askedAtMs: -Infinity,
      last: undefined,
      problem: undefined,
      renew: () => undefined,
    }));
  }

  /** Whether the Thing has been asked, and has answered or not. */
  get isSettled(): boolean {
    return this.#settled;
  }

  /** What is wrong and what to do. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const watching = this.#tasks.flatMap((task) => {
      const form = task.affordance.watch;
      return form === undefined ? [] : [this.#keepWatching(task, form, signal)];
    });
    await Promise.all([this.#poll(signal), ...watching]);
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { pollMs, refreshMs, isFull } = this.#options;
    const readable = this.#tasks.filter(({ affordance }) => affordance.read !== undefined);
    if (readable.length === 0) return;
    let failures = 0;
    while (!signal.aborted) {
      const started = performance.now();
      const due = readable.filter(
        ({ isAsking, isWatching, heardAtMs, askedAtMs }) =>
          !isAsking && (!isWatching || started - Math.max(heardAtMs, askedAtMs) >= refreshMs),
      );
      if (due.length > 0 && !isFull()) {
        const answered = await this.#askAll(due);
        if (!answered) failures += 1;
        else if (failures > 0) {
          failures = 0;
          // It was away: connections may be dead without a word. MQTT looks after itself.
          this.#renew((form) => !form.scheme.startsWith('mqtt'));
        }
        this.#look();
      }
      const pauseMs = Math.min(pollMs * 2 ** failures, Math.max(pollMs, longestPauseMs));
      await systemClock.sleep(Math.max(0, pauseMs - (performance.now() - started)), signal);
    }
  }

  /** @returns whether anything was answered */
  async #askAll(tasks: readonly Task[]): Promise<boolean> {
    let hasAnswered = false;
    for (let begin = 0; begin < tasks.length; begin += atOnce) {
      const asked = performance.now();
      const answers = await Promise.all(tasks.slice(begin, begin + atOnce).map((task) => this.#ask(task)));
      hasAnswered ||= answers.includes(true);
      // A Thing that says nothing to these, not even no, would say nothing to the others.
      if (!answers.includes(true) && performance.now() - asked >= this.#options.timeoutMs * 0.9) break;
    }
    return hasAnswered;
  }

  /** It has news: when it does not tell them soon, it does not know any more who listens. A connection would have ended; CoAP has none. */
  async #expectNews(task: Task): Promise<void> {
    if (task.affordance.watch?.scheme !== 'coap') return;
    const before = task.heardAtMs;
    await systemClock.sleep(newsMs, new AbortController().signal);
    if (task.heardAtMs === before) this.#renew((form) => form.scheme === 'coap');
  }

  #renew(which: (form: Form) => boolean): void {
    for (const { affordance, isWatching, renew } of this.#tasks)
      if (isWatching && affordance.watch !== undefined && which(affordance.watch)) renew();
  }

  async #ask(task: Task): Promise<boolean> {
    const { affordance } = task;
    const form = affordance.read;
    if (form === undefined) return false;
    const { clients, timeoutMs } = this.#options;
    task.isAsking = true;
    task.askedAtMs = performance.now();
    const asking = clients
      .get(form)
      .then((client) => client.read(form))
      .finally(() => (task.isAsking = false));
    try {
      const said = await within(timeoutMs, asking);
      if (task.isWatching && task.last !== undefined && task.last !== textOf(said)) void this.#expectNews(task);
      this.#take(task, said);
      task.problem = undefined;
      return true;
    } catch (error) {
      task.problem = reasonOf(error);
      return false;
    }
  }

  async #keepWatching(task: Task, form: Form, signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const started = performance.now();
      try {
        await this.#watch(task, form, signal);
        failures = 0;
      } catch (error) {
        failures = performance.now() - started > longestPauseMs ? 0 : failures + 1;
        // What can be asked for is polled meanwhile, and that says how it is.
        if (task.affordance.read === undefined) task.problem = reasonOf(error);
      }
      task.isWatching = false;
      this.#look();
      if (failures > 0) await systemClock.sleep(Math.min(500 * 2 ** failures, longestPauseMs), signal);
    }
  }

  /** Returns when it is to be made anew; throws when it fails. */
  async #watch(task: Task, form: Form, signal: AbortSignal): Promise<void> {
    const client = await this.#options.clients.get(form);
    const over = Promise.withResolvers<undefined>();
    const renew = new AbortController();
    const wake = (): void => over.resolve(undefined);
    signal.addEventListener('abort', wake);
    renew.signal.addEventListener('abort', wake);
    let isOver = false;
    const watching = client.watch(
      form,
      (said) => {
        // The first of CoAP is empty.
        if (isOver || (said.body.length === 0 && task.affordance.kind === 'property')) return;
        task.last = textOf(said);
        task.heardAtMs = performance.now();
        this.#isWell(task);
        this.#take(task, said);
      },
      (reason) => over.reject(reason),
    );
    try {
      // Some clients never say that a Thing does not answer.
      await Promise.race([watching, over.promise]);
      task.isWatching = true;
      task.last = undefined;
      task.renew = () => renew.abort();
      this.#isWell(task);
      if (form.scheme === 'coap') void systemClock.sleep(renewCoapMs, renew.signal).then(() => renew.abort());
      await over.promise;
    } finally {
      isOver = true;
      renew.abort();
      task.renew = () => undefined;
      signal.removeEventListener('abort', wake);
      watching.then(
        (end) => end(),
        () => undefined,
      );
    }
  }

  #isWell(task: Task): void {
    if (task.affordance.read !== undefined && task.problem === undefined) return;
    task.problem = undefined;
    this.#look();
  }

  #take({ affordance, channels }: Task, said: Said): void {
    const { device, add, time: timeField, timeUnit } = this.#options;
    const sample = said.body.subarray(0, sampleLength).toString();
    let value: unknown;
    try {
      value = decode(said, affordance);
    } catch (error) {
      const dead = { reason: 'malformed' as const, detail: `"${affordance.name}": ${reasonOf(error)}`, sample };
      for (const { channel } of channels) add({ device, channel, dead });
      return;
    }
    const time = timeField === undefined ? undefined : parseTime(fieldOf(value, timeField), timeUnit);
    for (const wanted of channels) {
      const { channel } = wanted;
      if (time !== undefined && !Number.isFinite(time)) {
        const detail = `"${affordance.name}" has no event time in "${timeField}"`;
        add({ device, channel, dead: { reason: 'bad_time', detail, sample } });
        continue;
      }
      const judged = judge(affordance, wanted, value);
      if ('value' in judged) add({ device, channel, ...(time === undefined ? {} : { time }), value: judged.value });
      else add({ device, channel, dead: { ...judged, sample } });
    }
  }

  /** Says what is wrong, if that has changed. */
  #look(): void {
    const failing = this.#tasks.filter(({ problem }) => problem !== undefined);
    const [first] = failing;
    const names = failing.map(({ affordance }) => affordance.name).join(', ');
    const problem =
      first === undefined ? undefined : `${this.#options.device} does not give ${names}: ${first.problem ?? ''}`;
    if (this.#settled && problem === this.#problem) return;
    this.#settled = true;
    this.#problem = problem;
    this.#options.changed();
  }
}

/** @throws when it takes longer; what comes then is not looked at */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function decode({ type, body }: Said, { schema }: Affordance): unknown {
  if (body.length === 0) return undefined;
  return ContentSerdes.get().contentToValue({ type, body }, { ...schema });
}

function textOf({ body }: Said): string {
  return body.toString('latin1');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch hides what happened behind "fetch failed".
  return error.cause instanceof Error ? error.cause.message || reasonCode(error.cause) : error.message;
}

function reasonCode(cause: Error): string {
  return 'code' in cause ? String(cause.code) : cause.name;
}
