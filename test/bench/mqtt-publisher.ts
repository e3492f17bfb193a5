// Publishes messages of a plant as fast as the broker takes them. The packets are made beforehand: the machine's cores are for
// broker and agent.

import { once } from 'node:events';
import { connect } from 'node:net';
import { generate, parser } from 'mqtt-packet';

export const devices = 100;
const packetsMade = 10_000;
/** Unacknowledged messages at QoS 1. */
const window = 2000;
/** Packets of one write at QoS 0. */
const batch = 500;

/** @returns when the broker has acknowledged everything, or at QoS 0 when everything is written */
export async function publish(port: number, messages: number, qos: 0 | 1): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  const packets = parser({ protocolVersion: 4 });
  socket.on('data', (chunk) => packets.parse(chunk));
  const connected = once(packets, 'packet');
  const connection = {
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: 'publisher',
    keepalive: 0,
  } as const;
  socket.write(generate({ cmd: 'connect', ...connection }));
  await connected;
  const made = Array.from({ length: packetsMade }, (_, index) => packetOf(index, qos));
  if (qos === 0) {
    for (let sent = 0; sent < messages; sent += batch) {
      const first = sent % packetsMade;
      const chunk = Buffer.concat(made.slice(first, first + Math.min(batch, messages - sent)));
      if (!socket.write(chunk)) await once(socket, 'drain');
    }
    await new Promise<void>((ended) => socket.end(generate({ cmd: 'disconnect' }), () => ended()));
    return;
  }
  let sent = 0;
  let acked = 0;
  const done = Promise.withResolvers<void>();
  const sendMore = (): void => {
    const chunk: Buffer[] = [];
    for (; sent < messages && sent - acked < window; sent++) chunk.push(made[sent % packetsMade] ?? Buffer.alloc(0));
    if (chunk.length > 0) socket.write(Buffer.concat(chunk));
  };
  packets.on('packet', ({ cmd }) => {
    if (cmd === 'puback') acked += 1;
    if (sent - acked < window / 2) sendMore();
    if (acked === messages) done.resolve();
  });
  sendMore();
  await done.promise;
  socket.end();
}

/** Every message of the first ten thousand has its own id: more than are on their way at a time. */
function packetOf(index: number, qos: 0 | 1): Buffer {
  const payload = JSON.stringify({ temp: 30 + (index % 700) / 100, rh: 40 + (index % 130) / 10 });
  const topic = `plant/device-${index % devices}`;
  return generate({ cmd: 'publish', topic, payload, qos, dup: false, retain: false, messageId: index + 1 });
}
