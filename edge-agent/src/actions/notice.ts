// What a message says: one transition, or a digest of several.
//
// A digest counts everything it stands for, by rule and severity, and has the most severe few in full: what a flood of a
// thousand alarms comes to is one page that a person can read.

import { severities, transitionKey, type Severity, type Transition } from '@weir/shared/model/alert.ts';

/** A transition, or of a rule's many the first. */
export interface Told {
  readonly transition: Transition;
  /** How many it stands for. */
  readonly count: number;
  /** Event time of the last of them. */
  readonly lastTime: number;
}

/** At least one, in the order in which they came. */
export type Notice = readonly [Told, ...Told[]];

const inFull = 5;
const rulesListed = 20;

type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

export interface RuleCount {
  readonly rule: string;
  readonly severity: Severity;
  readonly count: number;
}

export interface Digest {
  readonly count: number;
  /** Event times. */
  readonly first: number;
  readonly last: number;
  readonly severity: Severity;
  /** Most severe first, then most numerous first. */
  readonly rules: readonly RuleCount[];
  /** The most severe few. */
  readonly worst: readonly Transition[];
}

/** @returns undefined when the notice is about one transition */
export function digestOf(notice: Notice): Digest | undefined {
  const [only] = notice;
  if (notice.length === 1 && only.count === 1) return undefined;
  const counts = new Map<string, RuleCount>();
  let [count, first, last] = [0, Infinity, -Infinity];
  for (const told of notice) {
    const { rule, severity, time } = told.transition;
    const key = `${severity} ${rule}`;
    counts.set(key, { rule, severity, count: (counts.get(key)?.count ?? 0) + told.count });
    count += told.count;
    first = Math.min(first, time);
    last = Math.max(last, told.lastTime);
  }
  const rules = [...counts.values()].toSorted((a, b) => rank(b) - rank(a) || b.count - a.count);
  const worst = notice.map(({ transition }) => transition).toSorted((a, b) => rank(b) - rank(a));
  const { severity } = worst[0] ?? only.transition;
  return { count, first, last, severity, rules, worst: worst.slice(0, inFull) };
}

/** What is sent as JSON; `id` is the same when the same is sent again. */
export function noticeJson(gateway: string, notice: Notice): { readonly [key: string]: Json } {
  const digest = digestOf(notice);
  if (digest === undefined) return transitionJson(gateway, notice[0].transition);
  const { count, first, last, severity, rules, worst } = digest;
  const others = rules.slice(rulesListed).reduce((sum, rule) => sum + rule.count, 0);
  return {
    id: `${gateway}/digest/${transitionKey(notice[0].transition)}/${count}`,
    gateway,
    state: 'digest',
    severity,
    count,
    first: iso(first),
    last: iso(last),
    text: textOf(notice),
    rules: rules.slice(0, rulesListed).map(({ rule, severity, count }) => ({ rule, severity, count })),
    ...(others === 0 ? {} : { others }),
    transitions: worst.map((transition) => transitionJson(gateway, transition)),
  };
}

function transitionJson(gateway: string, t: Transition): { readonly [key: string]: Json } {
  const { device, signal } = t.series;
  return {
    id: `${gateway}/${transitionKey(t)}`,
    gateway,
    rule: t.rule,
    state: t.state,
    severity: t.severity,
    device,
    signal,
    value: t.value,
    time: iso(t.time),
    since: iso(t.since),
    ...said({ reason: t.reason, by: t.by, comment: t.comment }),
  };
}

/** One sentence for people. */
export function textOf(notice: Notice): string {
  const digest = digestOf(notice);
  if (digest === undefined) return sentence(notice[0].transition);
  const rules = digest.rules.slice(0, 3).map(({ rule, severity, count }) => `${count} ${severity} of ${rule}`);
  const more = digest.rules.length > rules.length ? ', …' : '';
  return `${digest.count} alarm messages: ${rules.join(', ')}${more}`;
}

function sentence({ severity, rule, state, series, value, reason, by, comment }: Transition): string {
  const what = reason === '' ? (Number.isNaN(value) ? '' : `: ${series.signal} is ${value}`) : `: ${reason}`;
  const who = by === '' ? '' : ` by ${by}${comment === '' ? '' : ` (${comment})`}`;
  return `${severity} ${rule} on ${series.device} ${state}${who}${what}`;
}

/** What the words in a template stand for. */
export const placeholders = [
  'rule',
  'device',
  'signal',
  'value',
  'unit',
  'state',
  'severity',
  'reason',
  'time',
  'since',
  'gateway',
  'by',
  'comment',
  'count',
  'text',
] as const;

export type Placeholder = (typeof placeholders)[number];

export type Fields = Readonly<Record<Placeholder, string>>;

/** In a digest a word that differs from one transition to the other is `several`, and what is of one only is empty. */
export function fieldsOf(
  notice: Notice,
  { gateway, unitOf }: { readonly gateway: string; readonly unitOf: (signal: string) => string },
): Fields {
  const { rule, series, state, value, reason, time, since, by, comment, severity } = notice[0].transition;
  const digest = digestOf(notice);
  if (digest === undefined) {
    return {
      rule,
      device: series.device,
      signal: series.signal,
      value: Number.isNaN(value) ? '' : String(value),
      unit: unitOf(series.signal),
      state,
      severity,
      reason,
      time: iso(time),
      since: iso(since),
      gateway,
      by,
      comment,
      count: '1',
      text: textOf(notice),
    };
  }
  const common = (of: (t: Transition) => string): string => {
    const first = of(notice[0].transition);
    return notice.every(({ transition, count }) => count === 1 && of(transition) === first) ? first : 'several';
  };
  const sameRule = notice.every(({ transition }) => transition.rule === rule);
  return {
    rule: sameRule ? rule : 'several',
    device: common((t) => t.series.device),
    signal: common((t) => t.series.signal),
    value: '',
    unit: '',
    state: common((t) => t.state),
    severity: digest.severity,
    reason: textOf(notice),
    time: iso(digest.last),
    since: iso(digest.first),
    gateway,
    by: '',
    comment: '',
    count: String(digest.count),
    text: textOf(notice),
  };
}

/** Of a severity: the more severe, the higher. */
export function rank({ severity }: { readonly severity: Severity }): number {
  return severities.indexOf(severity);
}

function said(words: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(words).filter(([, word]) => word !== ''));
}

/** Sensors have sent event times that no calendar has. */
function iso(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}
