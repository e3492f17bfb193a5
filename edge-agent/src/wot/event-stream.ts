// Server-sent events (WHATWG HTML, section 9.2): lines of `field: value`, an empty line ends an event. Only `data` matters here.

export class EventStream {
  readonly #maxLength: number;
  readonly #event: (data: string) => void;
  #rest = '';
  #data: string[] = [];
  #length = 0;

  /** @param event called with the data of each event */
  constructor(maxLength: number, event: (data: string) => void) {
    this.#maxLength = maxLength;
    this.#event = event;
  }

  /** @throws when an event is longer than allowed */
  push(text: string): void {
    this.#rest += text;
    // A return at the end may be half of a line end.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
    if (this.#length + this.#rest.length > this.#maxLength)
      throw new Error(`an event of more than ${this.#maxLength} characters; that is no reading`);
  }

  #line(line: string): void {
    if (line === '') {
      if (this.#data.length > 0) this.#event(this.#data.join('\n'));
      this.#data = [];
      this.#length = 0;
      return;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field !== 'data') return;
    this.#data.push(value);
    this.#length += value.length;
  }
}
