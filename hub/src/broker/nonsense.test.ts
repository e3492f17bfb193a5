// Whatever a connection sends, before it logged in or after: the hub lives on and serves the others.

import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { frame, pane } from '../testing/fixtures.ts';
import { MqttClient } from '../testing/mqtt-client.ts';
import { TestHub } from '../testing/test-hub.ts';

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom(
    'weir/v1/line-3/status',
    'weir/v1/line-3/up/panes',
    '#',
    '+/+',
    '$SYS/#',
    'a/'.repeat(200),
    '__proto__',
    '',
  ),
);
const messageId = fc.integer({ min: 1, max: 5 });
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);

/** A packet as an encoder would make it, with contents nobody would choose. */
const packet: fc.Arbitrary<Buffer> = fc
  .oneof(
    fc
      .record({ topic: text, payload: fc.uint8Array({ maxLength: 50 }), qos, messageId, retain: fc.boolean() })
      .map(({ payload, ...rest }): Packet => ({ cmd: 'publish', dup: false, payload: Buffer.from(payload), ...rest })),
    fc
      .record({ topic: text, qos, messageId })
      .map(({ topic, qos, messageId }): Packet => ({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos }] })),
    fc
      .record({ topic: text, messageId })
      .map(({ topic, messageId }): Packet => ({ cmd: 'unsubscribe', messageId, unsubscriptions: [topic] })),
    fc.record({
      cmd: fc.constantFrom('puback' as const, 'pubrec' as const, 'pubrel' as const, 'pubcomp' as const),
      messageId,
    }),
    fc.constantFrom<Packet>({ cmd: 'pingreq' }, { cmd: 'disconnect' }),
  )
  .map(encoded);

/** A header that is right, and a body that is anything. */
const framed = fc
  .record({
    first: fc.constantFrom(0x10, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0),
    body: fc.uint8Array({ maxLength: 100 }),
  })
  .map(({ first, body }) => Buffer.from([first, body.length, ...body]));

const anything = fc.array(fc.oneof({ weight: 3, arbitrary: packet }, framed, fc.uint8Array({ maxLength: 30 })), {
  maxLength: 12,
});

test('nonsense costs nobody but its sender', async () => {
  await using test = await TestHub.start({ broker: { connectTimeoutMs: 100 } });
  const other = await test.gateway('line-4');
  let seq = 0;
  await fc.assert(
    fc.asyncProperty(fc.boolean(), anything, async (loggedIn, packets) => {
      const client = loggedIn ? await test.login('line-3') : await MqttClient.open(test.hub.mqttPort);
      for (const bytes of packets) client.write(bytes);
      await client.disconnect();
      seq += 1;
      other.publishBatch('line-4', 'panes', {
        incarnation: 'incarnation-1',
        firstSeq: seq,
        entries: [frame([pane({ index: seq })])],
      });
      await other.until(() => other.acks.at(-1)?.seq === seq || other.closed);
      expect(other.closed).toBe(false);
    }),
    { numRuns: 300 },
  );
  expect(test.hub.status().gateways.find(({ name }) => name === 'line-4')?.stored).toBe(seq * 10);
});

/** The encoder refuses some of it: then it is left out. */
function encoded(packet: Packet): Buffer {
  try {
    return generate(packet);
  } catch {
    return Buffer.of();
  }
}
