// The alarm against a model of it that keeps nothing but the history, everything that came in and everything that was told,
// and works each answer out by looking back over all of it; time passes for it in small steps, one by one.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { operationKinds, type AlertState, type OperationKind, type Silence } from '../model/alert.ts';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Alarm, type AlarmSettings, type Emit } from './alarm.ts';

/** All times are multiples of it. */
const stepMs = 10_000;

type Input =
  | {
      readonly kind: 'observe';
      readonly time: number;
      readonly at: number;
      readonly holds: boolean;
      readonly clears: boolean;
    }
  | { readonly kind: 'operate'; readonly operation: OperationKind; readonly until: number; readonly at: number }
  | { readonly kind: 'suppress'; readonly on: boolean; readonly at: number }
  | { readonly kind: 'tick'; readonly at: number }
  | { readonly kind: 'jump'; readonly ms: number; readonly isOwn: boolean };

type Past =
  | {
      readonly kind: 'reading';
      readonly time: number;
      readonly at: number;
      readonly says: 'on' | 'off' | '-';
      readonly late: boolean;
    }
  | { readonly kind: 'clock'; readonly time: number; readonly at: number }
  | {
      readonly kind: 'told';
      readonly state: AlertState;
      readonly time: number;
      readonly at: number;
      readonly since: number;
      readonly quiet: Silence;
    }
  | { readonly kind: 'activated' | 'over'; readonly time: number }
  | { readonly kind: 'shelf'; readonly until: number }
  | { readonly kind: 'service'; readonly on: boolean }
  | { readonly kind: 'suppression'; readonly until: number };

type Told = Extract<Past, { kind: 'told' }>;
type Heard = Extract<Past, { kind: 'reading' }>;

class Model {
  readonly #settings: AlarmSettings;
  #past: Past[] = [];
  #ticked = 0;

  constructor(settings: AlarmSettings) {
    this.#settings = settings;
  }

