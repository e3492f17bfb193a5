// Publishes the transition as JSON to a broker, QoS 1. `{device}`, `{signal}`, `{rule}` and `{gateway}` in the topic are
// filled in.

import { z } from 'zod';
import { brokerLogin, brokerUrl, readSecret } from '../mqtt/options.ts';
import { MqttSession } from '../mqtt/session.ts';
import { actionKind, transitionMessage, type Action, type ActionContext } from './action.ts';

const schema = z.strictObject({
  mqtt: brokerUrl.describe('Address of the broker.'),
  topic: z.string().min(1).describe('Topic; `{gateway}`, `{rule}`, `{device}` and `{signal}` are filled in.'),
  retain: z
    .boolean()
    .default(false)
    .describe('Whether the broker keeps the message for later subscribers. Default false.'),
  ...brokerLogin,
});

export const mqtt = actionKind({
  key: 'mqtt',
  schema,
  make: (config, context) => new MqttAction(config, context),
});

class MqttAction implements Action {
  readonly #config: z.output<typeof schema>;
  readonly #context: ActionContext;
  #session: MqttSession | undefined;

  constructor(config: z.output<typeof schema>, context: ActionContext) {
    this.#config = config;
    this.#context = context;
  }

  async perform(transition: Parameters<Action['perform']>[0], signal: AbortSignal): Promise<void> {
    const session = (this.#session ??= await this.#connect(signal));
    const message = transitionMessage(this.#context.gateway, transition);
    const topic = this.#config.topic.replaceAll(/\{(gateway|rule|device|signal)\}/g, (_, key: string) =>
      String(message[key]),
    );
    const cut = (): void => session.destroy();
    signal.addEventListener('abort', cut);
    try {
      await session.publish(topic, Buffer.from(JSON.stringify(message)), this.#config.retain);
    } finally {
      signal.removeEventListener('abort', cut);
    }
  }

  async close(): Promise<void> {
    await this.#session?.end();
  }

  async #connect(signal: AbortSignal): Promise<MqttSession> {
    const { mqtt: url, username, passwordFile } = this.#config;
    const { id, gateway, base } = this.#context;
    const session = await MqttSession.connect(
      {
        url,
        clientId: `weir-${gateway}-action-${id}`,
        username,
        password: readSecret(passwordFile, base),
        protocolVersion: 4,
        clean: true,
        keepaliveS: 30,
        maxPacketBytes: 65_536,
        onMessage: () => undefined,
      },
      signal,
    );
    session.closed.then(
      () => (this.#session = undefined),
      () => undefined,
    );
    return session;
  }
}
