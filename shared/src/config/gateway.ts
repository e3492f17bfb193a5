// Reads and checks a gateway file. Every mistake is found in one go: each entry is checked by its own schema, so that a
// wrong one hides nobody else's mistakes, and the checks across entries (checks.ts) run on what is valid.

import * as z from 'zod';
import { adoptUnits } from './adopt-units.ts';
import { checkAcross } from './checks.ts';
import type { GatewayFile } from './gateway-file.ts';
import type { ConfigKind, Kinds, Part } from './kinds.ts';
import { alertSchema, hubSchema, name, settingsSchema, signalSchema, thingSchema, windowSchema } from './schema.ts';
import { suggestion, YamlFile, type Path, type Problem } from './yaml-file.ts';

export interface GatewayCheck {
  /** Undefined when there is an error among the problems. */
  readonly file: GatewayFile | undefined;
  readonly problems: readonly Problem[];
}

const sections = [
  'gateway',
  'hub',
  'data',
  'sources',
  'signals',
  'windows',
  'alerts',
  'actions',
  'thing',
  'settings',
] as const;

/**
 * @param text the YAML @param kinds the sources and actions this agent has
 * @param base folder of the file: what it names by relative paths is looked at too, as far as kinds do
 */
export function readGatewayFile(text: string, kinds: Kinds, base?: string): GatewayCheck {
  const yaml = new YamlFile(text);
  const root = yaml.value();
  if (!isRecord(root)) {
    if (yaml.problems().length === 0) yaml.add('a gateway file is a map that starts with gateway: and a name', []);
    return { file: undefined, problems: yaml.problems() };
  }
  for (const key of Object.keys(root)) {
    if (!(sections as readonly string[]).includes(key))
      yaml.add(`unknown key "${key}"${suggestion(key, sections)}`, [], { key });
  }
  const reader = new SectionReader(yaml, root, base);
  if (root['gateway'] === undefined)
    yaml.add('"gateway" is missing: the name of this gateway, such as gateway: line-3', []);
  const sources = reader.parts('sources', kinds.sources);
  const file: GatewayFile = {
    gateway: reader.one('gateway', name) ?? '',
    hub: reader.one('hub', hubSchema),
    data: reader.one('data', z.string().min(1)),
    sources,
    signals: adoptUnits(reader.named('signals', signalSchema), sources, kinds, base),
    windows: reader.list('windows', windowSchema),
    alerts: reader.named('alerts', alertSchema),
    actions: reader.parts('actions', kinds.actions),
    thing: reader.one('thing', thingSchema),
    settings: reader.one('settings', settingsSchema) ?? settingsSchema.parse({}),
  };
  checkAcross(file, { yaml, kinds, written: root, base });
  const problems = yaml.problems();
  return { file: problems.some((p) => p.severity === 'error') ? undefined : file, problems };
}

class SectionReader {
  readonly #yaml: YamlFile;
  readonly #root: Readonly<Record<string, unknown>>;
  readonly #base: string | undefined;

  constructor(yaml: YamlFile, root: Readonly<Record<string, unknown>>, base: string | undefined) {
    this.#yaml = yaml;
    this.#root = root;
    this.#base = base;
  }

  one<S extends z.ZodType>(section: string, schema: S): z.output<S> | undefined {
    const value = this.#root[section];
    return value === undefined ? undefined : this.#check(value, schema, [section]);
  }

  named<S extends z.ZodType>(section: string, schema: S): Map<string, z.output<S>> {
    const entries = new Map<string, z.output<S>>();
    for (const [key, value] of this.#entries(section)) {
      const checked = this.#check(value, schema, [section, key]);
      if (checked !== undefined) entries.set(key, checked);
    }
    return entries;
  }

  list<S extends z.ZodType>(section: string, schema: S): Map<number, z.output<S>> {
    const value = this.#root[section] ?? [];
    const entries = new Map<number, z.output<S>>();
    if (!Array.isArray(value)) {
      this.#yaml.add(`"${section}" is a list: each entry starts with "- "`, [section]);
      return entries;
    }
    for (const [index, entry] of value.entries()) {
      const checked = this.#check(entry, schema, [section, index]);
      if (checked !== undefined) entries.set(index, checked);
    }
    return entries;
  }

  parts(section: string, kinds: readonly ConfigKind[]): Map<string, Part> {
    const parts = new Map<string, Part>();
    const keys = kinds.map((kind) => kind.key);
    for (const [id, raw] of this.#entries(section)) {
      const found = isRecord(raw) ? Object.keys(raw) : [];
      const kind = kinds.find((candidate) => found.includes(candidate.key));
      if (kind === undefined) {
        const [first = ''] = found;
        const hint = found.length === 0 ? `; one of: ${keys.join(', ')}` : suggestion(first, keys);
        this.#yaml.add(`"${id}" does not say what it is${hint}`, [section, id]);
      } else if (this.#check(raw, kind.schema, [section, id]) !== undefined)
        parts.set(id, { kind: kind.key, raw, device: kind.device?.(raw, id, this.#base) });
    }
    return parts;
  }

  #entries(section: string): [string, unknown][] {
    const value = this.#root[section] ?? {};
    if (!isRecord(value)) {
      this.#yaml.add(`"${section}" is a map of names: write each as "name: { … }"`, [section]);
      return [];
    }
    return Object.entries(value).filter(([key]) => {
      const named = name.safeParse(key);
      if (!named.success)
        this.#yaml.add(`"${key}": ${named.error.issues[0]?.message ?? 'not a name'}`, [section], { key });
      return named.success;
    });
  }

  #check<S extends z.ZodType>(value: unknown, schema: S, path: Path): z.output<S> | undefined {
    const checked = schema.safeParse(value);
    if (checked.success) return checked.data;
    this.#yaml.addIssues(checked.error, path, (at) => (at.length === path.length ? keysOf(schema) : []));
    return undefined;
  }
}

function keysOf(schema: z.ZodType): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodUnion)
    return schema.options.flatMap((option) => (option instanceof z.ZodType ? keysOf(option) : []));
  return [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