  take(input: Input): string[] {
    const before = this.#past.length;
    switch (input.kind) {
      case 'observe':
        this.#observe(input);
        break;
      case 'operate':
        this.#operate(input.operation, input.until, input.at);
        break;
      case 'suppress':
        this.#suppress(input.on, input.at);
        break;
      case 'tick':
        for (let at = this.#ticked; at <= input.at; at += stepMs) while (this.#something(at));
        this.#remind(input.at);
        this.#ticked = input.at;
        break;
      case 'jump':
        this.#past = this.#past.map((past) => later(past, input.ms, input.isOwn ? input.ms : 0));
        // What is due already is told as of the last reading.
        this.#ticked = this.#clock?.at ?? 0;
    }
    return this.#past.slice(before).flatMap((past) => (past.kind === 'told' ? [textOf(past)] : []));
  }

  #observe({ time: own, at, holds, clears }: Extract<Input, { kind: 'observe' }>): void {
    this.#silencesEnd(at);
    const late = this.#settings.onLate === 'record' && at - own > this.#settings.lateAfterMs;
    const time = Math.max(own, this.#clock?.time ?? -Infinity);
    this.#past.push({ kind: 'reading', time, at, says: holds ? 'on' : clears ? 'off' : '-', late });
    const began = this.#delayBegan;
    if (began !== undefined && time - began >= this.#delayMs) this.#delayEnds(time, at);
    else this.#tellWhatIsOwed(time, time, at);
  }

  #operate(operation: OperationKind, until: number, at: number): void {
    const shelved = this.#shelvedUntil !== undefined;
    const disabled = this.#disabled;
    const since = this.#phase === 'none' ? at : this.#since;
    const tell = (state: AlertState): void => this.#tell(state, at, at, '', since);
    if (operation === 'acknowledge' && this.#phase !== 'none' && !this.#acknowledged) {
      const wasLatched = this.#phase === 'latched';
      tell('acknowledged');
      if (wasLatched) this.#tell('cleared', at, at, this.#quietEnd);
    }
    if (operation === 'shelve' && until > at && until !== this.#shelvedUntil) {
      this.#past.push({ kind: 'shelf', until });
      tell('shelved');
    }
    if (operation === 'unshelve' && shelved) {
      this.#past.push({ kind: 'shelf', until: -Infinity });
      tell('unshelved');
    }
    if (operation === 'disable' && !disabled) {
      this.#past.push({ kind: 'service', on: false });
      tell('disabled');
    }
    if (operation === 'enable' && disabled) {
      this.#past.push({ kind: 'service', on: true });
      tell('enabled');
    }
    if ((operation === 'unshelve' && shelved) || (operation === 'enable' && disabled))
      this.#tellWhatIsOwed(at, this.#clockAt(at), at);
  }

  #suppress(on: boolean, at: number): void {
    const until = this.#last('suppression')?.until ?? -Infinity;
    if (on && until < Infinity) {
      this.#past.push({ kind: 'suppression', until: Infinity });
      if (this.#phase !== 'none' && until === -Infinity) this.#tell('suppressed', at, at, 'suppressed');
    }
    if (!on && until === Infinity)
      this.#past.push({ kind: 'suppression', until: at + Math.max(this.#settings.forMs, 10_000) });
  }

  /** The first thing that the clock brings about by then, if there is one. */
  #something(at: number): boolean {
    if (this.#silencesEnd(at)) {
      this.#tellWhatIsOwed(at, this.#clockAt(at), at);
      return true;
    }
    const clock = this.#clockAt(at);
    const began = this.#delayBegan;
    if (began !== undefined && clock >= began + this.#delayMs) {
      this.#past.push({ kind: 'clock', time: began + this.#delayMs, at });
      this.#delayEnds(began + this.#delayMs, at);
      return true;
    }
    const before = this.#past.length;
    if (!this.#tellWhatIsOwed(clock, clock, at)) return false;
    // It was told because it has lasted: event time has come so far.
    this.#past.splice(before, 0, { kind: 'clock', time: clock, at });
    return true;
  }

  #remind(now: number): void {
    const told = this.#lastTold;
    const mayRemind = this.#phase === 'firing' && !this.#acknowledged && this.#quiet(this.#clockAt(now)) === '';
    if (!mayRemind || told === undefined || told.at + this.#settings.remindMs > now) return;
    let time = told.at;
    while (time + this.#settings.remindMs <= now) time += this.#settings.remindMs;
    this.#tell('reminded', time, time, '');
  }

  #silencesEnd(at: number): boolean {
    const before = this.#past.length;
    const shelf = this.#shelvedUntil;
    if (shelf !== undefined && shelf <= at) {
      this.#past.push({ kind: 'shelf', until: -Infinity });
      this.#tell('unshelved', shelf, at, '', this.#phase === 'none' ? shelf : this.#since);
    }
    const until = this.#last('suppression')?.until ?? -Infinity;
    if (this.#phase !== 'none' && until > -Infinity && until <= at) {
      this.#past.push({ kind: 'suppression', until: -Infinity });
      this.#tell('unsuppressed', until, at, 'suppressed');
    }
    return this.#past.length > before;
  }

  #delayEnds(time: number, at: number): void {
    if (this.#phase === 'firing') {
      const quiet = this.#quietEnd;
      const state = this.#settings.latch && !this.#acknowledged ? 'latched' : 'cleared';
      this.#past.push({ kind: 'over', time });
      this.#tell(state, time, at, quiet);
      return;
    }
    const isNew = this.#phase === 'none';
    const since = isNew ? (this.#delayBegan ?? NaN) : this.#since;
    const wasTold = !isNew && this.#lastTold !== undefined;
    if ((this.#last('suppression')?.until ?? -Infinity) <= at)
      this.#past.push({ kind: 'suppression', until: -Infinity });
    this.#past.push({ kind: 'activated', time });
    const quiet = this.#quiet(time);
    this.#tell(isNew || (quiet === '' && !wasTold) ? 'firing' : 'reminded', time, at, quiet, since);
  }

  #tellWhatIsOwed(time: number, clock: number, at: number): boolean {
    if (this.#phase !== 'firing' || this.#delayBegan !== undefined || this.#quiet(clock) !== '') return false;
    const reasons = this.#episode.findLastIndex(
      (past) =>
        past.kind === 'told' &&
        (['shelved', 'disabled', 'suppressed'].includes(past.state) || (isActive(past.state) && past.quiet !== '')),
    );
    const told = this.#episode.findLastIndex(
      (past) => past.kind === 'told' && isActive(past.state) && past.quiet === '',
    );
    const latched = this.#episode.findLastIndex((past) => past.kind === 'told' && past.state === 'latched');
    if (reasons <= told || reasons < latched || (told >= 0 && this.#acknowledged)) return false;
    this.#tell(told >= 0 ? 'reminded' : 'firing', time, at, '');
    return true;
  }

  #tell(state: AlertState, time: number, at: number, quiet: Silence, since = this.#since): void {
    this.#past.push({ kind: 'told', state, time, at, since, quiet });
  }

  #quiet(clock: number): Silence {
    if (this.#disabled) return 'disabled';
    if (this.#shelvedUntil !== undefined) return 'shelved';
    if ((this.#last('suppression')?.until ?? -Infinity) > -Infinity) return 'suppressed';
    if (this.#readings.at(-1)?.late === true) return 'late';
    if (this.#flaps(this.#past) < 2) return '';
    // One that lasted is no chatter until it is activated anew.
    const told = this.#past.findLastIndex((past) => past.kind === 'told' && isActive(past.state) && past.quiet === '');
    if (told > this.#past.findLastIndex(({ kind }) => kind === 'activated')) return '';
    return this.#delayBegan === undefined && clock - this.#lastsSince >= this.#chatterMs ? '' : 'chattering';
  }

  get #quietEnd(): Silence {
    const quiet = this.#quiet(this.#clock?.time ?? NaN);
    if (this.#lastTold !== undefined) return quiet === 'disabled' || quiet === 'shelved' ? quiet : '';
    return quiet === '' ? (this.#told.findLast(({ state }) => isActive(state))?.quiet ?? '') : quiet;
  }

  /** How far the readings and the clock have come. */
  get #clock(): Extract<Past, { kind: 'reading' | 'clock' }> | undefined {
    return this.#past.findLast((past) => past.kind === 'reading' || past.kind === 'clock');
  }

  #clockAt(at: number): number {
    const clock = this.#clock;
    return clock === undefined ? NaN : clock.time + at - clock.at;
  }

  get #readings(): Heard[] {
    return this.#past.filter((past) => past.kind === 'reading');
  }

  /** All since the present episode began, or the last one ended. */
  get #episode(): Past[] {
    const from = this.#past.findLastIndex((past) => past.kind === 'told' && past.state === 'cleared');
    const began = this.#past.findIndex((past, index) => index > from && past.kind === 'activated');
    return began < 0 ? [] : this.#past.slice(began);
  }

  get #told(): Told[] {
    return this.#episode.filter((past) => past.kind === 'told');
  }

  get #lastTold(): Told | undefined {
    return this.#told.findLast(({ state, quiet }) => isActive(state) && quiet === '');
  }

  get #phase(): 'none' | 'firing' | 'latched' {
    const episode = this.#episode;
    if (episode.length === 0) return 'none';
    const last = episode.findLast(({ kind }) => kind === 'activated' || kind === 'over');
    return last?.kind === 'over' ? 'latched' : 'firing';
  }

  get #since(): number {
    return this.#told.find(({ state }) => isActive(state))?.since ?? NaN;
  }

  get #acknowledged(): boolean {
    return this.#told.some(({ state }) => state === 'acknowledged');
  }

