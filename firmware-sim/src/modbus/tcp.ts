// Modbus TCP frames (Modbus Messaging on TCP/IP 1.0b, section 3.1.3): transaction, protocol 0, length, unit, then function code
// and data. Several requests may be under way at once; an answer carries the transaction of its request.

const headerLength = 7;
/** Unit, function code and data. */
const maxLength = 254;

export interface TcpRequest {
  readonly transaction: number;
  readonly unit: number;
  readonly pdu: Buffer;
}

export class TcpRequests {
  #rest = Buffer.alloc(0);

  /** @returns undefined when the stream cannot be Modbus TCP: hang up */
  push(chunk: Buffer): TcpRequest[] | undefined {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const requests: TcpRequest[] = [];
    while (this.#rest.length >= headerLength) {
      const length = this.#rest.readUInt16BE(4);
      if (this.#rest.readUInt16BE(2) !== 0 || length < 2 || length > maxLength) return undefined;
      const end = headerLength - 1 + length;
      if (this.#rest.length < end) break;
      requests.push({
        transaction: this.#rest.readUInt16BE(0),
        unit: this.#rest[6] ?? 0,
        pdu: Buffer.from(this.#rest.subarray(headerLength, end)),
      });
      this.#rest = this.#rest.subarray(end);
    }
    return requests;
  }
}

export function tcpFrame({ transaction, unit, pdu }: TcpRequest): Buffer {
  const header = Buffer.alloc(headerLength);
  header.writeUInt16BE(transaction, 0);
  header.writeUInt16BE(pdu.length + 1, 4);
  header[6] = unit;
  return Buffer.concat([header, pdu]);
}
