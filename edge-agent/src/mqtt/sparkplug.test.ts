// Payloads as the reference implementation writes them (npm sparkplug-payload of Eclipse Tahu).

import fc from 'fast-check';
import sparkplugPayload from 'sparkplug-payload';
import { describe, expect, it } from 'vitest';
import { arrival, testBatch } from '../testing/batches.ts';
import { readPayload, rebirthCommand, valueOf } from './sparkplug-payload.ts';
import { SparkplugDecoder } from './sparkplug.ts';

const spb = sparkplugPayload.get('spBv1.0');
if (spb === undefined || spb === null) throw new Error('no encoder');
type Payload = Parameters<typeof spb.encodePayload>[0];

const encode = (payload: Payload): Buffer => Buffer.from(spb.encodePayload(payload));

const birth: Payload = {
  timestamp: arrival,
  seq: 0,
  metrics: [
    { name: 'bdSeq', type: 'Int64', value: 7 },
    { name: 'temp', alias: 1, type: 'Double', value: 20.5, timestamp: arrival - 10 },
    { name: 'rh', alias: 2, type: 'Int16', value: -5 },
    { name: 'Motor/Speed rpm', alias: 3, type: 'UInt32', value: 1500 },
  ],
};

class Host {
  readonly decoder = new SparkplugDecoder();
  readonly asked: string[] = [];
  readonly test = testBatch({ others: ['Motor/Speed_rpm', 'on'] });

  hear(topic: string, payload: Payload | Buffer): this {
    const bytes = Buffer.isBuffer(payload) ? payload : encode(payload);
    const asked = this.decoder.decode(`spBv1.0/plant/${topic}`, bytes, this.test.batch);
    if (asked !== undefined) this.asked.push(asked.topic);
    return this;
  }

  get said(): string[] {
    return [...this.test.readings(), ...this.test.letters()];
  }
}