  get #disabled(): boolean {
    return this.#last('service')?.on === false;
  }

  get #shelvedUntil(): number | undefined {
    const until = this.#last('shelf')?.until ?? -Infinity;
    return until === -Infinity ? undefined : until;
  }

  /** Event time since which a delay runs: all readings since then say the same. */
  get #delayBegan(): number | undefined {
    return endOf(this.#readings, this.#phase === 'firing' ? 'off' : 'on')[0]?.time;
  }

  get #delayMs(): number {
    return this.#phase === 'firing' ? this.#offDelayMs(this.#flaps(this.#past)) : this.#settings.forMs;
  }

  /** Event time since which no reading cleared; while firing, and no delay runs. */
  get #lastsSince(): number {
    const readings = this.#readings;
    const calm = readings.slice(readings.findLastIndex(({ says }) => says === 'off') + 1);
    const activated = this.#past.findLastIndex(({ kind }) => kind === 'activated');
    const before = this.#past.slice(0, activated).filter((past) => past.kind === 'reading');
    const onset = endOf(before, 'on')[0];
    return Math.max(onset?.time ?? NaN, calm[0]?.time ?? NaN);
  }

  get #chatterMs(): number {
    return this.#settings.keepForMs > 0 ? 600_000 : 60_000;
  }

  #offDelayMs(flaps: number): number {
    const { keepForMs } = this.#settings;
    return flaps === 0 ? keepForMs : Math.max(keepForMs, Math.min(3_600_000, keepForMs * 2 ** flaps));
  }

  #flaps(past: readonly Past[]): number {
    let flaps = 0;
    let over = -Infinity;
    for (const one of past) {
      if (one.kind === 'over') over = one.time;
      if (one.kind !== 'activated') continue;
      const pause = one.time - over;
      if (pause <= this.#chatterMs) flaps += 1;
      else if (pause > this.#offDelayMs(flaps)) flaps = 0;
    }
    return flaps;
  }

  #last<Kind extends Past['kind']>(kind: Kind): Extract<Past, { kind: Kind }> | undefined {
    return this.#past.findLast((past): past is Extract<Past, { kind: Kind }> => past.kind === kind);
  }
}

