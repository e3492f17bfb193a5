// Cuts messages that are too large out of a broker's byte stream, before the parser would gather them in memory.
//
// A 3.1.1 broker cannot be told how much we take, and a persistent session gets what it could not deliver again at the next
// connection: hanging up would mean hanging up for ever. So the bytes of such a PUBLISH are passed over as they come, and
// what is needed to acknowledge and to report it is kept: topic and packet identifier. An MQTT fixed header is one byte of
// type and flags, then the remaining length in 1 to 4 bytes of 7 bits each, the lowest first.

export interface LargeMessage {
  readonly topic: string;
  readonly qos: number;
  /** Undefined at QoS 0. */
  readonly messageId: number | undefined;
  /** Without the fixed header. */
  readonly bytes: number;
}

const publish = 3;
/** Two bytes of topic length, the longest topic, two bytes of identifier. */
const longestHead = 2 + 65_535 + 2;

export class PacketLimit {
  readonly #maxBytes: number;
  readonly #tooLarge: (message: LargeMessage) => void;
  /** The fixed header, as far as it has come. */
  #header: number[] = [];
  /** Bytes of the packet under way that are still to come. */
  #left = 0;
  #large: { readonly flags: number; readonly bytes: number; readonly head: Buffer[]; kept: number } | undefined;

  constructor(maxBytes: number, tooLarge: (message: LargeMessage) => void) {
    this.#maxBytes = maxBytes;
    this.#tooLarge = tooLarge;
  }

  /** @returns what goes on to the parser @throws when this is no MQTT, or a packet of another kind is too large */
  filter(chunk: Buffer): Buffer[] {
    const parts: Buffer[] = [];
    let from = 0;
    // Header bytes of an earlier chunk that were held back until it was clear where they go.
    let heldBack = this.#header.length;
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const length = Math.min(this.#left, chunk.length - at);
        if (this.#large !== undefined) this.#passOver(chunk.subarray(at, at + length));
        at += length;
        this.#left -= length;
        if (this.#left === 0 && this.#large !== undefined) {
          this.#report();
          from = at;
        }
        continue;
      }
      this.#header.push(chunk[at] ?? 0);
      at += 1;
      const remaining = remainingLength(this.#header);
      if (remaining === undefined) continue;
      const header = this.#header;
      const start = at - (header.length - heldBack);
      this.#header = [];
      this.#left = remaining;
      if (remaining <= this.#maxBytes) {
        if (heldBack > 0) parts.push(Buffer.from(header.slice(0, heldBack)));
      } else {
        const flags = header[0] ?? 0;
        if (flags >> 4 !== publish) throw new Error(`the broker sends a packet of ${remaining} bytes`);
        parts.push(chunk.subarray(from, start));
        this.#large = { flags, bytes: remaining, head: [], kept: 0 };
      }
      heldBack = 0;
    }
    if (this.#large === undefined) parts.push(chunk.subarray(from, chunk.length - (this.#header.length - heldBack)));
    return parts.filter((part) => part.length > 0);
  }

  #passOver(bytes: Buffer): void {
    const large = this.#large;
    if (large === undefined || large.kept >= longestHead) return;
    const kept = bytes.subarray(0, longestHead - large.kept);
    // A copy: a part of the chunk would keep all of it in memory.
    large.head.push(Buffer.from(kept));
    large.kept += kept.length;
  }

  #report(): void {
    const large = this.#large;
    this.#large = undefined;
    if (large === undefined) return;
    const head = Buffer.concat(large.head);
    const end = 2 + head.readUInt16BE(0);
    const qos = (large.flags >> 1) & 3;
    const messageId = qos > 0 && end + 2 <= head.length ? head.readUInt16BE(end) : undefined;
    this.#tooLarge({ topic: head.toString('utf8', 2, end), qos, messageId, bytes: large.bytes });
  }
}

/** @returns undefined while the header is not complete @throws when the length takes more than four bytes */
function remainingLength(header: readonly number[]): number | undefined {
  const last = header.at(-1) ?? 0;
  if (header.length < 2) return undefined;
  if (last >= 0x80) {
    if (header.length >= 5) throw new Error('this is no MQTT: a length of more than four bytes');
    return undefined;
  }
  return header.slice(1).reduce((sum, byte, index) => sum + (byte & 0x7f) * 128 ** index, 0);
}
