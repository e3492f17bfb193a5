// A topic with names in it: `plant/{device}/{signal}` subscribes to `plant/+/+` and reads device and signal off each topic.

const isPlaceholder = (level: string): boolean => level === '{device}' || level === '{signal}';

export class TopicTemplate {
  /** What to subscribe to. */
  readonly filter: string;
  readonly #levels: readonly string[];
  readonly #device: number;
  readonly #signal: number;

  constructor(text: string) {
    this.#levels = text.split('/').map((level) => (isPlaceholder(level) ? '+' : level));
    this.filter = this.#levels.join('/');
    this.#device = text.split('/').indexOf('{device}');
    this.#signal = text.split('/').indexOf('{signal}');
  }

  /** What is wrong with a template, or undefined. */
  static problem(text: string): string | undefined {
    const levels = text.split('/');
    if (levels.includes('#') && levels.indexOf('#') < levels.length - 1) return '# stands at the end of a topic only';
    const bad = levels.find((level) => level !== '+' && level !== '#' && !isPlaceholder(level) && /[+#{}]/.test(level));
    if (bad !== undefined) return `"${bad}" is no topic level; use {device}, {signal}, + or # as a whole level`;
    if (text.trim() === '') return 'the topic is empty';
    return levels.filter((level) => level === '{device}').length > 1 ||
      levels.filter((level) => level === '{signal}').length > 1
      ? 'each of {device} and {signal} stands once'
      : undefined;
  }

  /** Whether a topic can match both: a broker then delivers its messages twice. */
  overlaps(other: TopicTemplate): boolean {
    for (let i = 0; ; i++) {
      const [mine, theirs] = [this.#levels[i], other.#levels[i]];
      if (mine === '#' || theirs === '#') return true;
      if (mine === undefined || theirs === undefined) return mine === theirs;
      if (mine !== '+' && theirs !== '+' && mine !== theirs) return false;
    }
  }

  /** @returns the names in the topic, or undefined when it does not match */
  match(topic: string): { device: string | undefined; signal: string | undefined } | undefined {
    const levels = topic.split('/');
    const open = this.#levels.at(-1) === '#';
    const fixed = open ? this.#levels.length - 1 : this.#levels.length;
    if (open ? levels.length < fixed : levels.length !== fixed) return undefined;
    for (let i = 0; i < fixed; i++) if (this.#levels[i] !== '+' && this.#levels[i] !== levels[i]) return undefined;
    return { device: levels[this.#device], signal: levels[this.#signal] };
  }
}
