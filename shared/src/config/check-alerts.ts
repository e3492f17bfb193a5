// What can be wrong with an alert that no schema sees: a condition that nobody can read, that can never be true or never
// end, that asks for a signal of a device that does not have it, or that compares °C with °F.

import { parseComparison, type Comparison } from '../alert/comparison.ts';
import { compileCondition, Terms, type Condition, type UnitUse } from '../alert/condition.ts';
import { suffixes } from '../alert/suffixes.ts';
import { maxSignals } from '../detect/multivariate.ts';
import { detectorKinds } from '../detect/registry.ts';
import { devicesOf, isWord, readAlert, silenceMs, hasDeadband } from './alerts.ts';
import { linearConversion } from './convert.ts';
import type { GatewayFile } from './gateway-file.ts';
import type { Alert } from './schema.ts';
import { suggestion, type Path, type YamlFile } from './yaml-file.ts';

/** @param signals names of all signals as written, valid or not */
export function checkAlert(
  id: string,
  alert: Alert,
  file: GatewayFile,
  yaml: YamlFile,
  signals: readonly string[],
): void {
  const at = ['alerts', id];
  const before = yaml.problems().length;
  checkNames(alert, at, yaml, signals);
  checkSettings(id, alert, at, file, yaml);
  const when = alert.when === undefined ? undefined : readCondition(alert, 'when', at, yaml, signals);
  const clear = alert.clear === undefined ? undefined : readCondition(alert, 'clear', at, yaml, signals);
  if (yaml.problems().length > before) return;
  checkDevices(alert, at, file, yaml);
  for (const [key, condition] of [['when', when] as const, ['clear', clear] as const]) {
    if (condition === undefined) continue;
    for (const use of condition.units) checkUnit(use, [...at, key], file, yaml);
  }
  if (when !== undefined) checkLimits(alert, when, clear, at, file, yaml);
  if (when !== undefined && alert.deadband !== undefined) checkDeadband(alert, when, at, file, yaml);
}

function checkNames(
  { anomaly = [], silent = [], with: named = {} }: Alert,
  at: Path,
  yaml: YamlFile,
  signals: readonly string[],
): void {
  const unknown = (name: string, path: Path): void => {
    if (!signals.includes(name)) yaml.add(`no signal "${name}"${suggestion(name, signals)}`, path);
  };
  for (const name of anomaly) unknown(name, [...at, 'anomaly']);
  for (const name of silent) unknown(name, [...at, 'silent']);
  for (const [variable, text] of Object.entries(named))
    unknown(text.slice(text.indexOf('/') + 1), [...at, 'with', variable]);
}

