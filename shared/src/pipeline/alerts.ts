// All alarms of a gateway: which readings feed which, what hides what, what operators do to them, and how the alarm system
// does, in the measures of ISA-18.2.
//
// An alarm exists from the moment its first input has said something (or, where the gateway file says which device there must
// be, from the start). Alarms come and go in a fixed order, so that the same inputs give the same transitions: rules that
// explain others come before those, otherwise in the order of the gateway file.

import type { Emit } from '../alert/alarm.ts';
import { compileRule, RuleAlarm, ruleKey, type CompiledRule, type Rule } from '../alert/rule.ts';
import type { AlertState, Operation, Transition } from '../model/alert.ts';
import { silences } from '../model/alert.ts';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { AlarmCounts, stateOf, type AlarmMeasures, type AlarmView } from './alarm-measures.ts';
import type { SeriesState } from './series-state.ts';
import type { Plan } from './plan.ts';

interface RuleGroup {
  readonly compiled: CompiledRule;
  readonly key: string;
  /** By device; by '' where all devices share one. */
  readonly alarms: Map<string, RuleAlarm>;
  readonly suppresses: RuleGroup[];
  readonly suppressors: RuleGroup[];
  /** What an operator has said of the rule: alarms that come later are born so. */
  disabled: boolean;
  shelvedUntil: number;
}

/** The last moment that has a date. */
const lastDate = 8.64e15;
const nobody = { by: '', comment: '' };

export class Alerts {
  readonly any: boolean;
  /** The earliest arrival time at which a tick may change something; nothing happens before. */
  nextTick = Infinity;
  /** Event time, value and arrival of the reading to be observed: as arguments, each would be allocated. */
  readonly sample = new Float64Array(3);
  readonly #groups: readonly RuleGroup[];
  readonly #states: SeriesState[] = [];
  #transitions: Transition[] = [];
  #who: { readonly by: string; readonly comment: string } = nobody;
  /** Since then silence counts. */
  #awake = -Infinity;
  readonly #counts = new AlarmCounts();
  #arrival = -Infinity;

