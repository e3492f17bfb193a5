// Any MQTT broker: subscribe to topics, decode messages, acknowledge after the commit.
//
// QoS 1 or 2 and a persistent session: what the broker sent and was not acknowledged, it sends again after a crash or a cut link.
// MQTT 5 is tried first, for its receive maximum: 3.1.1 brokers hold back after 20 unacknowledged messages or so, which
// would turn a commit every 500 ms into 40 messages a second. Against such a broker the agent commits more often, on demand.
//
// Messages that come between two pulls form one delivery; when too many wait, the socket is not read any further.

import type { IPublishPacket } from 'mqtt-packet';
import * as z from 'zod';
import { ReadingBatch } from '../formats/batch.ts';
import { timeUnits } from '../formats/time-field.ts';
import { Inbox } from '../mqtt/inbox.ts';
import { MessageDecoder, messageFormats } from '../mqtt/messages.ts';
import { brokerLogin, brokerUrl, readCredentials } from '../mqtt/options.ts';
import type { LargeMessage } from '../mqtt/packet-limit.ts';
import { MqttRefused, MqttSession } from '../mqtt/session.ts';
import { rebirthCommand } from '../mqtt/sparkplug-payload.ts';
import { sourceKind, type Delivery, type Source, type SourceContext } from './source.ts';
import { TopicTemplate } from '../mqtt/topic-template.ts';
import { words } from './words.ts';

const maxPacketBytes = 1024 * 1024;
const receiveMaximum = 20_000;
/** So many unacknowledged messages, and a 3.1.1 broker with default settings may be waiting for us. */
const stallsAt = 10;

