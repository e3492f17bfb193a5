// Every decoder of what comes from outside, with inputs that are right. Each says of an input what it became: how many readings
// and dead letters, all of them checked.

import { Duplex } from 'node:stream';
import { ReadingBatch } from '@weir/edge-agent/formats/batch.ts';
import { framings } from '@weir/edge-agent/formats/format.ts';
import { FrameCutter } from '@weir/edge-agent/formats/frames.ts';
import { formatNames, formats } from '@weir/edge-agent/formats/registry.ts';
import { RtuPort } from '@weir/edge-agent/modbus/rtu-port.ts';
import { PacketLimit } from '@weir/edge-agent/mqtt/packet-limit.ts';
import { SparkplugDecoder } from '@weir/edge-agent/mqtt/sparkplug.ts';
import { TelnetParser } from '@weir/edge-agent/serial/rfc2217.ts';
import { Router } from '@weir/edge-agent/sources/router.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { encode } from 'cborg';

export interface Decoder {
  readonly name: string;
  readonly good: readonly Buffer[];
  /** @throws what a decoder must not throw */
  decode(input: Buffer): void;
}

const channels = ['temp', 'rh', 'GGA.latitude', 'GGA.altitude', 'RMC.speed', 'XDR.tank', 'ENERGY.Power', '/a/0/b', 'x'];
const router = new Router(new Map(channels.map((channel) => [channel, channel])), new SeriesTable(50));
const text = (lines: readonly string[]): Buffer[] => lines.map((line) => Buffer.from(line));

/** What is right of each format. */
const corpus: Readonly<Record<(typeof formatNames)[number], readonly Buffer[]>> = {
  json: text([
    '{"t":1760000000000,"temp":31.4,"rh":44,"ENERGY":{"Power":12.5},"a":[{"b":1}]}',
    '[{"t":1,"temp":-1e-7},{"t":2,"rh":true}]',
    '{"t":"2026-01-01T00:00:00Z","temp":null,"name":"\\u00fc\\n"}',
  ]),
  csv: text(['1760000000000,31.4,44', '2026-01-01 00:00:00,,1e5', '0,-.5,NaN']),
  kv: text(['t=1760000000000 temp=31.4 rh=44', '[info] t:1,temp:2;rh=on', 't=1 temp=']),
  nmea: text([
    '$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47',
    '$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A',
    '$WIXDR,C,31.4,C,tank*4C',
  ]),
  senml: [
    ...text([
      '[{"bn":"urn:dev:ow:10e2:","bt":1.276e9,"n":"temp","u":"Cel","v":23.1},{"n":"rh","t":-5,"v":67}]',
      '[{"n":"a/x","s":5,"bs":1}]',
    ]),
    Buffer.from(
      encode([
        new Map<number, unknown>([
          [-2, 'dev:'],
          [-3, 1.2e9],
          [0, 'temp'],
          [2, 23.5],
        ]),
      ]),
    ),
  ],
  cbor: [
    { t: 1_760_000_000_000, temp: 31.4, rh: 44n, a: [{ b: 1 }] },
    { t: '2026-01-01', x: true },
    [{ t: 1, temp: 1 }],
  ].map((value) => Buffer.from(encode(value))),
};

export const decoders: readonly Decoder[] = [
  ...formatNames.flatMap((name) => [format(name, 'none'), ...(name === 'nmea' ? [] : [format(name, 't')])]),
  ...framings.flatMap((framing) => (['none', 'crc16', 'crc32'] as const).map((checksum) => cutter(framing, checksum))),
  sparkplug(),
  telnet(),
  packetLimit(),
  rtu(),
];

function format(name: (typeof formatNames)[number], time: 'none' | 't'): Decoder {
  const options = { channels, ownDevice: true, columns: ['t', 'temp', 'rh'], separator: ',' };
  const nmeaTime = name === 'nmea' ? 'utc' : undefined;
  const decode = formats[name].prepare({ ...options, time: time === 't' ? 't' : nmeaTime });
  return {
    name: `${name}${time === 't' ? ' with time' : ''}`,
    good: corpus[name],
    decode: (input) => {
      const batch = newBatch();
      decode(input, 'board', batch);
      check(batch);
    },
  };
}

