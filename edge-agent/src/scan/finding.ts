// What a scan has found on one bus: lines for the person at the terminal, and what a gateway file could begin with.

export interface Finding {
  /** A heading, such as `serial ports`. */
  readonly what: string;
  /** One a thing found; or why there is none. */
  readonly lines: readonly string[];
  readonly sources: readonly SuggestedSource[];
}

export interface SuggestedSource {
  /** As the source could be called; made unique later. */
  readonly name: string;
  /** The entry behind the name, as YAML in one line. */
  readonly entry: string;
  /** What the entry is, for a comment; it is commented out when somebody must first fill it in. */
  readonly note?: string;
  readonly isGuess?: boolean;
  readonly channels: readonly SuggestedChannel[];
}

export interface SuggestedChannel {
  readonly channel: string;
  readonly unit?: string | undefined;
}

/** A text as YAML has it, quoted where it must be. */
export function quoted(text: string): string {
  return /^[A-Za-z_/.][A-Za-z0-9_/.-]*$/.test(text) ? text : JSON.stringify(text);
}

/** A name out of any text. */
export function nameOf(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  return (/^[a-z_]/.test(name) ? name : `s_${name}`).slice(0, 40);
}