function isActive(state: AlertState): boolean {
  return state === 'firing' || state === 'reminded';
}

/** The last readings, as long as they say so. */
function endOf(readings: readonly Heard[], says: Heard['says']): Heard[] {
  return readings.slice(readings.findLastIndex((reading) => reading.says !== says) + 1);
}

/** As if arrival and event times had been so much later. */
function later(past: Past, arrivalMs: number, eventMs: number): Past {
  switch (past.kind) {
    case 'reading':
    case 'clock':
      return { ...past, time: past.time + eventMs, at: past.at + arrivalMs };
    case 'told':
      return { ...past, at: past.at + arrivalMs };
    case 'activated':
    case 'over':
      return { ...past, time: past.time + eventMs };
    case 'suppression':
      return { ...past, until: past.until + arrivalMs };
    default:
      return past;
  }
}

function textOf({ state, time, since, quiet }: Pick<Told, 'state' | 'time' | 'since' | 'quiet'>): string {
  return `${state} ${time} ${since} ${quiet}`;
}

/** What the alarm tells. */
function taken(alarm: Alarm, input: Input): string[] {
  const told: string[] = [];
  const emit: Emit = (state, time, since, quiet) => told.push(textOf({ state, time, since, quiet }));
  switch (input.kind) {
    case 'observe':
      alarm.observe(input.time, input.at, input.holds, input.clears, emit);
      break;
    case 'operate':
      expect(alarm.operate({ kind: input.operation, until: input.until }, input.at, emit)).toBe(told.length > 0);
      break;
    case 'suppress':
      alarm.suppress(input.on, input.at, emit);
      break;
    case 'tick':
      alarm.tick(input.at, emit);
      break;
    case 'jump':
      alarm.jump(input.ms, input.isOwn);
  }
  return told;
}

function bytesOf(alarm: Alarm): Uint8Array {
  const to = new ByteWriter();
  alarm.write(to);
  return to.take();
}

function reread(alarm: Alarm, settings: AlarmSettings): Alarm {
  const copy = new Alarm(settings);
  copy.read(new ByteReader(bytesOf(alarm)));
  return copy;
}

const settings: fc.Arbitrary<AlarmSettings> = fc.record({
  forMs: fc.constantFrom(0, 0, 10_000, 30_000, 700_000),
  holdsChatter: fc.constant(true),
  keepForMs: fc.constantFrom(0, 0, 20_000, 60_000, 300_000),
  latch: fc.boolean(),
  remindMs: fc.constantFrom(Infinity, 20_000, 100_000),
  onLate: fc.constantFrom('record', 'record', 'fire'),
  lateAfterMs: fc.constantFrom(Infinity, 30_000),
});

/** How long after the one before it happens, how long a reading has been under way, and what it is. */
const gap = fc.constantFrom(0, 10_000, 10_000, 10_000, 20_000, 60_000, 120_000, 300_000, 650_000, 1_300_000);
const event = fc.record({
  gap,
  underWay: fc.constantFrom(0, 0, 0, 10_000, 20_000, 60_000, 2_000_000),
  what: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('on', 'on', 'off', 'off', '-', 'both') },
    { weight: 3, arbitrary: fc.constant('tick') },
    { weight: 1, arbitrary: fc.constantFrom('hide', 'unhide', 'unhide', 'jump') },
    { weight: 2, arbitrary: fc.constantFrom(...operationKinds) },
  ),
  length: gap,
  isOwn: fc.boolean(),
});

/** What makes an alarm chatter. */
const restless: typeof event = fc.record({
  gap: fc.constantFrom(0, 10_000, 10_000, 20_000, 60_000),
  underWay: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 60_000),
  what: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom('on', 'off', 'off', 'tick') },
    { weight: 1, arbitrary: fc.constantFrom(...operationKinds) },
  ),
  length: gap,
  isOwn: fc.boolean(),
});

