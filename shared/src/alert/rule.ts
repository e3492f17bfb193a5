// A rule as the plan has it, and one alarm of it: what the rule's condition needs to know of its inputs, and the life of the
// alarm (alarm.ts) that the condition starts and ends.
//
// A rule about one signal, or about signals of one device, has an alarm for every device; a rule that names the devices of
// all its inputs, or is about the gateway, has one.
//
// Values are looked at in event time: a reading older than the newest of its series changes no alarm (windows still take
// it). Silence is told by the arrival clock, and so is an alarm that is about nothing but silence.

import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Severity } from '../model/alert.ts';
import { formatDuration } from '../model/duration.ts';
import type { Series } from '../model/series.ts';
import { Alarm, type AlarmSettings, type Emit } from './alarm.ts';
import { compileCondition, Terms, type Condition, type Term } from './condition.ts';
import { Strangeness } from './strangeness.ts';
import { suffixes } from './suffixes.ts';
import { Trailing } from './trailing.ts';

export interface Rule extends AlarmSettings {
  readonly id: string;
  /** Condition that starts an alarm; condition.ts has the language. */
  readonly when: string;
  /** Condition that ends it; without it, it ends when `when` no longer holds. */
  readonly clear: string | undefined;
  readonly inputs: readonly RuleInput[];
  /** Whether all devices together have one alarm, for rules about silence. */
  readonly perGateway: boolean;
  /** Of the last `of` readings the condition holds for at least so many. */
  readonly samples: { readonly atLeast: number; readonly of: number } | undefined;
  /** What tells strange from ordinary where the condition asks for anomalies: the key of a detector. */
  readonly detector: string;
  readonly alarmsPerWeek: number;
  /** Event time for which a detector only learns, from the first reading on. */
  readonly learnMs: number;
  /** Rules whose alarms explain those of this one: while one of them is firing, nobody is told. */
  readonly suppressedBy: readonly string[];
  readonly severity: Severity;
  /** Ids of the actions to take. */
  readonly actions: readonly string[];
}

export interface RuleInput {
  /** Its name in the conditions. */
  readonly variable: string;
  /** Undefined: of whatever device the alarm is. */
  readonly device: string | undefined;
  readonly signal: string;
}

/** What all alarms of a rule have in common. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly when: Condition;
  readonly clear: Condition | undefined;
  readonly terms: readonly Term[];
  /** Places of the terms that look at an input. */
  readonly byInput: readonly (readonly number[])[];
  readonly silences: readonly { readonly place: number; readonly input: number; readonly ms: number }[];
  /** Whether it is about nothing but silence. */
  readonly isSilence: boolean;
  /** Whether all devices share one alarm. */
  readonly isShared: boolean;
  /** Between these, exclusively, no value of its one input starts an alarm, whatever came before; undefined when more than that counts. */
  readonly calm: { readonly low: number; readonly high: number } | undefined;
}

/** @throws Error when the conditions are not valid: the gateway file was not checked */
export function compileRule(rule: Rule): CompiledRule {
  const names = rule.inputs.map(({ variable }) => variable);
  const terms = new Terms();
  const compiled = (text: string): Condition => {
    const condition = compileCondition(text, names, terms, suffixes);
    if ('message' in condition) throw new Error(`rule ${rule.id}: ${condition.message}`);
    return condition;
  };
  const when = compiled(rule.when);
  const clear = rule.clear === undefined ? undefined : compiled(rule.clear);
  const all = terms.all;
  const isOfValues = all.every(({ kind }) => kind === 'value') && names.length === 1 && !rule.perGateway;
  return {
    calm: isOfValues && rule.samples === undefined ? calmOf(when) : undefined,
    rule,
    when,
    clear,
    terms: all,
    byInput: names.map((_, input) => all.flatMap((term, place) => (inputsOf(term).includes(input) ? [place] : []))),
    silences: all.flatMap((term, place) => (term.kind === 'silent' ? [{ place, input: term.input, ms: term.ms }] : [])),
    isSilence: all.every(({ kind }) => kind === 'silent'),
    isShared: rule.perGateway || rule.inputs.every(({ device }) => device !== undefined),
  };
}

function calmOf({ isPlain, limits }: Condition): CompiledRule['calm'] {
  let [low, high] = [-Infinity, Infinity];
  for (const { operator, limit } of limits) {
    if (operator === '==' || operator === '!=') return undefined;
    if (operator.startsWith('>')) high = Math.min(high, limit);
    else low = Math.max(low, limit);
  }
  return isPlain && limits.length > 0 ? { low, high } : undefined;
}

/** What a rule's state may be taken over by: the same question, asked in the same way. */
export function ruleKey(rule: Rule): string {
  const { id, when, clear, inputs, perGateway, samples, detector, alarmsPerWeek, forMs, keepForMs, latch } = rule;
  return `${id}:${JSON.stringify([when, clear ?? null, inputs, perGateway, samples ?? null, detector, alarmsPerWeek, forMs, keepForMs, latch])}`;
}