describe('Sparkplug B', () => {
  it('gives what a node is born with, and what it says by aliases afterwards', () => {
    const host = new Host().hear('NBIRTH/press', birth).hear('NDATA/press', {
      timestamp: arrival + 100,
      seq: 1,
      metrics: [
        { alias: 1, type: 'Double', value: 21, timestamp: arrival + 90 },
        { alias: 2, type: 'Int16', value: -6 },
      ],
    });
    expect(host.said).toEqual([
      'press/temperature = 20.5 at -10',
      'press/humidity = -5 at 0',
      'press/Motor/Speed_rpm = 1500 at 0',
      'press/temperature = 21 at 90',
      'press/humidity = -6 at 100',
    ]);
    expect(host.asked).toEqual([]);
  });

  it('names devices behind their node, and takes historical values for what they are', () => {
    const host = new Host()
      .hear('NBIRTH/press', { timestamp: arrival, metrics: [{ name: 'bdSeq', type: 'Int64', value: 1 }] })
      .hear('DBIRTH/press/oven', {
        timestamp: arrival,
        metrics: [
          { name: 'temp', alias: 9, type: 'Float', value: 180 },
          { name: 'on', type: 'Boolean', value: true },
        ],
      })
      .hear('DDATA/press/oven', {
        timestamp: arrival,
        metrics: [{ alias: 9, type: 'Float', value: 179.5, timestamp: arrival - 3_600_000, isHistorical: true }],
      });
    expect(host.said).toEqual([
      'press.oven/temperature = 180 at 0',
      'press.oven/on = 1 at 0',
      'press.oven/temperature = 179.5 at -3600000',
    ]);
  });

  it('asks who was not heard of before to be born again, once in a while', () => {
    const data: Payload = { timestamp: arrival, metrics: [{ alias: 1, type: 'Double', value: 21 }] };
    const host = new Host().hear('NDATA/press', data).hear('NDATA/press', data).hear('DDATA/oven/top', data);
    expect(host.asked).toEqual(['spBv1.0/plant/NCMD/press', 'spBv1.0/plant/NCMD/oven']);
    expect(host.said).toEqual([]);
    host
      .hear('NBIRTH/press', birth)
      .hear('NDATA/press', { timestamp: arrival, metrics: [{ alias: 99, type: 'Double', value: 1 }] });
    expect(host.asked).toHaveLength(2);
  });

  it('asks in words the reference implementation understands', () => {
    const command = spb.decodePayload(rebirthCommand(arrival));
    expect(command.metrics).toMatchObject([{ name: 'Node Control/Rebirth', type: 'Boolean', value: true }]);
    expect(Number(command.timestamp)).toBe(arrival);
  });

  it('makes the last values uncertain when a node or a device dies, and not for a death of an earlier life', () => {
    const death = (value: number): Payload => ({
      timestamp: arrival,
      metrics: [{ name: 'bdSeq', type: 'Int64', value }],
    });
    const host = new Host().hear('NBIRTH/press', birth).hear('NDEATH/press', death(6));
    expect(host.said).toHaveLength(3);
    host.hear('NDEATH/press', death(7));
    expect(host.said.slice(3)).toEqual([
      'press/temperature = 20.5 at 0 (uncertain)',
      'press/humidity = -5 at 0 (uncertain)',
      'press/Motor/Speed_rpm = 1500 at 0 (uncertain)',
    ]);
    const devices = new Host()
      .hear('NBIRTH/n', birth)
      .hear('DBIRTH/n/d', { timestamp: arrival, metrics: [{ name: 'temp', alias: 20, type: 'Double', value: 1 }] })
      .hear('DDEATH/n/d', { timestamp: arrival, metrics: [] });
    expect(devices.said.filter((text) => text.includes('uncertain'))).toEqual(['n.d/temperature = 1 at 0 (uncertain)']);
  });

  it('takes the quality a metric has, and no value for null', () => {
    const quality = (value: number) => ({ Quality: { type: 'Int32' as const, value } });
    const host = new Host().hear('NBIRTH/press', {
      timestamp: arrival,
      metrics: [
        { name: 'temp', type: 'Double', value: 1, properties: quality(192) },
        { name: 'rh', type: 'Double', value: 2, properties: quality(500) },
        { name: 'on', type: 'Boolean', value: false, properties: quality(0) },
        { name: 'Motor/Speed rpm', type: 'Double', value: null },
      ],
    });
    expect(host.said).toEqual([
      'press/temperature = 1 at 0',
      'press/humidity = 2 at 0 (uncertain)',
      'press/on = 0 at 0 (bad)',
    ]);
  });

  it('passes over hosts and commands, and refuses what is none', () => {
    const host = new Host()
      .hear('NCMD/press', birth)
      .hear('STATE/host', Buffer.from('{"online":true}'))
      .hear('NBIRTH/press', Buffer.from([0x12, 0xff]));
    expect(host.said).toEqual([expect.stringMatching(/^malformed .*no Sparkplug B payload/)]);
    expect(host.decoder.decode('plant/press', encode(birth), host.test.batch)).toBeUndefined();
    expect(host.said[1]).toBe('unmapped (board plant/press): no topic of Sparkplug B');
  });

  it('reads every kind of number the reference implementation writes', () => {
    const cases = [
      ['Int8', fc.integer({ min: -128, max: 127 })],
      ['Int16', fc.integer({ min: -32_768, max: 32_767 })],
      ['Int32', fc.integer()],
      ['Int64', fc.maxSafeInteger()],
      ['UInt8', fc.nat(255)],
      ['UInt16', fc.nat(65_535)],
      ['UInt32', fc.nat(2 ** 32 - 1)],
      ['Double', fc.double({ noNaN: true })],
      ['Boolean', fc.boolean()],
    ] as const;
    for (const [type, values] of cases) {
      fc.assert(
        fc.property<[number | boolean]>(values, (value) => {
          const [metric] = readPayload(encode({ timestamp: 1, metrics: [{ name: 'x', type, value }] })).metrics;
          expect(metric && valueOf(metric, undefined)).toBe(value === 0 ? metric?.value : value);
        }),
        { numRuns: 50 },
      );
    }
  });
});