function inputsOf(events: readonly (typeof event extends fc.Arbitrary<infer Event> ? Event : never)[]): Input[] {
  let at = 0;
  let newest = -Infinity;
  return events.map(({ gap, underWay, what, length, isOwn }): Input => {
    at += gap;
    switch (what) {
      case 'on':
      case 'off':
      case '-':
      case 'both':
        newest = Math.max(newest, at - underWay);
        return {
          kind: 'observe',
          time: newest,
          at,
          holds: what === 'on' || what === 'both',
          clears: what === 'off' || what === 'both',
        };
      case 'tick':
        return { kind: 'tick', at };
      case 'hide':
      case 'unhide':
        return { kind: 'suppress', on: what === 'hide', at };
      case 'jump':
        at += length;
        if (isOwn) newest += length;
        return { kind: 'jump', ms: length, isOwn };
      default:
        return { kind: 'operate', operation: what, until: what === 'shelve' ? at + length : NaN, at };
    }
  });
}

const story = fc
  .oneof(
    fc.array(event, { minLength: 1, maxLength: 40, size: 'max' }),
    fc.array(fc.oneof({ weight: 9, arbitrary: restless }, { weight: 1, arbitrary: event }), {
      maxLength: 40,
      size: 'max',
    }),
  )
  .map(inputsOf);

test('it tells what the model tells, whatever happens, and also when it is put away and taken up again in between', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(settings, story, fc.infiniteStream(fc.boolean()), (settings, inputs, restarts) => {
      const model = new Model(settings);
      let alarm = new Alarm(settings);
      for (const input of inputs) {
        const told = taken(alarm, input);
        expect(told).toStrictEqual(model.take(input));
        for (const one of told) {
          const [state, , , quiet] = one.split(' ');
          const key = `${state} ${quiet}`;
          seen.set(key, (seen.get(key) ?? 0) + 1);
        }
        if (restarts.next().value === true) alarm = reread(alarm, settings);
      }
    }),
    { numRuns: 10_000 },
  );
  for (const quiet of ['', 'late', 'shelved', 'suppressed', 'disabled', 'chattering'])
    for (const state of ['firing', 'reminded', 'latched', 'cleared'])
      expect(seen.get(`${state} ${quiet}`), `${state} ${quiet}`).toBeGreaterThan(0);
});

test('a tick that tells nothing can be left out, and before `nextTick` there is nothing to tell, at it there is', () => {
  fc.assert(
    fc.property(settings, story, (settings, inputs) => {
      const [all, some] = [new Alarm(settings), new Alarm(settings)];
      for (const input of inputs) {
        const before = bytesOf(all);
        const { nextTick } = all;
        const told = taken(all, input);
        if (input.kind === 'tick') expect(told.length > 0).toBe(input.at >= nextTick);
        if (input.kind === 'tick' && told.length === 0) {
          expect(bytesOf(all)).toStrictEqual(before);
          expect(all.nextTick).toBe(nextTick);
        } else expect(taken(some, input)).toStrictEqual(told);
      }
      expect(bytesOf(some)).toStrictEqual(bytesOf(all));
      // Time alone: each time it is due something is told, and it ends, reminders aside.
      for (let count = 0; all.nextTick < Infinity && count < 20; count++) {
        expect(taken(all, { kind: 'tick', at: all.nextTick - 1 })).toStrictEqual([]);
        expect(taken(all, { kind: 'tick', at: all.nextTick })).not.toStrictEqual([]);
      }
      if (settings.remindMs === Infinity) expect(all.nextTick).toBe(Infinity);
    }),
    { numRuns: 10_000 },
  );
});

test('an operation says whether it changed anything, and tells somebody if it did', () => {
  fc.assert(
    fc.property(settings, story, fc.constantFrom(...operationKinds), (settings, inputs, kind) => {
      const alarm = new Alarm(settings);
      for (const input of inputs) taken(alarm, input);
      const before = bytesOf(alarm);
      const told: AlertState[] = [];
      const isDone = alarm.operate({ kind, until: kind === 'shelve' ? 1e9 : NaN }, 1e8, (state) => told.push(state));
      expect(isDone).toBe(told.length > 0);
      if (!isDone) expect(bytesOf(alarm)).toStrictEqual(before);
      else expect(bytesOf(alarm)).not.toStrictEqual(before);
    }),
    { numRuns: 2000 },
  );
});
