// Sensors that publish to a real broker and remember what it took.

import { setTimeout as sleep } from 'node:timers/promises';
import { MqttSession } from '@weir/edge-agent/mqtt/session.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';

const started = Date.UTC(2026, 0, 1);

export interface Issued {
  readonly device: string;
  readonly time: number;
  readonly value: number;
}

/** Publishes readings as `bench/{device}/temp`, each once the broker has taken the one before, until the signal aborts. */
export async function sense(port: number, device: string, signal: AbortSignal): Promise<Issued[]> {
  const issued: Issued[] = [];
  const session = await MqttSession.connect(
    {
      url: `mqtt://127.0.0.1:${port}`,
      clientId: `sensor-${device}`,
      protocolVersion: 4,
      clean: true,
      keepaliveS: 60,
      maxPacketBytes: 1024,
      onMessage: () => undefined,
    },
    AbortSignal.timeout(30_000),
  );
  const random = randomFrom(device.length);
  while (!signal.aborted) {
    const reading = { device, time: started + issued.length * 20, value: Math.round(random() * 4000) / 100 };
    const payload = Buffer.from(JSON.stringify({ t: reading.time, v: reading.value }));
    await session.publish(`bench/${device}/temp`, payload);
    issued.push(reading);
    if (issued.length % 20 === 0) await sleep(20);
  }
  await session.end();
  return issued;
}
