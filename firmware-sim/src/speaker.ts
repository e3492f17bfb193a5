// What one board puts on its line: its snapshots as frames, and what the firmware and the cable make of them.
//
// Ground truth needs every byte to have one meaning, whatever the format, so the noise here is chosen:
//
// - Noise and garbage begin with 0xFF, which begins neither text nor a map of CBOR, and hold no ending of any framing and no
//   character that separates fields.
// - A frame that was torn or drowned in noise is ended by the board before it says the next, so that it spoils no other. All noise
//   in a row is one frame that cannot be read.
// - A line is torn inside its time at the latest, and a key=value line inside its first key: `temp=3` would be believed.

import type { Snapshot } from './device.ts';
import { ending, frame } from './formats/framing.ts';
import { encodePayloads, hasCheck, saysTime, type Voice } from './formats/voice.ts';
import { type Frame, malformed, saidBy } from './frames.ts';
import type { Random } from './random.ts';

const nothing = { readings: 0, bad: [] } as const;

/** Endings and separators of all formats. */
const meaningful = new Set([0x00, 0xc0, ...Buffer.from('\n\r,;:=$!{}[]')]);

const banner = ['boot v1.4.2', 'reset by watchdog', 'ready'] as const;

const maxGarbage = 40;

export class Speaker {
  readonly #voice: Voice;
  readonly #random: Random;
  /** Something has begun that has no ending yet. */
  #isOpen = false;

  constructor(voice: Voice, random: Random) {
    this.#voice = voice;
    this.#random = random;
  }

  say(snapshot: Snapshot): Frame[] {
    const { line = {}, timeMs, values, garbledAfter } = snapshot;
    if (line.isUnplugged === true) {
      // What had begun ends with the cable.
      this.#isOpen = false;
      return [];
    }
    const before = [
      ...(line.isBoot === true ? this.#boot() : []),
      ...(line.hasGarbage === true ? this.#garbage() : []),
    ];
    const isCheckWrong = line.isCheckWrong === true && hasCheck(this.#voice);
    const payloads = encodePayloads(this.#voice, timeMs, values, isCheckWrong);
    if (line.tornAfter !== undefined) {
      const [first] = payloads;
      return first === undefined ? before : [...before, ...this.#torn(first.bytes, line.tornAfter)];
    }
    const frames = payloads.map((payload, index): Frame => {
      if (garbledAfter !== undefined && index === 0)
        return { bytes: frame(this.#voice, this.#garbled(payload.bytes, garbledAfter)), ...malformed };
      // What is wrong with a time, and that it was said before, shows only where the time is said.
      const said = saysTime(this.#voice, timeMs) ? { ...snapshot, values: payload.values } : { values: payload.values };
      return { bytes: frame(this.#voice, payload.bytes), ...(isCheckWrong ? malformed : saidBy(said)) };
    });
    if (line.isNoise === true) return [...before, ...frames.flatMap(({ bytes }) => this.#noise(bytes.length))];
    return [...before, ...this.#ended(), ...frames];
  }

  #torn(payload: Buffer, after: number): Frame[] {
    const whole = frame(this.#voice, payload);
    const first = { json: after, csv: Math.min(after, whole.indexOf(',')), kv: 1, nmea: after, senml: after };
    // A frame of bytes says something from its second byte on, and is whole without its ending.
    const length = this.#voice.format === 'cbor' ? Math.min(after + 1, whole.length - 2) : first[this.#voice.format];
    const ended = this.#ended();
    this.#isOpen = true;
    return [...ended, { bytes: whole.subarray(0, length), ...nothing }];
  }

  #boot(): Frame[] {
    if (this.#voice.format !== 'cbor')
      return [...this.#ended(), ...banner.map((text) => ({ bytes: Buffer.from(`${text}\r\n`), ...malformed }))];
    // Nothing tells text from a frame here: it goes on with what has begun.
    this.#isOpen = true;
    return [{ bytes: Buffer.from(banner.map((text) => `${text}\r\n`).join('')), ...nothing }];
  }

  #garbage(): Frame[] {
    const length = 2 + Math.floor(maxGarbage * this.#random.uniform());
    return [...this.#ended(), ...this.#noise(length), ...this.#ended()];
  }

  #noise(length: number): Frame[] {
    const bytes = Buffer.from(Array.from({ length }, (_, index) => (index < 2 && !this.#isOpen ? 0xff : this.#byte())));
    this.#isOpen = true;
    return [{ bytes, ...nothing }];
  }

  #ended(): Frame[] {
    if (!this.#isOpen) return [];
    this.#isOpen = false;
    return [{ bytes: ending(this.#voice), ...malformed }];
  }

  #byte(): number {
    for (;;) {
      const byte = Math.floor(256 * this.#random.uniform());
      if (!meaningful.has(byte)) return byte;
    }
  }

  #garbled(payload: Buffer, after: number): Buffer {
    const { format } = this.#voice;
    // A break code, which stands nowhere in a map of known length.
    if (format === 'cbor') return Buffer.concat([payload.subarray(0, after), Buffer.from([0xff])]);
    const text = payload.toString();
    const kept = text.slice(0, format === 'csv' ? Math.min(after, text.indexOf(',')) : after);
    return Buffer.from(`${format === 'kv' ? kept.replaceAll('=', '') : kept}#~?`);
  }
}