  constructor({ rules }: Pick<Plan, 'rules'>) {
    this.#groups = inOrder(rules).map((rule) => ({
      compiled: compileRule(rule),
      key: ruleKey(rule),
      alarms: new Map<string, RuleAlarm>(),
      suppresses: [],
      suppressors: [],
      disabled: false,
      shelvedUntil: -Infinity,
    }));
    for (const group of this.#groups) {
      for (const id of group.compiled.rule.suppressedBy) {
        const suppressor = this.#groups.find(({ compiled }) => compiled.rule.id === id);
        suppressor?.suppresses.push(group);
        if (suppressor !== undefined) group.suppressors.push(suppressor);
      }
    }
    this.any = this.#groups.length > 0;
  }

  /** Since the last `take`, in order. */
  get transitions(): readonly Transition[] {
    return this.#transitions;
  }

  take(): Transition[] {
    const taken = this.#transitions;
    this.#transitions = [];
    return taken;
  }

  /**
   * A series says something for the first time: its feeds are filled in, now and whenever an alarm comes that needs it.
   * @param arrival when: an alarm is not born shelved when the shelf is over
   */
  connect(state: SeriesState, arrival: number): void {
    if (arrival > this.#arrival) this.#arrival = arrival;
    this.#states.push(state);
    for (const group of this.#groups) {
      for (const [input, wanted] of group.compiled.rule.inputs.entries()) {
        if (!fits(wanted, state)) continue;
        if (wanted.device === undefined || group.compiled.isShared) {
          const { alarm, isNew } = this.#alarmOf(group, state.series.device);
          // One that is new has looked for all its inputs itself.
          if (!isNew) this.#feed(group, alarm, state, input);
        } else for (const alarm of group.alarms.values()) this.#feed(group, alarm, state, input);
      }
    }
    this.#look();
  }

  /** A device that must be there: silence about it counts though it never said a thing. */
  expect(device: string, signal: string): void {
    for (const group of this.#groups) {
      const { inputs } = group.compiled.rule;
      const isAsked = group.compiled.silences.some(({ input }) => {
        const wanted = inputs[input];
        return wanted?.signal === signal && (wanted.device === undefined || wanted.device === device);
      });
      if (isAsked) this.#alarmOf(group, device);
    }
    this.#look();
  }

  /** Hands the reading in `sample` on. */
  observe(state: SeriesState): void {
    const time = this.sample[0] ?? NaN;
    const value = this.sample[1] ?? NaN;
    const arrival = this.sample[2] ?? NaN;
    this.#arrival = arrival;
    const isNewest = time >= state.newestTime;
    if (isNewest) {
      state.newestTime = time;
      state.newestValue = value;
      state.newestArrival = arrival;
    }
    for (const feed of state.feeds) {
      const { calm } = feed;
      // What is older than the newest changes no alarm either.
      if (feed.isCalm && calm !== undefined && (!isNewest || (value > calm.low && value < calm.high))) continue;
      const { alarm } = feed;
      feed.isCalm = false;
      alarm.observe(feed.input, time, value, arrival, feed.emit);
      feed.isCalm = isNewest && calm !== undefined && alarm.alarm.isCalm;
      const next = alarm.nextTick;
      if (next < this.nextTick) this.nextTick = next;
    }
  }

  /** A reading that is not trusted is a sign of life all the same. */
  alive(state: SeriesState, arrival: number): void {
    this.#arrival = arrival;
    for (const { alarm, input, emit } of state.feeds) alarm.alive(input, arrival, emit);
  }

  /** Brings time in. Where no transition comes of it, it may be left out. @param end arrival time */
  tick(end: number): void {
    // The end of time comes after everything that falls due, and never for what does not.
    const now = Math.min(end, lastDate);
    if (now < this.nextTick) return;
    this.#arrival = now;
    for (const group of this.#groups) {
      if (group.shelvedUntil <= now) group.shelvedUntil = -Infinity;
      for (const alarm of group.alarms.values()) if (alarm.nextTick <= now) alarm.tick(now, this.#emitOf(group, alarm));
    }
    this.#look();
  }

  /** Nobody listened until now: what was not heard before that was not silent. @param now arrival time */
  awake(now: number): void {
    this.#awake = now;
    for (const { alarms } of this.#groups) for (const alarm of alarms.values()) alarm.awake(now);
    this.#look();
  }

  /** What an operator does. @param now arrival time @returns how many alarms it changed; undefined when there is no such rule */
  operate(operation: Operation, now: number): number | undefined {
    const group = this.#groups.find(({ compiled }) => compiled.rule.id === operation.rule);
    if (group === undefined) return undefined;
    // What was due before the operator came is told without their name.
    this.tick(now);
    this.#wake();
    this.#arrival = now;
    this.#who = operation;
    let changed = 0;
    for (const alarm of group.alarms.values()) {
      const { series, since } = operation;
      if (series !== undefined && (series.device !== alarm.series.device || series.signal !== alarm.series.signal))
        continue;
      if (since !== undefined && alarm.alarm.since !== since) continue;
      if (alarm.alarm.operate(operation, now, this.#emitOf(group, alarm))) changed += 1;
    }
    this.#who = nobody;
    if (operation.series === undefined && operation.since === undefined) remember(group, operation);
    this.#look();
    return changed;
  }

  /** Event and arrival times go on from `ms` later, though no time has passed. */
  jump(ms: number): void {
    this.#catchUp();
    for (const state of this.#states) state.newestArrival += ms;
    for (const { alarms } of this.#groups) for (const alarm of alarms.values()) alarm.jump(ms);
    this.#look();
  }

  /** Every alarm there is, in the order of the rules. */
  views(): AlarmView[] {
    this.#catchUp();
    return this.#groups.flatMap(({ compiled, alarms }) =>
      [...alarms.values()].map((one) => viewOf(compiled.rule, one)),
    );
  }

  /** @param now arrival time */
  measures(now: number): AlarmMeasures {
    this.#catchUp();
    const alarms = this.#groups.flatMap((group) => [...group.alarms.values()].map(({ alarm }) => alarm));
    return { ...stateOf(alarms, now), ...this.#counts.rates(now) };
  }

  write(to: ByteWriter): void {
    this.#catchUp();
    // Only silence counts from then.
    const isAsked = this.#groups.some(({ compiled }) => compiled.silences.length > 0);
    to.float(isAsked ? this.#awake : -Infinity);
    to.varint(this.#counts.quiet.size);
    for (const [reason, count] of this.#counts.quiet) {
      to.text(reason);
      to.varint(count);
    }
    to.varint(this.#groups.length);
    for (const { compiled, key, alarms, disabled, shelvedUntil } of this.#groups) {
      to.text(compiled.rule.id);
      to.text(key);
      to.varint(Number(disabled));
      to.float(shelvedUntil);
      to.varint(alarms.size);
      for (const [device, alarm] of alarms) {
        to.text(device);
        to.text(alarm.series.device);
        to.text(alarm.series.signal);
        const whole = new ByteWriter();
        alarm.write(whole);
        to.blob(whole.take());
      }
    }
  }

  /**
   * Of rules that ask something else now only what operators did is kept.
   * @returns ids of rules that had state and are not in the plan any more
   */
  read(from: ByteReader): string[] {
    const dropped: string[] = [];
    this.#awake = from.float();
    for (let left = from.varint(); left > 0; left--) {
      const [name, count] = [from.text(), from.varint()];
      const reason = silences.find((known) => known === name);
      if (reason !== undefined) this.#counts.quiet.set(reason, count);
    }
    for (let left = from.varint(); left > 0; left--) {
      const [id, key] = [from.text(), from.text()];
      const [disabled, shelvedUntil] = [from.varint() === 1, from.float()];
      const group = this.#groups.find(({ compiled }) => compiled.rule.id === id);
      if (group !== undefined) Object.assign(group, { disabled, shelvedUntil });
      let lost = group === undefined;
      for (let alarms = from.varint(); alarms > 0; alarms--) {
        const [device, own, signal] = [from.text(), from.text(), from.text()];
        const bytes = new ByteReader(from.blob());
        if (group === undefined) continue;
        const isSame = group.key === key;
        lost ||= !isSame;
        const alarm = group.alarms.get(device) ?? new RuleAlarm(group.compiled, { device: own, signal }, this.#awake);
        if (isSame) alarm.read(bytes);
        else {
          alarm.keepOperations(bytes);
          alarm.alarm.suppress(isHidden(group, alarm), this.#arrival, ignore);
        }
        group.alarms.set(device, alarm);
      }
      if (lost) dropped.push(id);
    }
    this.#look();
    return dropped;
  }

  /** The transitions that end the alarms of rules which another plan does not have, or has with another question. */
  abandoned(plan: Pick<Plan, 'rules'>): Transition[] {
    const kept = new Set(plan.rules.map(ruleKey));
    const before = this.take();
    for (const group of this.#groups) {
      if (kept.has(group.key)) continue;
      for (const alarm of group.alarms.values())
        alarm.alarm.abandon((state, time, since, quiet) =>
          this.#transitions.push(
            transition(group, alarm, state, { time, since, quiet, value: NaN, reason: 'the rule was changed' }),
          ),
        );
    }
    const ended = this.take();
    this.#transitions = before;
    return ended;
  }

  #alarmOf(group: RuleGroup, device: string): { alarm: RuleAlarm; isNew: boolean } {
    const { compiled } = group;
    const key = compiled.isShared ? '' : device;
    const known = group.alarms.get(key);
    if (known !== undefined) return { alarm: known, isNew: false };
    const [first] = compiled.rule.inputs;
    const series = { device: first?.device ?? device, signal: first?.signal ?? '' };
    const alarm = new RuleAlarm(compiled, series, this.#awake);
    group.alarms.set(key, alarm);
    const emit = this.#emitOf(group, alarm);
    if (group.disabled) alarm.alarm.operate({ kind: 'disable', until: NaN }, this.#arrival, ignore);
    if (group.shelvedUntil > this.#arrival)
      alarm.alarm.operate({ kind: 'shelve', until: group.shelvedUntil }, this.#arrival, ignore);
    if (isHidden(group, alarm)) alarm.alarm.suppress(true, this.#arrival, emit);
    for (const [input, wanted] of compiled.rule.inputs.entries()) {
      for (const state of this.#states) {
        const isIts = wanted.device !== undefined || compiled.isShared || state.series.device === device;
        if (!isIts || !fits(wanted, state)) continue;
        this.#feed(group, alarm, state, input);
        // What it said before there was this alarm.
        if (state.newestTime > -Infinity)
          alarm.observe(input, state.newestTime, state.newestValue, state.lastArrival, emit);
      }
    }
    return { alarm, isNew: true };
  }

  #feed(group: RuleGroup, alarm: RuleAlarm, state: SeriesState, input: number): void {
    if (state.feeds.some((feed) => feed.alarm === alarm && feed.input === input)) return;
    state.feeds.push({ alarm, input, emit: this.#emitOf(group, alarm), isCalm: false, calm: group.compiled.calm });
  }

  #emitOf(group: RuleGroup, alarm: RuleAlarm): Emit {
    return (state, time, since, quiet) => {
      const reason = alarm.explain();
      const { value } = alarm;
      this.#transitions.push({
        ...transition(group, alarm, state, { time, since, quiet, value, reason }),
        ...who(this.#who),
      });
      this.#counts.add(state, quiet, this.#arrival);
      if (group.suppresses.length > 0) this.#hide(group);
    };
  }

  /** Tells the alarms that this rule explains whether they are explained. */
  #hide(suppressor: RuleGroup): void {
    for (const group of suppressor.suppresses) {
      for (const alarm of group.alarms.values()) {
        alarm.alarm.suppress(isHidden(group, alarm), this.#arrival, this.#emitOf(group, alarm));
        // What is told when the explanation has gone needs no reading.
        if (alarm.nextTick < this.nextTick) this.nextTick = alarm.nextTick;
      }
    }
  }

  /** Calm alarms hear of their newest reading. */
  #catchUp(): void {
    for (const { feeds, newestTime, newestValue, newestArrival } of this.#states)
      for (const { alarm, input, emit, isCalm } of feeds)
        if (isCalm) alarm.observe(input, newestTime, newestValue, newestArrival, emit);
  }

  /** An operator is about to change alarms: none of them is calm until its next reading says so. */
  #wake(): void {
    this.#catchUp();
    for (const { feeds } of this.#states) for (const feed of feeds) feed.isCalm = false;
  }

  #look(): void {
    this.nextTick = Infinity;
    for (const { alarms } of this.#groups)
      for (const alarm of alarms.values()) this.nextTick = Math.min(this.nextTick, alarm.nextTick);
  }
}

function viewOf({ id: rule, severity }: Rule, one: RuleAlarm): AlarmView {
  const { alarm, series, value, learning } = one;
  const { phase, since, acknowledged, told, shelvedUntil, disabled, suppressed, chattering } = alarm;
  const reason = alarm.firing ? one.explain() : '';
  const state = { phase, since, acknowledged, told, shelvedUntil, disabled, suppressed, chattering };
  return { rule, series, severity, value, reason, learning, ...state };
}

function ignore(): void {
  // Nothing has happened: the alarm is born like that.
}

function fits(wanted: Rule['inputs'][number], { series }: SeriesState): boolean {
  return wanted.signal === series.signal && (wanted.device === undefined || wanted.device === series.device);
}

function isHidden(group: RuleGroup, { series }: RuleAlarm): boolean {
  return group.suppressors.some(({ compiled, alarms }) =>
    [...alarms.values()].some((by) => by.alarm.firing && (compiled.isShared || by.series.device === series.device)),
  );
}

function remember(group: RuleGroup, { kind, until }: Operation): void {
  if (kind === 'disable' || kind === 'enable') group.disabled = kind === 'disable';
  if (kind === 'shelve') group.shelvedUntil = until;
  if (kind === 'unshelve') group.shelvedUntil = -Infinity;
}

function who({ by, comment }: { readonly by: string; readonly comment: string }) {
  return { by, comment };
}

function transition(
  { compiled }: RuleGroup,
  { series }: RuleAlarm,
  state: AlertState,
  said: Pick<Transition, 'time' | 'since' | 'quiet' | 'value' | 'reason'>,
): Transition {
  const { id, severity } = compiled.rule;
  return { rule: id, series, state, severity, ...said, ...nobody };
}

/** What explains others comes before them; otherwise the order is kept. A ring, which checks refuse, is broken somewhere. */
function inOrder(rules: readonly Rule[]): Rule[] {
  const ordered: Rule[] = [];
  const visiting = new Set<Rule>();
  const visit = (rule: Rule): void => {
    if (visiting.has(rule)) return;
    visiting.add(rule);
    for (const id of rule.suppressedBy) {
      const suppressor = rules.find((other) => other.id === id);
      if (suppressor !== undefined) visit(suppressor);
    }
    ordered.push(rule);
  };
  for (const rule of rules) visit(rule);
  return ordered;
}
