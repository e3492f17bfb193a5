// Signals that are computed of others: what they become in the plan, and what can be wrong with them.

import type { DerivedInput, DerivedPlan } from '../pipeline/plan.ts';
import { compileExpression, namesIn } from '../expression/expression.ts';
import type { GatewayFile } from './gateway-file.ts';
import type { Signal } from './schema.ts';
import { suggestion, type YamlFile } from './yaml-file.ts';

/** @returns undefined for a signal that a source says */
export function derivedPlan(signal: Signal): DerivedPlan | undefined {
  if (signal.formula === undefined) return undefined;
  return {
    expression: signal.formula,
    inputs: inputsOf(signal),
    alignMs: signal.align ?? 0,
    device: signal.device,
  };
}

function inputsOf({ formula = '', with: named = {} }: Signal): DerivedInput[] {
  const names = namesIn(formula);
  if (!Array.isArray(names)) return [];
  return names.map((variable) => {
    const text = named[variable] ?? variable;
    const slash = text.indexOf('/');
    return slash === -1
      ? { variable, device: undefined, signal: text }
      : { variable, device: text.slice(0, slash), signal: text.slice(slash + 1) };
  });
}

export function checkDerived(file: GatewayFile, yaml: YamlFile, written: readonly string[]): void {
  for (const [id, signal] of file.signals) {
    const at = ['signals', id];
    if (signal.formula === undefined) {
      for (const key of ['with', 'align', 'device'] as const) {
        if (signal[key] !== undefined) yaml.add(`${key} goes with formula`, at, { key });
      }
      continue;
    }
    for (const key of ['convert', 'calibrate', 'repeats'] as const) {
      if (signal[key] !== undefined && signal[key] !== false)
        yaml.add(`${key} is about what a source says; a formula has none`, at, { key });
    }
    checkFormula(id, signal, yaml, written);
  }
  for (const cycle of cycles(file)) {
    const [first = ''] = cycle;
    yaml.add(`${[...cycle, first].join(' needs ')}: a formula cannot need itself`, ['signals', first, 'formula']);
  }
}

function checkFormula(id: string, signal: Signal, yaml: YamlFile, written: readonly string[]): void {
  const at = ['signals', id, 'formula'];
  const { formula = '', with: named = {} } = signal;
  const compiled = compileExpression(formula, [...new Set([...Object.keys(named), ...written])]);
  if ('message' in compiled) {
    yaml.add(compiled.message, at, { within: compiled.offset });
    return;
  }
  const inputs = inputsOf(signal);
  if (inputs.length === 0) yaml.add('no signal is in this formula; it would never give anything', at);
  for (const { variable, signal: needed } of inputs) {
    if (written.includes(needed)) continue;
    yaml.add(`no signal "${needed}"${suggestion(needed, written)}`, ['signals', id, 'with', variable]);
  }
  for (const name of Object.keys(named)) {
    if (!inputs.some(({ variable }) => variable === name)) {
      yaml.add(`"${name}" is not in the formula`, ['signals', id, 'with'], { key: name, severity: 'warning' });
    }
  }
  if (signal.device === undefined && inputs.some(({ device }) => device !== undefined)) {
    yaml.add('an input names its device; say device: whose the result is to be', at);
  }
}

/** Signals whose formulas need each other in a ring, each ring once. */
function cycles(file: GatewayFile): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (id: string, path: readonly string[]): void => {
    const start = path.indexOf(id);
    if (start !== -1) {
      found.push(path.slice(start));
      return;
    }
    if (done.has(id)) return;
    const signal = file.signals.get(id);
    if (signal?.formula !== undefined) for (const input of inputsOf(signal)) visit(input.signal, [...path, id]);
    done.add(id);
  };
  for (const id of file.signals.keys()) visit(id, []);
  return found;
}