function checkSettings(id: string, alert: Alert, at: Path, file: GatewayFile, yaml: YamlFile): void {
  const {
    silent,
    anomaly,
    when = '',
    detector,
    sensitivity,
    learn,
    per,
    suppressedBy = [],
    clear,
    samples,
    deadband,
  } = alert;
  if (silent !== undefined && silenceMs(alert, file) === 0)
    yaml.add('for how long? say for: 15m, or missing: at the signal', at, { key: 'silent' });
  if (silent === undefined && per === 'gateway')
    yaml.add('per: gateway goes with silent; elsewhere each device has its own alarm', [...at, 'per']);
  if (silent !== undefined && clear !== undefined) yaml.add('a silence ends with the next reading', [...at, 'clear']);
  if (deadband !== undefined && clear !== undefined)
    yaml.add('clear says when the alarm ends: leave the deadband away', [...at, 'deadband']);
  if (deadband !== undefined && (silent !== undefined || anomaly !== undefined))
    yaml.add('a deadband is of limits on a signal, like temperature > 34', [...at, 'deadband']);
  if (silent !== undefined && samples !== undefined) yaml.add('a silence has no readings to count', [...at, 'samples']);
  const keys = detectorKinds.map(({ key }) => key);
  if (detector !== undefined && !keys.includes(detector))
    yaml.add(`no detector "${detector}"${suggestion(detector, keys)}`, [...at, 'detector']);
  if (anomaly !== undefined && anomaly.length > maxSignals)
    yaml.add(`at most ${maxSignals} signals go together`, [...at, 'anomaly']);
  if (anomaly !== undefined && anomaly.length > 1 && detector !== undefined)
    yaml.add('several signals have a detector of their own: leave detector away', [...at, 'detector']);
  const asks = anomaly !== undefined || /\banomaly\s*\(/.test(when);
  for (const [key, value] of Object.entries({ detector, sensitivity, learn })) {
    if (value !== undefined && !asks)
      yaml.add(
        `${key} is of detectors; this alarm has none: write anomaly: temperature, or anomaly(temperature) in when`,
        [...at, key],
      );
  }
  const others = [...file.alerts.keys()].filter((other) => other !== id);
  for (const name of suppressedBy) {
    if (name === id) yaml.add('an alarm does not explain itself', [...at, 'suppressedBy']);
    else if (!others.includes(name)) yaml.add(`no alert "${name}"${suggestion(name, others)}`, [...at, 'suppressedBy']);
  }
  const ring = ringFrom(id, file);
  if (ring !== undefined && ring.toSorted()[0] === id)
    yaml.add(`${[...ring, id].join(' is explained by ')}: none of them would ever be told`, [...at, 'suppressedBy']);
}

/** @returns the alerts on the way from this one back to it */
function ringFrom(id: string, file: GatewayFile): string[] | undefined {
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    for (const next of file.alerts.get(name)?.suppressedBy ?? []) {
      if (next === id && path.length > 0) return [...path, name];
      if (path.includes(next) || next === name) continue;
      const found = visit(next, [...path, name]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(id, []);
}

/** @returns undefined when it cannot be read, which has been said */
function readCondition(
  { with: named = {}, ...alert }: Alert,
  key: 'when' | 'clear',
  at: Path,
  yaml: YamlFile,
  signals: readonly string[],
): Condition | undefined {
  const text = alert[key] ?? '';
  // A name that is no word of the language may stand in a plain comparison.
  const plain = parseComparison(text);
  const isPlain = typeof plain !== 'string' && signals.includes(plain.signal);
  const words = isPlain && !isWord(plain.signal) ? text.replace(plain.signal, 'x'.repeat(plain.signal.length)) : text;
  const known = [
    ...Object.keys(named),
    ...signals,
    ...(words === text || !isPlain ? [] : ['x'.repeat(plain.signal.length)]),
  ];
  const condition = compileCondition(words, known, new Terms(), suffixes);
  if (!('message' in condition)) return condition;
  const asks = /[<>=]|\b(?:anomaly|silent|outside|inside|atLeast)\b/.test(text);
  if (!asks && typeof plain === 'string') yaml.add(plain, [...at, key]);
  else yaml.add(condition.message.replace(/^no "/, 'no signal "'), [...at, key], { within: condition.offset });
  return undefined;
}

/** A condition over signals that no device has together would never be true, and nobody would know. */
function checkDevices(alert: Alert, at: Path, file: GatewayFile, yaml: YamlFile): void {
  const key = alert.when === undefined ? (alert.silent === undefined ? 'anomaly' : 'silent') : 'when';
  const open = readAlert(alert, file).inputs.filter(({ device }) => device === undefined);
  const known = open.flatMap((input) => {
    const devices = devicesOf(input.signal, file);
    return devices === undefined ? [] : [{ ...input, devices }];
  });
  const [first] = known;
  const apart = known.find(
    ({ devices }) => first !== undefined && !devices.some((device) => first.devices.includes(device)),
  );
  if (first === undefined || apart === undefined) return;
  yaml.add(
    `${first.signal} is of ${first.devices.join(' or ')}, ${apart.signal} of ${apart.devices.join(' or ')}: no device has both; ` +
      `say whose is meant, with: { ${apart.variable}: ${apart.devices[0] ?? ''}/${apart.signal} }`,
    [...at, key],
  );
}

function checkUnit({ signal, value, unit, offset }: UnitUse, at: Path, file: GatewayFile, yaml: YamlFile): void {
  const wanted = file.signals.get(signal)?.unit;
  if (wanted === unit) return;
  if (wanted === undefined) {
    yaml.add(`${signal} has no unit to compare with ${value} ${unit}; say unit: ${unit} at the signal`, at, {
      within: offset,
    });
    return;
  }
  const conversion = linearConversion(unit, wanted);
  const hint =
    typeof conversion === 'string'
      ? 'they are not the same quantity'
      : `write ${Number((value * conversion.gain + conversion.offset).toPrecision(6))} ${wanted}`;
  yaml.add(`${signal} is in ${wanted}, not in ${unit}: ${hint}`, at, { within: offset });
}

function checkLimits(
  alert: Alert,
  when: Condition,
  clear: Condition | undefined,
  at: Path,
  file: GatewayFile,
  yaml: YamlFile,
): void {
  const rangeOf = ({ signal }: Comparison): readonly [number, number] | undefined =>
    file.signals.get(alert.with?.[signal] ?? signal)?.range;
  const impossible = (limit: Comparison): boolean => {
    const range = rangeOf(limit);
    return range !== undefined && !canHold(limit, range);
  };
  const refused = (limit: Comparison): string => {
    const [low, high] = rangeOf(limit) ?? [];
    return `readings of ${limit.signal} outside ${low}..${high} are refused`;
  };
  const [start] = when.limits;
  if (when.isPlain && start !== undefined && when.limits.every(impossible))
    yaml.add(`can never be true: ${refused(start)}`, [...at, 'when']);
  if (clear === undefined) return;
  const [end] = clear.limits;
  if (!clear.isPlain || end === undefined || !when.isPlain || start === undefined) return;
  if (clear.limits.length > 1 || when.limits.length > 1) return;
  if (end.signal !== start.signal) {
    yaml.add(`clear speaks of "${end.signal}", when of "${start.signal}"; both must be the same signal`, [
      ...at,
      'clear',
    ]);
  } else if (impossible(end)) {
    yaml.add(`can never be true, so the alert would never end: ${refused(end)}`, [...at, 'clear']);
  } else if (overlap(start, end)) {
    yaml.add(
      'clear is true where when is true: the alert would start and end at once; clear beyond the limit on the other side',
      [...at, 'clear'],
    );
  }
}

function checkDeadband(
  { deadband = 0, with: named }: Alert,
  when: Condition,
  at: Path,
  file: GatewayFile,
  yaml: YamlFile,
): void {
  if (!hasDeadband(when)) {
    yaml.add('a deadband is of limits on a signal, like temperature > 34; write clear', [...at, 'deadband']);
    return;
  }
  for (const { signal, operator, limit } of when.limits) {
    const [low, high] = file.signals.get(named?.[signal] ?? signal)?.range ?? [-Infinity, Infinity];
    const isBeyond = operator.startsWith('>') ? limit - deadband < low : limit + deadband > high;
    if (isBeyond)
      yaml.add(`the alert would never end: readings of ${signal} outside ${low}..${high} are refused`, [
        ...at,
        'deadband',
      ]);
  }
}

function canHold({ operator, limit }: Comparison, [low, high]: readonly [number, number]): boolean {
  switch (operator) {
    case '>':
      return high > limit;
    case '>=':
      return high >= limit;
    case '<':
      return low < limit;
    case '<=':
      return low <= limit;
    case '==':
      return limit >= low && limit <= high;
    case '!=':
      return true;
  }
}

/** Whether one value can satisfy both: if any can, one at, between or far beyond the limits does. */
function overlap(a: Comparison, b: Comparison): boolean {
  const candidates = [a.limit, b.limit, (a.limit + b.limit) / 2, -Number.MAX_VALUE, Number.MAX_VALUE];
  return candidates.some((value) => satisfies(a, value) && satisfies(b, value));
}

function satisfies(comparison: Comparison, value: number): boolean {
  return canHold(comparison, [value, value]) && (comparison.operator !== '!=' || value !== comparison.limit);
}
