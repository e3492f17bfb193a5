// A signal that says no unit has that of its source, where the source knows one: a Thing Description says it of each property.

import { knownUnits } from '../model/units.ts';
import { parseChannel } from './channel.ts';
import type { Kinds, Part } from './kinds.ts';
import type { Signal } from './schema.ts';

/** @param base folder of the gateway file */
export function adoptUnits(
  signals: ReadonlyMap<string, Signal>,
  sources: ReadonlyMap<string, Part>,
  kinds: Kinds,
  base: string | undefined,
): Map<string, Signal> {
  const said = (text: string): string | undefined => {
    const { source, channel } = parseChannel(text);
    const part = sources.get(source);
    return kinds.sources.find(({ key }) => key === part?.kind)?.unit?.(part?.raw, channel, base);
  };
  return new Map(
    [...signals].map(([id, signal]) => {
      const { unit, convert, from = [] } = signal;
      if (unit !== undefined || convert !== undefined) return [id, signal];
      const [one, ...others] = new Set(from.map(said));
      const isKnown = one !== undefined && others.length === 0 && (knownUnits as readonly string[]).includes(one);
      return [id, isKnown ? { ...signal, unit: one } : signal];
    }),
  );
}
