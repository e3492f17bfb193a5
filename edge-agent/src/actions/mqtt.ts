// Publishes what there is to tell to a broker, QoS 1: as JSON of our own, or as the gateway file words it.

import * as z from 'zod';
import { brokerLogin, brokerUrl, readCredentials } from '../mqtt/options.ts';
import { MqttSession } from '../mqtt/session.ts';
import { messageKind, type Action, type ActionContext } from './action.ts';
import { deliverySettings } from './delivery.ts';
import { fieldsOf, noticeJson, type Notice } from './notice.ts';
import { fill, template, topicLevel } from './template.ts';

const schema = z.strictObject({
  mqtt: brokerUrl.describe('Address of the broker.'),
  topic: template
    .min(1)
    .refine((text) => !/[+#]/.test(text), 'a message goes to one topic: no + and # in it')
    .describe('Topic, with [placeholders](actions/README.md#placeholders).'),
  body: template
    .optional()
    .describe(
      'What is published, with [placeholders](actions/README.md#placeholders). Default: the transition as JSON.',
    ),
  retain: z
    .boolean()
    .default(false)
    .describe('Whether the broker keeps the message for later subscribers. Default false.'),
  ...brokerLogin,
  ...deliverySettings,
});

type Config = z.output<typeof schema>;

export const mqtt = messageKind({
  key: 'mqtt',
  schema,
  make: (config, context) => new MqttAction(config, context),
});

class MqttAction implements Action {
  readonly #config: Config;
  readonly #context: ActionContext;
  #session: MqttSession | undefined;

  constructor(config: Config, context: ActionContext) {
    this.#config = config;
    this.#context = context;
  }

  async perform(notice: Notice, signal: AbortSignal): Promise<void> {
    const { topic, body, retain } = this.#config;
    const fields = fieldsOf(notice, this.#context);
    const payload = body === undefined ? JSON.stringify(noticeJson(this.#context.gateway, notice)) : fill(body, fields);
    const session = (this.#session ??= await this.#connect(signal));
    const cut = (): void => session.destroy();
    signal.addEventListener('abort', cut);
    try {
      // Also when it was told to stop while it connected.
      if (signal.aborted) cut();
      await session.publish(fill(topic, fields, topicLevel), Buffer.from(payload), retain);
    } finally {
      signal.removeEventListener('abort', cut);
    }
  }

  async close(): Promise<void> {
    await this.#session?.end();
  }

  async #connect(signal: AbortSignal): Promise<MqttSession> {
    const { mqtt: url } = this.#config;
    const { id, gateway, base } = this.#context;
    const session = await MqttSession.connect(
      {
        url,
        clientId: `weir-${gateway}-action-${id}`,
        ...readCredentials(this.#config, base),
        protocolVersion: 4,
        clean: true,
        keepaliveS: 30,
        maxPacketBytes: 65_536,
        onMessage: () => undefined,
      },
      signal,
    );
    session.closed.then(
      () => {
        if (this.#session === session) this.#session = undefined;
      },
      () => undefined,
    );
    return session;
  }
}
