// What no single entry of a gateway file can know: that names exist, that rules can ever fire and ever clear, that the
// lateness fits into memory, that two sources do not fight over one device.

import { parseChannel } from './channel.ts';
import { checkAlert } from './check-alerts.ts';
import { linearConversion } from './convert.ts';
import { checkDerived } from './derived.ts';
import type { GatewayFile } from './gateway-file.ts';
import type { Kinds } from './kinds.ts';
import type { Signal } from './schema.ts';
import { checkWindow, covers, windowSpec } from './windows.ts';
import { suggestion, type Path, type YamlFile } from './yaml-file.ts';

interface Context {
  readonly yaml: YamlFile;
  readonly kinds: Kinds;
  /** The whole file as written: an entry that is wrong in itself is not also reported as unknown. */
  readonly written: Readonly<Record<string, unknown>>;
  /** Folder of the file, when it is known. */
  readonly base: string | undefined;
}

export function checkAcross(file: GatewayFile, context: Context): void {
  checkSources(file, context);
  checkHolders(file, context);
  checkSignals(file, context);
  checkDerived(file, context.yaml, namesIn(context.written, 'signals'));
  checkWindows(file, context);
  checkAlerts(file, context);
}

function checkSources(file: GatewayFile, { yaml, kinds, written, base }: Context): void {
  if (namesIn(written, 'sources').length === 0)
    yaml.add('no sources: this gateway would read nothing', [], { severity: 'warning' });
  for (const [id, part] of file.sources) {
    const mistake = kinds.sources.find(({ key }) => key === part.kind)?.mistake?.(part.raw, base);
    if (mistake !== undefined) yaml.add(mistake, ['sources', id, part.kind], { severity: 'warning' });
    const isRead = channelsIn(written).some(({ text }) => parseChannel(text).source === id);
    if (!isRead) {
      yaml.add(`no signal reads source "${id}"; all it says would be dead letters`, ['sources'], {
        key: id,
        severity: 'warning',
      });
    }
  }
}

/** What one part has open no other can. */
function checkHolders(file: GatewayFile, { yaml, kinds }: Context): void {
  const holders = new Map<string, string>();
  for (const section of ['sources', 'actions'] as const) {
    for (const [id, part] of file[section]) {
      const held = kinds[section].find((kind) => kind.key === part.kind)?.holds?.(part.raw);
      const holder = held === undefined ? undefined : holders.get(held);
      if (holder !== undefined) yaml.add(`${held} is already ${holder}`, [section, id, part.kind]);
      else if (held !== undefined)
        holders.set(held, section === 'sources' ? `read by source "${id}"` : `used by action "${id}"`);
    }
  }
}

function checkSignals(file: GatewayFile, { yaml, kinds, written, base }: Context): void {
  const sourceNames = namesIn(written, 'sources');
  const readers = new Map<string, string>();
  for (const { id, text, at } of channelsIn(written)) {
    const { source, channel } = parseChannel(text);
    if (!sourceNames.includes(source)) yaml.add(`no source "${source}"${suggestion(source, sourceNames)}`, at);
    const part = file.sources.get(source);
    const kind = kinds.sources.find(({ key }) => key === part?.kind);
    const channels = kind?.channels?.(part?.raw, base);
    if (channels !== undefined && !channels.includes(channel)) {
      yaml.add(`source "${source}" has no "${channel}"${suggestion(channel, channels)}`, at);
    }
    checkUnit(file.signals.get(id), text, kind?.unit?.(part?.raw, channel, base), at, yaml);
    const other = readers.get(text);
    if (other !== undefined) yaml.add(`${text} is already signal "${other}"`, at);
    readers.set(text, id);
  }
  for (const [id, { unit, convert }] of file.signals) {
    if (convert === undefined) continue;
    const problem = unit === undefined ? 'convert to what? say unit: too' : linearConversion(convert, unit);
    if (typeof problem === 'string') yaml.add(problem, ['signals', id, 'convert']);
  }
  // Only when every window could be read is it known that none covers a signal.
  if (file.windows.size < sizeOf(written['windows'])) return;
  for (const id of file.signals.keys()) {
    const covered = [...file.windows.values()].some((window) => covers(window, id));
    if (covered) continue;
    yaml.add(`no window covers "${id}": it feeds alerts only, nothing of it reaches the hub`, ['signals'], {
      key: id,
      severity: 'warning',
    });
  }
}

