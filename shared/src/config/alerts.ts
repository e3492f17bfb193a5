// Alerts of the gateway file: what they become in the plan, and what can be wrong with them.

import { parseComparison } from '../alert/comparison.ts';
import { compileCondition, inputsIn, Terms, type Condition } from '../alert/condition.ts';
import type { Rule, RuleInput } from '../alert/rule.ts';
import { suffixes } from '../alert/suffixes.ts';
import { formatDuration } from '../model/duration.ts';
import { parseChannel } from './channel.ts';
import type { GatewayFile } from './gateway-file.ts';
import type { Alert } from './schema.ts';

const minuteMs = 60_000;
const defaults = {
  lateAfterMs: 5 * minuteMs,
  keepForMs: minuteMs,
  keepAnomalyForMs: 10 * minuteMs,
  alarmsPerWeek: 1,
  learnMs: 24 * 60 * minuteMs,
};

/** An alert whose texts have been read, as far as they can be. */
export interface ReadAlert {
  readonly when: string;
  readonly clear: string | undefined;
  readonly inputs: readonly RuleInput[];
}

export function alertRule(id: string, alert: Alert, file: GatewayFile): Rule {
  const { when, clear, inputs } = readAlert(alert, file);
  return {
    id,
    when,
    clear,
    inputs,
    perGateway: alert.per === 'gateway',
    samples: alert.samples,
    detector: alert.detector ?? 'auto',
    alarmsPerWeek: alert.sensitivity ?? defaults.alarmsPerWeek,
    learnMs: alert.learn ?? defaults.learnMs,
    // Silence lasts for as long as it takes already.
    forMs: alert.silent === undefined ? (alert.for ?? 0) : 0,
    keepForMs: alert.keepFor ?? keepForMs(alert, when),
    latch: alert.latch,
    remindMs: alert.remind ?? Infinity,
    onLate: alert.onLate,
    lateAfterMs: alert.lateAfter ?? defaults.lateAfterMs,
    holdsChatter: alert.chatter === 'hold',
    suppressedBy: alert.suppressedBy ?? [],
    severity: alert.severity,
    actions: [...new Set(['log', ...alert.do])],
  };
}

/**
 * The same question in one language, whichever way it was written; and where the values come from.
 *
 * A signal that only one device has is that device's, also in a condition with signals of others. Of a signal that many
 * devices have, the alarm of each device looks at its own.
 */
export function readAlert(alert: Alert, file: GatewayFile): ReadAlert {
  const { with: named = {} } = alert;
  const renamed = (text: string): string => withWord(text, file);
  const when = whenOf(alert, file);
  const clear = alert.clear === undefined ? behindDeadband(alert, when) : renamed(alert.clear);
  const words = [...new Set([...wordsOf(when), ...(clear === undefined ? [] : wordsOf(clear))])];
  const bySanitized = new Map([...file.signals.keys()].map((name) => [wordFor(name), name]));
  const inputs = words.map((variable): RuleInput => {
    const text = named[variable] ?? bySanitized.get(variable) ?? variable;
    const slash = text.indexOf('/');
    if (slash === -1) return { variable, device: undefined, signal: text };
    return { variable, device: text.slice(0, slash), signal: text.slice(slash + 1) };
  });
  return { when, clear, inputs: inputs.length > 1 ? inputs.map((input) => placed(input, file)) : inputs };
}

/** The condition that ends an alarm with a deadband: every limit, come back over by so much. @returns undefined without one */
export function behindDeadband({ deadband }: Alert, when: string): string | undefined {
  if (deadband === undefined) return undefined;
  const condition = compileCondition(when, undefined, new Terms(), suffixes);
  if ('message' in condition || !hasDeadband(condition)) return undefined;
  const sides = condition.limits.map(({ signal, operator, limit }) =>
    operator.startsWith('>') ? `${signal} <= ${limit - deadband}` : `${signal} >= ${limit + deadband}`,
  );
  return sides.join(' and ');
}

/** Whether there are limits a value can come back over. */
export function hasDeadband({ limits, isPlain }: Condition): boolean {
  return isPlain && limits.length > 0 && limits.every(({ operator }) => /[<>]/.test(operator));
}

/** The devices a signal can be of, when the gateway file says so. */
export function devicesOf(
  signal: string,
  file: GatewayFile,
  path: readonly string[] = [],
): readonly string[] | undefined {
  const plan = file.signals.get(signal);
  if (plan === undefined || path.includes(signal)) return undefined;
  if (plan.formula !== undefined) return plan.device === undefined ? undefined : [plan.device];
  const devices = new Set<string>();
  for (const channel of plan.from ?? []) {
    const device = file.sources.get(parseChannel(channel).source)?.device;
    if (device === undefined) return undefined;
    devices.add(device);
  }
  return [...devices];
}

/** The condition's text as it was written, or made of what was written instead; and how much further in it an offset is. */
function whenOf(alert: Alert, file: GatewayFile): string {
  if (alert.anomaly !== undefined) return `anomaly(${alert.anomaly.map(wordFor).join(', ')})`;
  if (alert.silent !== undefined) {
    const duration = formatDuration(silenceMs(alert, file));
    const all = alert.silent.map((name) => `silent(${wordFor(name)} for ${duration})`);
    return all.join(' and ');
  }
  return withWord(alert.when ?? '', file);
}

/** How long a silence has to be; a signal may say itself when it is missing. */
export function silenceMs({ for: forMs, silent = [] }: Alert, file: GatewayFile): number {
  if (forMs !== undefined && forMs > 0) return forMs;
  return Math.max(0, ...silent.map((name) => file.signals.get(name)?.missing ?? 0));
}

/** A comparison may name a signal that is no word of the language: `heart-rate > 120`. */
function withWord(text: string, file: GatewayFile): string {
  const simple = parseComparison(text);
  if (typeof simple === 'string' || !file.signals.has(simple.signal) || isWord(simple.signal)) return text;
  return text.replace(simple.signal, wordFor(simple.signal));
}

/** Whether a name can stand in a condition as it is. */
export function isWord(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name);
}

function wordFor(name: string): string {
  return name.replaceAll(/\W/g, '_').replace(/^(?=\d)/, '_');
}

function wordsOf(text: string): readonly string[] {
  const words = inputsIn(text, suffixes);
  return 'message' in words ? [] : words;
}

function placed(input: RuleInput, file: GatewayFile): RuleInput {
  if (input.device !== undefined) return input;
  const [device, ...others] = devicesOf(input.signal, file) ?? [];
  return device === undefined || others.length > 0 ? input : { ...input, device };
}

function keepForMs({ clear, deadband, silent, anomaly }: Alert, when: string): number {
  if (clear !== undefined || deadband !== undefined || silent !== undefined) return 0;
  if (anomaly !== undefined) return defaults.keepAnomalyForMs;
  const condition = compileCondition(when, undefined, new Terms(), suffixes);
  if ('message' in condition) return 0;
  return isExact(condition) ? 0 : defaults.keepForMs;
}

/** Whether it is about states, which do not waver as measured values do. */
function isExact({ limits, isPlain }: Condition): boolean {
  return isPlain && limits.length > 0 && limits.every(({ operator }) => operator === '==' || operator === '!=');
}
