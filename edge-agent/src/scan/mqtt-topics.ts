// What a broker's sensors publish: everything is subscribed to for a while, and topics that differ in one or two levels only are
// taken for one template.

import { bareValue } from '../formats/json.ts';
import { ReadingBatch } from '../formats/batch.ts';
import { messageOf } from '../logger.ts';
import { readCredentials, type BrokerLogin } from '../mqtt/options.ts';
import { MqttSession } from '../mqtt/session.ts';
import { Router } from '../sources/router.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { nameOf, quoted, type Finding, type SuggestedSource } from './finding.ts';
import { guessFormat, isRecord } from './guess-format.ts';

/** Of a busy broker more are not told apart. */
const mostTopics = 2000;
const shownTopics = 30;

export interface MqttScan extends BrokerLogin {
  readonly url: string;
  readonly listenMs: number;
}

/** What was last published on each topic. */
export type Heard = ReadonlyMap<string, string>;

export async function findTopics(scan: MqttScan): Promise<Finding> {
  const what = `MQTT topics of ${scan.url}`;
  try {
    const heard = await hear(scan);
    const shown = [...heard].slice(0, shownTopics).map(([topic, payload]) => `${topic}  ${payload.slice(0, 60)}`);
    const more = heard.size > shownTopics ? [`and ${heard.size - shownTopics} more`] : [];
    const lines = heard.size === 0 ? [`nothing was published within ${scan.listenMs / 1000} s`] : [...shown, ...more];
    return { what, lines, sources: suggestTopics(scan.url, heard) };
  } catch (error) {
    return { what, lines: [messageOf(error)], sources: [] };
  }
}

async function hear({ url, listenMs, ...login }: MqttScan): Promise<Heard> {
  const heard = new Map<string, string>();
  const session = await MqttSession.connect(
    {
      url,
      clientId: `weir-scan-${process.pid}`,
      ...readCredentials(login, '.'),
      protocolVersion: 4,
      clean: true,
      keepaliveS: 30,
      maxPacketBytes: 1024 * 1024,
      onMessage: ({ topic, payload }) => {
        if (heard.has(topic) || heard.size < mostTopics) heard.set(topic, payload.toString());
      },
    },
    AbortSignal.timeout(listenMs + 15_000),
  );
  await session.subscribe(['#'], 0);
  await new Promise((over) => setTimeout(over, listenMs));
  await session.end();
  return heard;
}

interface Topic {
  readonly levels: readonly string[];
  readonly payload: string;
}

/** Sources that would read these topics. */
export function suggestTopics(url: string, heard: Heard): SuggestedSource[] {
  const sparkplug = new Set(
    [...heard.keys()].filter((topic) => topic.startsWith('spBv1.0/')).map((topic) => topic.split('/')[1] ?? ''),
  );
  const plain = [...heard].filter(
    ([topic]) => !topic.startsWith('spBv1.0/') && !topic.startsWith('$') && !topic.startsWith('weir/'),
  );
  const families = Map.groupBy(
    plain.map(([topic, payload]): Topic => ({ levels: topic.split('/'), payload })),
    ({ levels, payload }) => `${levels[0]}/${levels.length}/${isRecord(parsed(payload))}`,
  );
  const spoken = [...families.values()].flatMap((family) => suggestFamily(url, family));
  const sparks = [...sparkplug].map((group) => ({
    name: nameOf(group),
    entry: `{ mqtt: ${quoted(url)}, topics: [${JSON.stringify(`spBv1.0/${group}/#`)}], format: sparkplug }`,
    note: 'Sparkplug B: name its metrics as signals',
    isGuess: true,
    channels: [],
  }));
  return [...spoken, ...sparks];
}

function suggestFamily(url: string, topics: readonly Topic[]): SuggestedSource[] {
  const [first] = topics;
  if (first === undefined) return [];
  const varying = first.levels.map((_, at) => new Set(topics.map(({ levels }) => levels[at])).size > 1);
  const places = varying.flatMap((varies, at) => (varies ? [at] : []));
  const isObject = isRecord(parsed(first.payload));
  const values = topics.filter(({ payload }) => bareValue(payload, emptyBatch) !== undefined);
  if (!isObject && values.length === 0) return [];
  // Of numbers alone the last level is what is measured; objects name that themselves.
  const signalAt = isObject ? undefined : first.levels.length - 1;
  const deviceAt =
    places.findLast((at) => at !== signalAt) ??
    (first.levels.length > 2 && signalAt !== undefined ? signalAt - 1 : undefined);
  const template = first.levels.map((level, at) =>
    at === signalAt ? '{signal}' : at === deviceAt ? '{device}' : varying[at] === true ? '+' : level,
  );
  const named = isObject
    ? (guessFormat(topics.map(({ payload }) => payload)) ?? { keys: 'format: json', channels: [] })
    : {
        keys: '',
        channels: [...new Set(values.map(({ levels }) => levels.at(-1) ?? ''))].map((channel) => ({ channel })),
      };
  const keys = named.keys.replace(/^format: json(, )?/, '');
  const usable = named.channels.filter(({ channel }) => /^[^\s"']+$/.test(channel));
  const entry = `{ mqtt: ${quoted(url)}, topics: [${JSON.stringify(template.join('/'))}]${keys === '' ? '' : `, ${keys}`} }`;
  return [
    {
      name: nameOf(first.levels[0] === '' ? (first.levels[1] ?? 'plant') : (first.levels[0] ?? 'plant')),
      entry,
      channels: usable,
    },
  ];
}

/** Only for its words, of which it has none. */
const emptyBatch = new ReadingBatch('scan', new Router(new Map(), new SeriesTable(0)), 0);

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return undefined;
  }
}