/** @param said the unit the source gives, if it says so */
function checkUnit(
  signal: Signal | undefined,
  channel: string,
  said: string | undefined,
  at: Path,
  yaml: YamlFile,
): void {
  const expected = signal?.convert ?? signal?.unit;
  if (said === undefined || expected === undefined || said === expected) return;
  const problem = `${channel} is in ${said}, by its source; this signal takes it for ${expected}`;
  const isConvertible = typeof linearConversion(said, expected) !== 'string';
  yaml.add(isConvertible ? `${problem}. Write convert: ${said}` : problem, at, { severity: 'warning' });
}

function checkWindows(file: GatewayFile, { yaml, written }: Context): void {
  const signalNames = namesIn(written, 'signals');
  const windows = Array.isArray(written['windows']) ? written['windows'] : [];
  for (const [index, window] of windows.entries()) {
    if (isRecord(window)) checkNames(window['of'], signalNames, 'signal', ['windows', index, 'of'], yaml);
  }
  const ids = new Set<string>();
  for (const [index, window] of file.windows) {
    const { id } = windowSpec(window);
    if (ids.has(id)) {
      yaml.add(`a window ${id} stands above; put its signals and statistics together`, ['windows', index]);
    }
    ids.add(id);
    checkWindow(index, window, file, yaml);
  }
}

function checkAlerts(file: GatewayFile, { yaml, written }: Context): void {
  const signalNames = namesIn(written, 'signals');
  const actionNames = [...namesIn(written, 'actions'), 'log'];
  for (const [id, alert] of entriesIn(written, 'alerts'))
    checkNames(alert['do'], actionNames, 'action', ['alerts', id, 'do'], yaml);
  for (const [id, alert] of file.alerts) checkAlert(id, alert, file, yaml, signalNames);
}

/** Every text of a list, or a text alone, must be one of the names. */
function checkNames(list: unknown, known: readonly string[], what: string, at: Path, yaml: YamlFile): void {
  if (typeof list === 'string' && list !== 'all' && !known.includes(list)) {
    yaml.add(`no ${what} "${list}"${suggestion(list, known)}`, at);
  }
  if (!Array.isArray(list)) return;
  for (const [place, name] of list.entries()) {
    if (typeof name === 'string' && !known.includes(name))
      yaml.add(`no ${what} "${name}"${suggestion(name, known)}`, [...at, place]);
  }
}

function namesIn(written: Readonly<Record<string, unknown>>, section: string): string[] {
  const value = written[section];
  return isRecord(value) ? Object.keys(value) : [];
}

function entriesIn(written: Readonly<Record<string, unknown>>, section: string): [string, Record<string, unknown>][] {
  const value = written[section];
  return isRecord(value)
    ? Object.entries(value).filter((entry): entry is [string, Record<string, unknown>] => isRecord(entry[1]))
    : [];
}

function sizeOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every channel the signals read, as far as it is written as one. */
function channelsIn(written: Readonly<Record<string, unknown>>): { id: string; text: string; at: Path }[] {
  return entriesIn(written, 'signals').flatMap(([id, { from }]) => {
    const texts: [unknown, Path][] = Array.isArray(from)
      ? from.map((text: unknown, place) => [text, ['signals', id, 'from', place]])
      : [[from, ['signals', id, 'from']]];
    return texts.flatMap(([text, at]) => (typeof text === 'string' && text.includes('.') ? [{ id, text, at }] : []));
  });
}