function cutter(framing: (typeof framings)[number], checksum: 'none' | 'crc16' | 'crc32'): Decoder {
  // One that lives as long as a source: what an input leaves behind meets the next.
  const one = new FrameCutter(framing, checksum, 256);
  const good = [
    Buffer.from('hello\nworld\n'),
    Buffer.from([3, 1, 2, 2, 5, 0]),
    Buffer.from([192, 1, 219, 220, 2, 192]),
    Buffer.alloc(300, 7),
  ];
  return {
    name: `${framing}, ${checksum}`,
    good,
    decode: (input) =>
      one.push(input, {
        frame: (bytes) => must(bytes.length <= 256, 'a frame longer than the limit'),
        bad: (detail, beginning) => must(detail !== '' && beginning.length <= 256, 'a report longer than the limit'),
      }),
  };
}

function sparkplug(): Decoder {
  const decoder = new SparkplugDecoder();
  const birth = Buffer.from('08808090e2b62d120f0a0474656d701001200a6900000000000035401800', 'hex');
  const data = Buffer.from('120b1001200a690000000000003540', 'hex');
  const topics = [
    'NBIRTH/press',
    'NDATA/press',
    'DDATA/press/oven',
    'NDEATH/press',
    'DBIRTH/press/oven',
    'DDEATH/press/oven',
  ];
  let turn = 0;
  return {
    name: 'sparkplug',
    good: [birth, data, Buffer.concat([birth, data])],
    decode: (input) => {
      const batch = newBatch();
      decoder.decode(`spBv1.0/plant/${topics[turn++ % topics.length]}`, input, batch);
      check(batch);
    },
  };
}

function telnet(): Decoder {
  const parser = new TelnetParser();
  return {
    name: 'rfc2217',
    good: [
      Buffer.from([255, 251, 44]),
      Buffer.from([255, 250, 44, 101, 0, 0, 37, 128, 255, 240]),
      Buffer.from('data\xff\xff', 'latin1'),
    ],
    decode: (input) => {
      const bytes = parser.push(input, {
        option: () => undefined,
        subnegotiation: (content) => must(content.length <= 256, 'a command longer than the limit'),
      });
      must(bytes.length <= input.length, 'more bytes than came');
    },
  };
}

/** What it throws ends a connection, and the next begins with a new one. */
function packetLimit(): Decoder {
  const make = (): PacketLimit =>
    new PacketLimit(64, ({ topic }) => must(topic.length <= 65_535, 'a topic longer than there can be'));
  let limit = make();
  const publish = Buffer.concat([
    Buffer.from([0x32, 9, 0, 3]),
    Buffer.from('a/b'),
    Buffer.from([0, 1]),
    Buffer.from('42'),
  ]);
  return {
    name: 'mqtt packets',
    good: [publish, Buffer.concat([publish, publish]), Buffer.from([0x30, 0xff, 0x01, 0, 1, 65])],
    decode: (input) => {
      try {
        const bytes = limit.filter(input).reduce((sum, part) => sum + part.length, 0);
        must(bytes <= input.length + 4, 'more bytes than came');
      } catch (error) {
        if (!(error instanceof Error) || !/MQTT|packet of/.test(error.message)) throw error;
        limit = make();
      }
    },
  };
}

function rtu(): Decoder {
  const line = {
    stream: new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() }),
    drain: async () => undefined,
    close: async () => undefined,
  };
  line.stream.on('data', () => undefined);
  const port = new RtuPort(line);
  port.on('data', (frame: Buffer) => must(frame.length <= 256, 'a frame longer than there can be'));
  const request = Buffer.from([1, 3, 0, 0, 0, 2, 0, 0]);
  let turn = 0;
  return {
    name: 'modbus rtu',
    good: [Buffer.from([1, 3, 4, 0, 1, 0, 2, 0x2a, 0x32]), Buffer.from([1, 0x83, 2, 0xc0, 0xf1])],
    decode: (input) => {
      if (turn++ % 3 === 0) port.write(request);
      line.stream.emit('data', input);
    },
  };
}

function newBatch(): ReadingBatch {
  return new ReadingBatch('fuzz', router, 1_760_000_000_000, { on: 1 });
}

function check({ readings, deadLetters }: ReadingBatch): void {
  for (const { value, time } of readings)
    must(Number.isFinite(value) && Number.isFinite(time), `a reading of ${value} at ${time}`);
  for (const { detail, sample } of deadLetters) {
    must(detail !== '' && detail.length < 1000, `a dead letter of ${detail.length} characters`);
    must(sample.length <= 200, `a sample of ${sample.length} characters`);
  }
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
