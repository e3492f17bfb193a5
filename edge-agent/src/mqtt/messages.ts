// What a message becomes: device and channel by its topic, values and times by its payload.

import type { ReadingBatch } from '../formats/batch.ts';
import type { Decode, FormatOptions } from '../formats/format.ts';
import { bareValue, JsonValue } from '../formats/json.ts';
import { formatNames, formats } from '../formats/registry.ts';
import { SparkplugDecoder, type Asked } from './sparkplug.ts';
import { TopicTemplate } from './topic-template.ts';

export const messageFormats = [...formatNames.filter((name) => name !== 'nmea'), 'sparkplug'] as const;

export interface MessageOptions extends Omit<FormatOptions, 'ownDevice'> {
  /** Id of the source: the device of topics that name none. */
  readonly source: string;
  readonly topics: readonly string[];
  /** Group of a shared subscription. */
  readonly share?: string | undefined;
  readonly format: (typeof messageFormats)[number];
  /** JSON with the signal in the topic: field with the value. */
  readonly value: string;
}

interface Names {
  readonly device: string | undefined;
  readonly signal: string | undefined;
}

/** Topics of sensors come again and again. */
const topicsKept = 20_000;

export class MessageDecoder {
  /** What to subscribe to. */
  readonly filters: readonly string[];
  readonly #options: MessageOptions;
  readonly #templates: readonly TopicTemplate[];
  readonly #decode: Decode | undefined;
  readonly #sparkplug: SparkplugDecoder | undefined;
  readonly #decodeValue: JsonValue;
  readonly #names = new Map<string, Names | undefined>();

  constructor(options: MessageOptions) {
    this.#options = options;
    this.#templates = options.topics.map((topic) => new TopicTemplate(topic));
    const { format, share } = options;
    this.filters = this.#templates.map(({ filter }) => (share === undefined ? filter : `$share/${share}/${filter}`));
    const ownDevice = !options.topics.every((topic) => topic.includes('{device}'));
    this.#sparkplug = format === 'sparkplug' ? new SparkplugDecoder() : undefined;
    this.#decode = format === 'sparkplug' ? undefined : formats[format].prepare({ ...options, ownDevice });
    this.#decodeValue = new JsonValue(options);
  }

  /** @returns what to ask the sender for, when it must be asked */
  decode(topic: string, payload: Buffer, batch: ReadingBatch): Asked | undefined {
    if (this.#sparkplug !== undefined) return this.#sparkplug.decode(topic, payload, batch);
    this.#decodeMessage(topic, payload, batch);
    return undefined;
  }

  #decodeMessage(topic: string, payload: Buffer, batch: ReadingBatch): void {
    const names = this.#namesIn(topic);
    if (names === undefined) {
      batch.dead('unmapped', topic, 'the topic matches none of the templates', payload.toString());
      return;
    }
    const device = names.device ?? this.#options.source;
    if (names.signal !== undefined) {
      this.#decodeValue.decode(payload.toString(), device, names.signal, batch);
      return;
    }
    // A number alone is of the channel the topic ends in.
    const bare =
      this.#options.format === 'json' && payload.length <= 32 ? bareValue(payload.toString(), batch) : undefined;
    if (bare === undefined) this.#decode?.(payload, device, batch);
    else batch.value(device, topic.slice(topic.lastIndexOf('/') + 1), batch.arrival, bare, payload.toString());
  }

  #namesIn(topic: string): Names | undefined {
    if (this.#names.has(topic)) return this.#names.get(topic);
    let names: Names | undefined;
    for (const template of this.#templates) {
      names = template.match(topic);
      if (names !== undefined) break;
    }
    if (this.#names.size >= topicsKept) this.#names.clear();
    this.#names.set(topic, names);
    return names;
  }
}
