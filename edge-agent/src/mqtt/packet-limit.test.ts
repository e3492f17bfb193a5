import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { PacketLimit, type LargeMessage } from './packet-limit.ts';

const maxBytes = 300;

function publish(topic: string, payloadBytes: number, qos: 0 | 1, messageId: number): Buffer {
  const packet: Packet = {
    cmd: 'publish',
    topic,
    payload: Buffer.alloc(payloadBytes, 7),
    qos,
    dup: false,
    retain: false,
  };
  return generate(qos === 0 ? packet : { ...packet, messageId });
}

describe('the packet limit', () => {
  it('lets everything through but messages that are too large, however the bytes are cut, and names those', () => {
    const message = fc.record({
      topic: fc.stringMatching(/^[a-z/]{1,20}$/),
      bytes: fc.oneof(fc.nat(200), fc.integer({ min: 301, max: 40_000 })),
      qos: fc.constantFrom(0 as const, 1 as const),
      messageId: fc.integer({ min: 1, max: 65_535 }),
    });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 5000 })),
        (messages, cuts) => {
          const packets = messages.map(({ topic, bytes, qos, messageId }) => publish(topic, bytes, qos, messageId));
          const large: LargeMessage[] = [];
          const limit = new PacketLimit(maxBytes, (one) => large.push(one));
          const through: Buffer[] = [];
          let rest = Buffer.concat(packets);
          for (const cut of [...cuts, Infinity]) {
            through.push(...limit.filter(rest.subarray(0, cut)));
            rest = rest.subarray(cut);
          }
          const fits = ({ bytes }: { bytes: number }): boolean => bytes <= 200;
          expect(
            Buffer.concat(through).equals(
              Buffer.concat(packets.filter((_, index) => fits(messages[index] ?? { bytes: 0 }))),
            ),
          ).toBe(true);
          expect(large.map(({ topic, qos, messageId }) => ({ topic, qos, messageId }))).toEqual(
            messages
              .filter((one) => !fits(one))
              .map(({ topic, qos, messageId }) => ({ topic, qos, messageId: qos === 0 ? undefined : messageId })),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('refuses what is no MQTT, and a large packet that is no message', () => {
    const limit = (): PacketLimit => new PacketLimit(maxBytes, () => undefined);
    expect(() => limit().filter(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1]))).toThrow('no MQTT');
    expect(() => limit().filter(Buffer.from([0x90, 0xff, 0x7f]))).toThrow('16383 bytes');
  });
});
