// The connection to the hub over MQTT 3.1.1.

import { MqttSession } from '../mqtt/session.ts';
import type { HubLink } from './hub-link.ts';

const keepaliveS = 20;
const maxPacketBytes = 256 * 1024;

/** @param url mqtt:// or mqtts:// */
export function mqttLink(url: string): HubLink {
  return async ({ gateway, key, will, received }, signal) => {
    const session: MqttSession = await MqttSession.connect(
      {
        url,
        clientId: gateway,
        username: gateway,
        password: key,
        protocolVersion: 4,
        clean: true,
        keepaliveS,
        maxPacketBytes,
        will,
        onMessage: ({ topic, payload, qos, messageId }) => {
          received(topic, typeof payload === 'string' ? Buffer.from(payload) : payload);
          if (qos > 0 && messageId !== undefined) session.acknowledge([messageId], []);
        },
      },
      signal,
    );
    return {
      closed: session.closed,
      subscribe: (topics) => session.subscribe(topics, 1),
      publish: (topic, payload, retain) => session.publish(topic, payload, retain),
      end: () => session.end(),
      destroy: () => session.destroy(),
    };
  };
}
