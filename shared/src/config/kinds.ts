// How sources and actions take part in the gateway file. A kind is known by the key that names it (`serial:`, `webhook:`);
// it brings the schema of its part, and what the checks across the file need to know. The agent's registries list them.

import type * as z from 'zod';

export interface ConfigKind {
  /** The key that says which kind an entry is; also the name of its file and of its page in docs/. */
  readonly key: string;
  /** One strict object, `key` among its keys. */
  readonly schema: z.ZodObject;
  /**
   * Of a source: the channels it can have, when its configuration says so. @param raw the entry as written, valid
   * @param base folder of the gateway file, when it is known: relative paths start there
   */
  channels?(raw: unknown, base?: string): readonly string[] | undefined;
  /** Of a source: the unit a channel is in, when its configuration says so; one of those Weir knows. */
  unit?(raw: unknown, channel: string, base?: string): string | undefined;
  /** What is wrong with the files the entry names, as far as they can be looked at now; a warning: it may be put right later. */
  mistake?(raw: unknown, base?: string): string | undefined;
  /** Of a source: the one device all its readings are of, when its configuration says so. @param id of the source */
  device?(raw: unknown, id: string, base?: string): string | undefined;
  /** What it alone may hold, such as a device path. @param raw the entry as written, valid */
  holds?(raw: unknown): string | undefined;
}

export interface Kinds {
  readonly sources: readonly ConfigKind[];
  readonly actions: readonly ConfigKind[];
}

/** An entry of `sources` or `actions` whose kind is known and whose schema it passed. */
export interface Part {
  readonly kind: string;
  /** As written; the kind's own schema turns it into its configuration. */
  readonly raw: unknown;
  /** Of a source: the one device all its readings are of; undefined when there may be others. */
  readonly device?: string | undefined;
}