export class RuleAlarm {
  readonly compiled: CompiledRule;
  readonly series: Pick<Series, 'device' | 'signal'>;
  readonly alarm: Alarm;
  /**
   * What every reading looks at, side by side: the values of the terms; of each input the event time of the newest reading,
   * and then when the last one arrived; and of the reading looked at last, its value, event time and arrival.
   */
  readonly #numbers: Float64Array;
  readonly #newest: number;
  readonly #heard: number;
  readonly #last: number;
  readonly #trailing: readonly (Trailing | undefined)[];
  readonly #strange: readonly (Strangeness | undefined)[];
  /** Of the last readings, whether the condition held: one bit each. */
  #held = 0;

  /** @param awake arrival time from which on silence counts; -Infinity: from the first reading */
  constructor(compiled: CompiledRule, series: Pick<Series, 'device' | 'signal'>, awake: number) {
    this.compiled = compiled;
    this.series = series;
    this.alarm = new Alarm(compiled.rule);
    const { terms, rule } = compiled;
    this.#newest = terms.length;
    this.#heard = this.#newest + rule.inputs.length;
    this.#last = this.#heard + rule.inputs.length;
    this.#numbers = new Float64Array(this.#last + 3).fill(NaN);
    for (const { place } of compiled.silences) this.#numbers[place] = 0;
    this.#numbers.fill(-Infinity, this.#newest, this.#heard);
    this.#numbers.fill(Number.isFinite(awake) ? awake : NaN, this.#heard, this.#last);
    this.#numbers.fill(-Infinity, this.#last + 1);
    this.#trailing = terms.map((term) =>
      term.kind === 'trailing' ? new Trailing(term.statistic, term.ms) : undefined,
    );
    this.#strange = terms.map((term) =>
      term.kind === 'anomaly' ? Strangeness.by(rule, 1 + term.others.length) : undefined,
    );
  }

  get #value(): number {
    return this.#numbers[this.#last] ?? NaN;
  }

  set #value(value: number) {
    this.#numbers[this.#last] = value;
  }

  get #time(): number {
    return this.#numbers[this.#last + 1] ?? NaN;
  }

  set #time(time: number) {
    this.#numbers[this.#last + 1] = time;
  }

  get #arrival(): number {
    return this.#numbers[this.#last + 2] ?? NaN;
  }

  set #arrival(arrival: number) {
    this.#numbers[this.#last + 2] = arrival;
  }

  /** The earliest arrival time at which a tick changes something. */
  get nextTick(): number {
    let next = this.alarm.nextTick;
    for (const { place, input, ms } of this.compiled.silences) {
      const due = (this.#numbers[this.#heard + input] ?? NaN) + ms;
      if (this.#numbers[place] === 0 && due < next) next = due;
    }
    return next;
  }

  /** Of the last thing said: the value behind the alarm; NaN where no reading is. */
  get value(): number {
    if (this.compiled.isSilence) return NaN;
    const value = this.compiled.when.valueOf(this.#numbers);
    return Number.isNaN(value) ? this.#value : value;
  }

  /** Whether a detector of it only learns, as yet: nothing is strange to it. */
  get learning(): boolean {
    return this.#strange.some((one) => one?.learning === true);
  }

  /** How strange the last reading was, and what is an alarm, for each anomaly the rule asks for. */
  get scores(): { readonly score: number; readonly limit: number }[] {
    return this.#strange.flatMap((one) => (one === undefined ? [] : [{ score: one.score, limit: one.limit }]));
  }

  /** Takes a reading of one input, counted from 0. */
  observe(input: number, time: number, value: number, arrival: number, emit: Emit): void {
    if (time < (this.#numbers[this.#newest + input] ?? 0) || this.compiled.isSilence) {
      this.alive(input, arrival, emit);
      return;
    }
    this.#lapse(arrival, emit);
    this.#numbers[this.#newest + input] = time;
    this.#numbers[this.#heard + input] = arrival;
    this.#value = value;
    for (const place of this.compiled.byInput[input] ?? [])
      this.#numbers[place] = this.#look(place, input, time, value);
    this.#evaluate(time, arrival, true, emit);
  }

  /** An input has said something that is not to be looked at: a sign of life. */
  alive(input: number, arrival: number, emit: Emit): void {
    if (this.compiled.silences.length === 0) return;
    this.#lapse(arrival, emit);
    if (!((this.#numbers[this.#heard + input] ?? NaN) > arrival)) this.#numbers[this.#heard + input] = arrival;
    for (const { place, input: silent } of this.compiled.silences) if (silent === input) this.#numbers[place] = 0;
    this.#evaluate(this.#clock(arrival), arrival, false, emit);
  }

  /** Brings time in. Where nothing is emitted, leaving it out changes nothing. */
  tick(now: number, emit: Emit): void {
    this.#lapse(now, emit);
    this.alarm.tick(now, emit);
  }

  /** Nobody listened until now: silence before that is no silence. */
  awake(now: number): void {
    this.alarm.awake(now);
    if (this.compiled.silences.length === 0) return;
    for (let at = this.#heard; at < this.#last; at++) if (!((this.#numbers[at] ?? NaN) > now)) this.#numbers[at] = now;
  }

  /** Why the alarm is what it is, in words. */
  explain(): string {
    const { when, terms, rule } = this.compiled;
    const parts = terms.flatMap((term, place) => {
      const signal = inputsOf(term)
        .map((input) => rule.inputs[input]?.variable ?? '')
        .join(', ');
      if (this.#numbers[place] !== 1) return [];
      if (term.kind === 'anomaly') return [`${signal}: ${this.#strange[place]?.explain() ?? ''}`];
      return term.kind === 'silent' ? [`nothing of ${signal} for ${formatDuration(term.ms)}`] : [];
    });
    const compared = when.explain(this.#numbers);
    return [...(compared === '' ? [] : [compared]), ...parts].join('; ');
  }

  /**
   * The arrival clock is put ahead, and no time has passed. Where event times come from that clock they jump too, and a delay
   * that runs goes on from there. What is newest stays: a sensor may have a clock of its own, and not jump.
   */
  jump(ms: number): void {
    const isOwn = this.compiled.rule.inputs.every((_, input) => {
      const newest = this.#numbers[this.#newest + input] ?? -Infinity;
      return newest === -Infinity || newest === this.#numbers[this.#heard + input];
    });
    const moves = isOwn && this.alarm.waiting;
    this.alarm.jump(ms, moves);
    for (let at = this.#heard; at < this.#last; at++) this.#numbers[at] = (this.#numbers[at] ?? NaN) + ms;
    this.#arrival += ms;
    if (moves) this.#time += ms;
    if (isOwn) for (const trailing of this.#trailing) trailing?.jump(ms);
  }

  write(to: ByteWriter): void {
    const alarm = new ByteWriter();
    this.alarm.write(alarm);
    to.blob(alarm.take());
    for (const number of this.#numbers) to.float(number);
    to.varint(this.#held);
    for (const part of [...this.#trailing, ...this.#strange]) part?.write(to);
  }

  read(from: ByteReader): void {
    this.alarm.read(new ByteReader(from.blob()));
    for (const at of this.#numbers.keys()) this.#numbers[at] = from.float();
    this.#held = from.varint();
    for (const part of [...this.#trailing, ...this.#strange]) part?.read(from);
  }

  /** The rule asks something else now: shelving and out-of-service stay, the episode does not. @param from what `write` wrote */
  keepOperations(from: ByteReader): void {
    const before = new Alarm(this.compiled.rule);
    before.read(new ByteReader(from.blob()));
    this.alarm.keepOperations(before);
  }

  #look(place: number, input: number, time: number, value: number): number {
    const term = this.compiled.terms[place];
    switch (term?.kind) {
      case 'trailing':
        return this.#trailing[place]?.update(time, value) ?? NaN;
      case 'anomaly': {
        const strange = this.#strange[place]?.update(time, value, inputsOf(term).indexOf(input)) ?? NaN;
        // While the other signals are awaited, it is what it was.
        return Number.isNaN(strange) ? (this.#numbers[place] ?? NaN) : strange;
      }
      case 'silent':
        return 0;
      default:
        return value;
    }
  }

  /** Inputs that have been silent for long enough by now are so from the moment on at which they were. */
  #lapse(now: number, emit: Emit): void {
    for (const { place, input, ms } of this.compiled.silences) {
      const due = (this.#numbers[this.#heard + input] ?? 0) + ms;
      if (this.#numbers[place] === 1 || !(now >= due)) continue;
      this.#numbers[place] = 1;
      this.#evaluate(this.#clock(due), due, false, emit);
    }
  }

  /** Event time by the arrival clock. */
  #clock(arrival: number): number {
    if (this.compiled.isSilence || this.#time === -Infinity) return arrival;
    return this.#time + Math.max(0, arrival - this.#arrival);
  }

  #evaluate(time: number, arrival: number, isReading: boolean, emit: Emit): void {
    const { when, clear, rule } = this.compiled;
    const truth = when.evaluate(this.#numbers);
    const { samples } = rule;
    let holds = truth === 1;
    let clears = clear === undefined ? truth === 0 : clear.evaluate(this.#numbers) === 1;
    if (samples !== undefined && !Number.isNaN(truth)) {
      if (isReading) this.#held = ((this.#held << 1) | Number(holds)) & (2 ** samples.of - 1);
      holds = ones(this.#held) >= samples.atLeast;
      clears = clear === undefined ? !holds : clears;
    }
    // What is not known changes nothing.
    if (Number.isNaN(truth) && !clears) return;
    if (time > this.#time) this.#time = time;
    if (arrival > this.#arrival) this.#arrival = arrival;
    this.alarm.observe(this.#time, arrival, holds, clears, emit);
  }
}

function inputsOf(term: Term): readonly number[] {
  return term.kind === 'anomaly' ? [term.input, ...term.others] : [term.input];
}

function ones(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count += 1;
  return count;
}
