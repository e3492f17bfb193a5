// The length guard's view of a byte stream, against packets a real MQTT encoder makes.

import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { HeaderTracker } from './length-guard.ts';

const limits = { maxPacketBytes: 1000, maxConnectBytes: 200 };

const connect: Packet = {
  cmd: 'connect',
  clientId: 'line-3',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clean: true,
  keepalive: 60,
};

test('whatever a client may send passes, however it is cut into chunks', () => {
  const id = fc.integer({ min: 1, max: 65_535 });
  const publish = fc.record({
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    size: fc.nat(900),
    messageId: id,
  });
  const packet = fc.oneof(
    publish.map(({ qos, size, messageId }): Packet => {
      return {
        cmd: 'publish',
        topic: 'a/b',
        payload: Buffer.alloc(size, 0xff),
        qos,
        messageId,
        dup: qos > 0,
        retain: true,
      };
    }),
    fc.record({
      cmd: fc.constantFrom('puback' as const, 'pubrec' as const, 'pubrel' as const, 'pubcomp' as const),
      messageId: id,
    }),
    id.map((messageId): Packet => ({ cmd: 'subscribe', messageId, subscriptions: [{ topic: 'a', qos: 1 }] })),
    id.map((messageId): Packet => ({ cmd: 'unsubscribe', messageId, unsubscriptions: ['a'] })),
    fc.constantFrom<Packet>({ cmd: 'pingreq' }, { cmd: 'disconnect' }),
  );
  fc.assert(
    fc.property(
      fc.array(packet, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
      (packets, sizes) => {
        const bytes = Buffer.concat([connect, ...packets].map((packet) => generate(packet)));
        const tracker = new HeaderTracker(limits);
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const size = sizes[cut % sizes.length] ?? 1;
          expect(tracker.follow(bytes.subarray(at, at + size))).toBeUndefined();
          at += size;
        }
      },
    ),
  );
});

test('a packet longer than the limit is told by its header alone', () => {
  const tracker = new HeaderTracker(limits);
  expect(tracker.follow(generate(connect))).toBeUndefined();
  // PUBLISH of 1001 bytes: only the header has come.
  expect(tracker.follow(Uint8Array.of(0x30, 0xe9, 0x07))).toBe('packet_too_long');
});

test('a packet of exactly the limit passes', () => {
  const tracker = new HeaderTracker(limits);
  tracker.follow(generate(connect));
  expect(tracker.follow(Uint8Array.of(0x30, 0xe8, 0x07))).toBeUndefined();
});

test('CONNECT has a smaller limit, for anybody may send it', () => {
  expect(new HeaderTracker(limits).follow(Uint8Array.of(0x10, 0xc9, 0x01))).toBe('packet_too_long');
});

test.each([
  ['something else before CONNECT', [0xc0, 0x00], 'connect_not_first'],
  ['a type that does not exist', [0x00], 'malformed_header'],
  ['a type only servers send', [0x20], 'malformed_header'],
  ['CONNECT with flags', [0x11], 'malformed_header'],
  ['text of another protocol', [...Buffer.from('GET / HTTP/1.1\r\n')], 'malformed_header'],
])('%s is closed', (_, bytes, reason) => {
  expect(new HeaderTracker(limits).follow(Uint8Array.from(bytes))).toBe(reason);
});

test.each([
  ['a second CONNECT', [0x10], 'connect_not_first'],
  ['QoS 3', [0x36], 'malformed_header'],
  ['SUBSCRIBE without its flags', [0x80], 'malformed_header'],
  ['a length of five bytes', [0x30, 0x80, 0x80, 0x80, 0x80], 'malformed_header'],
])('after CONNECT, %s is closed', (_, bytes, reason) => {
  const tracker = new HeaderTracker(limits);
  tracker.follow(generate(connect));
  expect(tracker.follow(Uint8Array.from(bytes))).toBe(reason);
});
