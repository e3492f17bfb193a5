// Cuts a byte stream into lines. A line that never ends is bounded: what is too long is dropped up to the next line end and
// reported once.

const newline = 10;

export class LineSplitter {
  readonly #maxBytes: number;
  #rest: Buffer = Buffer.alloc(0);
  #dropping = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param line called with each line, without its end; `tooLong` with the beginning of each that was dropped */
  push(chunk: Buffer, line: (text: string) => void, tooLong: (beginning: string) => void): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      if (end < 0) break;
      const piece = chunk.subarray(start, end);
      if (this.#dropping) this.#dropping = false;
      else this.#emit(this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]), line, tooLong);
      this.#rest = Buffer.alloc(0);
      start = end + 1;
    }
    if (this.#dropping || start === chunk.length) return;
    // A copy: the chunk's memory belongs to the stream.
    this.#rest = Buffer.concat([this.#rest, chunk.subarray(start)]);
    if (this.#rest.length <= this.#maxBytes) return;
    tooLong(this.#rest.toString('utf8', 0, 200));
    this.#rest = Buffer.alloc(0);
    this.#dropping = true;
  }

  #emit(bytes: Buffer, line: (text: string) => void, tooLong: (beginning: string) => void): void {
    if (bytes.length > this.#maxBytes) {
      tooLong(bytes.toString('utf8', 0, 200));
      return;
    }
    const text = bytes.toString('utf8').trim();
    if (text !== '') line(text);
  }
}
