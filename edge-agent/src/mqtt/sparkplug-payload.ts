// A Sparkplug B payload: protobuf, by the field numbers of the specification (Eclipse Sparkplug 3.0, chapter 6).
//
// Read field by field instead of through generated code: of a payload Weir needs times, names, aliases and numbers, and a
// message of a stranger must cost no more than its bytes. What is nested deeper (data sets, templates, metadata) is passed over.

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export interface Metric {
  readonly name: string | undefined;
  readonly alias: number | undefined;
  /** Epoch milliseconds. */
  readonly timestamp: number | undefined;
  readonly datatype: number | undefined;
  readonly isNull: boolean;
  /** Undefined where it is none of a number, a truth value or text. */
  readonly value: number | boolean | string | undefined;
  /** Of an integer: the bits as they were sent. */
  readonly bits: number | bigint | undefined;
  /** OPC quality code of the property `Quality`: 192 good, 0 bad, 500 stale. */
  readonly quality: number | undefined;
}

export interface Payload {
  readonly timestamp: number | undefined;
  readonly seq: number | undefined;
  readonly metrics: readonly Metric[];
}

const signedBits: ReadonlyMap<number, number> = new Map([
  [1, 8],
  [2, 16],
  [3, 32],
]);
const int64 = 4;

/** @throws when the bytes are no payload */
export function readPayload(bytes: Uint8Array): Payload {
  const reader = new BinaryReader(bytes);
  let [timestamp, seq]: (number | undefined)[] = [];
  const metrics: Metric[] = [];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) timestamp = Number(reader.uint64());
    else if (field === 2) metrics.push(readMetric(reader.bytes()));
    else if (field === 3) seq = Number(reader.uint64());
    else reader.skip(wire, field);
  }
  return { timestamp, seq, metrics };
}

/** The value of a metric, whose type a birth may have said before. */
export function valueOf({ value, bits, datatype }: Metric, born: number | undefined): Metric['value'] {
  const type = datatype ?? born;
  const width = type === undefined ? undefined : signedBits.get(type);
  if (width !== undefined && typeof bits === 'number') return (bits << (32 - width)) >> (32 - width);
  if (type === int64 && typeof bits === 'bigint') return Number(BigInt.asIntN(64, bits));
  return value;
}

/** The command by which an edge node is asked to say everything again. */
export function rebirthCommand(now: number): Uint8Array {
  const metric = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string('Node Control/Rebirth')
    .tag(3, WireType.Varint)
    .uint64(String(Math.trunc(now)))
    .tag(4, WireType.Varint)
    .uint32(11)
    .tag(14, WireType.Varint)
    .bool(true)
    .finish();
  return new BinaryWriter()
    .tag(1, WireType.Varint)
    .uint64(String(Math.trunc(now)))
    .tag(2, WireType.LengthDelimited)
    .bytes(metric)
    .finish();
}

function readMetric(bytes: Uint8Array): Metric {
  const reader = new BinaryReader(bytes);
  let name: string | undefined;
  let value: Metric['value'];
  let bits: Metric['bits'];
  let [alias, timestamp, datatype, quality]: (number | undefined)[] = [];
  let isNull = false;
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    switch (field) {
      case 1:
        name = reader.string();
        break;
      case 2:
        alias = Number(reader.uint64());
        break;
      case 3:
        timestamp = Number(reader.uint64());
        break;
      case 4:
        datatype = reader.uint32();
        break;
      case 7:
        isNull = reader.bool();
        break;
      case 9:
        quality = readQuality(reader.bytes());
        break;
      case 10:
        bits = reader.uint32();
        value = bits;
        break;
      case 11:
        bits = BigInt(reader.uint64());
        value = Number(bits);
        break;
      case 12:
        value = reader.float();
        break;
      case 13:
        value = reader.double();
        break;
      case 14:
        value = reader.bool();
        break;
      case 15:
        value = reader.string();
        break;
      default:
        reader.skip(wire, field);
    }
  }
  return { name, alias, timestamp, datatype, isNull, value, bits, quality };
}

/** The property named Quality of a set of properties: names, and values at the same places. */
function readQuality(bytes: Uint8Array): number | undefined {
  const reader = new BinaryReader(bytes);
  const [keys, values]: [string[], (number | undefined)[]] = [[], []];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) keys.push(reader.string());
    else if (field === 2) values.push(readNumber(reader.bytes()));
    else reader.skip(wire, field);
  }
  return values[keys.indexOf('Quality')];
}

function readNumber(bytes: Uint8Array): number | undefined {
  const reader = new BinaryReader(bytes);
  let value: number | undefined;
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 3) value = reader.uint32();
    else if (field === 4) value = Number(reader.uint64());
    else reader.skip(wire, field);
  }
  return value;
}
