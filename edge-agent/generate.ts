// Writes what is made from the gateway file's schema: gateway.schema.json for editors, and the tables in
// docs/gateway-file.md. `staleFiles` says whether what is committed is older than the schema.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewayJsonSchema } from '@weir/shared/config/json-schema.ts';
import {
  alertSchema,
  hubParts,
  settingsSchema,
  signalSchema,
  thingSchema,
  windowSchema,
} from '@weir/shared/config/schema.ts';
import { functions } from '@weir/shared/expression/expression-functions.ts';
import { knownUnits } from '@weir/shared/model/units.ts';
import * as z from 'zod';
import { actionKinds } from './src/actions/registry.ts';
import { sourceKinds } from './src/sources/registry.ts';

const root = join(import.meta.dirname, '..');

const propertySchema = z.object({
  description: z.string().optional(),
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  examples: z.array(z.string()).optional(),
});
const objectSchema = z.object({
  properties: z.record(z.string(), propertySchema),
  required: z.array(z.string()).default([]),
});

function files(): Map<string, string> {
  const schema = gatewayJsonSchema({ sources: sourceKinds, actions: actionKinds });
  return new Map([
    ['edge-agent/gateway.schema.json', `${JSON.stringify(schema, null, 2)}\n`],
    ['docs/gateway-file.md', reference()],
  ]);
}

/** Paths, from the root of the project, that are not what would be generated now. */
export function staleFiles(): string[] {
  return [...files()]
    .filter(([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text)
    .map(([path]) => path);
}

function reference(): string {
  const kinds = [
    ...sourceKinds.map((kind) => ({ kind, of: 'source' })),
    ...actionKinds.map((kind) => ({ kind, of: 'action' })),
  ];
  return [
    '# The gateway file',
    '',
    'One YAML file says what a gateway reads, what it means, what is computed, and what raises an alert.',
    '`weir-agent check gateway.yaml` reports every mistake at once, each as `file:line:column`.',
    'For completion in an editor, put this on the first line:',
    '',
    '    # yaml-language-server: $schema=https://example.org/weir/gateway.schema.json',
    '',
    'with the address or path of `edge-agent/gateway.schema.json`. This page is made from the same schema by `npm run generate`.',
    '',
    '| key | what |',
    '|---|---|',
    '| `gateway` | Name of this gateway, everywhere: identity, topics, tag. Required. |',
    '| `hub` | Address of the hub, `mqtt://host:port` or `mqtts://host`, or a map as [below](#hub). The key comes from its file or from `WEIR_HUB_KEY`. Without `hub` the gateway works alone. |',
    '| `data` | Folder of journal and outbox. Default `weir-data/{gateway}`. |',
    '| `sources`, `actions` | Maps of name to one of the kinds below. |',
    '| `signals`, `alerts` | Maps of name to what the tables below list. |',
    '| `windows` | A list of what the table below lists. |',
    '| `thing` | Serves the gateway as a [Thing](thing.md), as [below](#thing). Without it nothing listens. |',
    '| `settings` | Limits and intervals, all with defaults. |',
    '',
    ...section('hub', 'Where panes and alerts go, when there is more to say than its address.', hubParts),
    ...section('signals', 'What is measured. Its name is the measurement at the hub.', signalSchema),
    ...section(
      'windows',
      'Event-time windows: tumbling (`every`), hopping (`every` and `slide`), session, or count. The first one that covers a signal, and that is not hopping, accounts for its readings in the loss ledger. Windows follow UTC, or a time zone: `{ every: 1d, zone: Europe/Zurich }` is a local day, of 23 or 25 hours where the clocks change ([decision 011](decisions/011-zones.md)).',
      windowSchema,
    ),
    ...section(
      'alerts',
      'Rules, and when somebody is told: [alerts.md](alerts.md). They are looked at on every reading, before disk and network. One of `when`, `anomaly` and `silent`.',
      alertSchema,
    ),
    ...section('thing', 'The gateway as a Thing of the Web of Things: [thing.md](thing.md).', thingSchema),
    ...section('settings', 'Limits and intervals.', settingsSchema),
    ...kinds.flatMap(({ kind, of }) =>
      section(`${of}: ${kind.key}`, `More in [docs/${of}s/${kind.key}.md](${of}s/${kind.key}.md).`, kind.schema),
    ),
    '## Formulas',
    '',
    'A signal with `formula` is computed on the gateway: `dew_point: { formula: "temperature - (100 - humidity) / 5", unit: °C }` has a reading for every',
    'device and event time at which `temperature` and `humidity` have one. Where the event times differ, `align: 1s` takes together what falls into the same',
    'second; where the devices differ, `with` says whose signal a name stands for, and `device` whose the result is:',
    '`spread: { formula: "hot - cold", with: { hot: oven/temperature, cold: store/temperature }, device: line, align: 1s }`.',
    'Numbers, `+ - * / % ^`, comparisons with `and`, `or`, `not` and `? :`, and the functions',
    `${[...functions.keys()].map((name) => `\`${name}\``).join(' ')}; the constants \`pi\` and \`e\`.`,
    '',
    '## Units',
    '',
    knownUnits.map((unit) => `\`${unit}\``).join(' '),
    '',
    '## How things are written',
    '',
    'Durations: a number and `ms`, `s`, `m`, `h`, `d` or `w`. Sizes: a number and `B`, `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`.',
    'Ranges: `low..high`, either side may be left out. Conditions: [alerts.md](alerts.md#conditions).',
    'Names: letters, digits, `_`, `-` and `.`, at most 64.',
    '',
  ].join('\n');
}

function section(title: string, text: string, schema: z.ZodType): string[] {
  const { properties, required } = objectSchema.parse(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  const rows = Object.entries(properties).map(([key, { description = '', enum: values, examples }]) => {
    const allowed = values === undefined ? '' : ` One of ${values.map((value) => `\`${value}\``).join(', ')}.`;
    const example = examples?.[0] === undefined ? '' : ` Such as \`${examples[0]}\`.`;
    return `| \`${key}\` | ${required.includes(key) ? 'yes' : ''} | ${`${description}${allowed}${example}`.replaceAll('|', '\\|')} |`;
  });
  return [`## ${title}`, '', text, '', '| key | required | what |', '|---|---|---|', ...rows, ''];
}

if (import.meta.main) for (const [path, text] of files()) writeFileSync(join(root, path), text);
