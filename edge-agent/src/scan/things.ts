// Things behind addresses somebody names: a Thing Description, a directory of them, or a host that has one at its well-known place.

import { messageOf } from '../logger.ts';
import { readCapped } from './read-capped.ts';
import { channelsOf, schemaOf, toThingDescription, type ThingDescription } from '../wot/thing-description.ts';
import { unitOf } from '../wot/units.ts';
import { nameOf, quoted, type Finding, type SuggestedSource } from './finding.ts';

const timeoutMs = 5000;

export async function findThings(url: string): Promise<Finding> {
  const what = `Things at ${url}`;
  const wellKnown = new URL('/.well-known/wot', url).href;
  const problems: string[] = [];
  for (const location of new Set([url, wellKnown])) {
    try {
      const value: unknown = JSON.parse(await readCapped(location, timeoutMs));
      const things = (Array.isArray(value) ? value : [value]).map((one) => toThingDescription(one, location, location));
      return { what, lines: things.map(told), sources: things.length === 0 ? [] : [suggested(location, things)] };
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  return { what, lines: [...new Set(problems)], sources: [] };
}

function told(thing: ThingDescription): string {
  return `${thing.device}  ${thing.affordances.map(({ name, kind }) => (kind === 'event' ? `${name} (event)` : name)).join(', ')}`;
}

function suggested(location: string, things: readonly ThingDescription[]): SuggestedSource {
  const channels = new Map(
    things.flatMap((thing) =>
      (channelsOf(thing) ?? []).map((channel) => {
        const unit = schemaOf(thing, channel)?.unit;
        return [channel, unit === undefined ? undefined : unitOf(unit)] as const;
      }),
    ),
  );
  return {
    name: nameOf(things.length === 1 ? (things[0]?.device ?? 'thing') : 'things'),
    entry: `{ wot: ${quoted(location)} }`,
    channels: [...channels].filter(([channel]) => !/\s/.test(channel)).map(([channel, unit]) => ({ channel, unit })),
  };
}