const schema = z
  .strictObject({
    mqtt: brokerUrl.describe('Address of the broker.'),
    topics: z
      .array(
        z.string().refine((text) => TopicTemplate.problem(text) === undefined, {
          error: ({ input }) => TopicTemplate.problem(String(input)) ?? '',
        }),
      )
      .min(1)
      .superRefine((topics, context) => {
        const pair = overlapping(topics);
        if (pair === undefined) return;
        const message = `${pair.join(' and ')} overlap: a broker delivers what both match twice, and it would be counted twice`;
        context.addIssue({ code: 'custom', message });
      })
      .describe('Topics to subscribe to; `{device}` and `{signal}` stand for one level each, `+` and `#` as in MQTT.'),
    ...brokerLogin,
    clientId: z.string().optional().describe('Default: `weir-{gateway}-{source}`.'),
    version: z.enum(['auto', '5', '3.1.1']).default('auto').describe('MQTT version. Default auto: 5, else 3.1.1.'),
    format: z.enum(messageFormats).default('json').describe('What a message is: [formats](formats.md). Default json.'),
    value: z
      .string()
      .default('value')
      .describe('JSON with `{signal}` in the topic: field of the payload with the value. Default `value`.'),
    columns: z.array(z.string().min(1)).min(1).optional().describe('CSV: the names of the columns.'),
    separator: z.string().min(1).default(',').describe('CSV: between the columns. Default `,`.'),
    time: z.string().optional().describe('Field with the event time. Without it, the time of arrival is taken.'),
    timeUnit: z.enum(timeUnits).default('ms').describe('Unit of a numeric event time since 1970. Default ms.'),
    qos: z
      .union([z.literal(0), z.literal(1), z.literal(2)])
      .default(1)
      .describe('Quality of service asked for; 0 is not repeated after a cut link. Default 1.'),
    share: z
      .string()
      .regex(/^[^+#/\s]+$/, 'the name of a group has no +, # or /')
      .optional()
      .describe('Group of a shared subscription: each message goes to one of the agents that name it.'),
    words,
  })
  .superRefine(({ format, topics, columns }, context) => {
    const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if (format === 'csv' && columns === undefined)
      refuse('format', 'csv needs the names of its columns, such as columns: [t, rh]');
    const named = topics.filter((topic) => /\{(device|signal)\}/.test(topic));
    if (format === 'sparkplug' && (named.length > 0 || topics.some((topic) => !topic.startsWith('spBv1.0/'))))
      refuse(
        'topics',
        'topics of Sparkplug begin with spBv1.0/, and name device and signal themselves: spBv1.0/plant/#',
      );
    if (format !== 'json' && topics.some((topic) => topic.includes('{signal}')))
      refuse('topics', `{signal} in a topic is for JSON; in ${format} the message names its signals`);
  });

type Config = z.output<typeof schema>;

export const mqtt = sourceKind({
  key: 'mqtt',
  schema,
  channels: ({ format, columns, time }) =>
    format === 'csv' ? columns?.filter((column) => column !== '-' && column !== time) : undefined,
  device: ({ topics, format }, id) =>
    topics.some((topic) => topic.includes('{device}')) || format === 'senml' || format === 'sparkplug' ? undefined : id,
  make: (config, context) => new MqttSource(config, context),
});

class MqttSource implements Source {
  readonly #config: Config;
  readonly #context: SourceContext;
  readonly #messages: MessageDecoder;
  /** Ids of messages of QoS 2 that are safe and not released yet. */
  readonly #received = new Set<number>();
  #protocolVersion: 4 | 5;
  /** Messages taken and not yet acknowledged. */
  #unacked = 0;

  constructor(config: Config, context: SourceContext) {
    this.#config = config;
    this.#context = context;
    this.#messages = new MessageDecoder({ ...config, source: context.id, channels: context.router.channels() });
    this.#protocolVersion = config.version === '3.1.1' ? 4 : 5;
  }

  async *open(signal: AbortSignal): AsyncGenerator<Delivery> {
    const inbox = new Inbox();
    this.#unacked = 0;
    const session = await this.#connect(inbox, signal);
    const stop = (): void => inbox.wake();
    signal.addEventListener('abort', stop);
    let lost: Error | undefined;
    const fail = (error: unknown): void => {
      lost ??= error instanceof Error ? error : new Error(String(error));
      inbox.wake();
    };
    session.closed.then(fail, fail);
    try {
      inbox.limitBy(session);
      // Not awaited: a broker with much in store sends it before it answers, and somebody must take that in.
      session.subscribe(this.#messages.filters, this.#config.qos).then(() => this.#context.opened(), fail);
      while (!signal.aborted) {
        const large = inbox.takeLarge();
        if (large.length > 0) yield this.#refuse(large);
        if (inbox.size === 0) {
          if (lost !== undefined) throw lost;
          if (this.#protocolVersion === 4 && this.#unacked >= stallsAt) this.#context.hurry();
          await inbox.filled();
          continue;
        }
        yield this.#decode(inbox.take(), session);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await session.end();
    }
  }

  async #connect(inbox: Inbox, signal: AbortSignal): Promise<MqttSession> {
    const { mqtt: url, clientId, version } = this.#config;
    const { gateway, id, base } = this.#context;
    const options = {
      url,
      clientId: clientId ?? `weir-${gateway}-${id}`,
      ...readCredentials(this.#config, base),
      received: this.#received,
      clean: false,
      keepaliveS: 30,
      receiveMaximum,
      maxPacketBytes,
      onMessage: (packet: IPublishPacket) => inbox.add(packet),
      onTooLarge: (message: LargeMessage) => inbox.addLarge(message),
    };
    try {
      return await MqttSession.connect({ ...options, protocolVersion: this.#protocolVersion }, signal);
    } catch (error) {
      const tooNew = this.#protocolVersion === 5 && version === 'auto' && !signal.aborted && isVersionRefusal(error);
      if (!tooNew) throw error;
      this.#protocolVersion = 4;
      return MqttSession.connect({ ...options, protocolVersion: 4 }, signal);
    }
  }

  #decode(packets: readonly IPublishPacket[], session: MqttSession): Delivery {
    const { id, clock, router } = this.#context;
    const received = clock.monotonicMs();
    const batch = new ReadingBatch(id, router, clock.now(), this.#config.words);
    for (const { topic, payload } of packets) {
      const asked = this.#messages.decode(topic, toBytes(payload), batch);
      // Nobody waits for it: who does not answer is asked again with what it says next.
      if (asked !== undefined) void session.publish(asked.topic, rebirthCommand(batch.arrival)).catch(() => undefined);
    }
    // Only the numbers wait for the commit: the packets hold on to whole chunks of the socket's memory.
    const idsOf = (wanted: number): number[] =>
      packets.flatMap(({ qos, messageId }) => (qos === wanted && messageId !== undefined ? [messageId] : []));
    const [one, two] = [idsOf(1), idsOf(2)];
    this.#unacked += one.length + two.length;
    const ack = (): void => {
      this.#unacked = Math.max(0, this.#unacked - one.length - two.length);
      session.acknowledge(one, two);
    };
    const attempt = packets[0]?.dup === true ? 'again' : 'first';
    return { readings: batch.readings, deadLetters: batch.deadLetters, arrival: batch.arrival, received, attempt, ack };
  }

  #refuse(messages: readonly LargeMessage[]): Delivery {
    const { id, clock, router } = this.#context;
    const batch = new ReadingBatch(id, router, clock.now());
    for (const { topic, bytes } of messages) {
      batch.dead('malformed', topic, `a message of ${bytes} bytes; at most ${maxPacketBytes} are read`, '');
    }
    const { deadLetters, arrival } = batch;
    return { readings: [], deadLetters, arrival, received: clock.monotonicMs(), attempt: 'only', ack: () => undefined };
  }
}

/** The first two templates one topic can match, if there are such. */
function overlapping(topics: readonly string[]): [string, string] | undefined {
  const templates = topics.map((text) => ({ text, template: new TopicTemplate(text) }));
  for (const [index, one] of templates.entries()) {
    const other = templates.slice(index + 1).find(({ template }) => template.overlaps(one.template));
    if (other !== undefined) return [one.text, other.text];
  }
  return undefined;
}

function toBytes(payload: string | Buffer): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

/** Brokers that speak 3.1.1 only answer with code 1, or just hang up. */
function isVersionRefusal(error: unknown): boolean {
  if (error instanceof MqttRefused) return error.code === 1 || error.code === 0x84;
  return error instanceof Error && error.message === 'the connection was closed';
}
