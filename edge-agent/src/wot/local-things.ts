// What Thing Descriptions on this machine tell before anything runs: the check of a gateway file knows their channels and units.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BadThingDescription, readThingDescription, schemaOf, type ThingDescription } from './thing-description.ts';
import { unitOf } from './units.ts';

/** @returns undefined when some are elsewhere, cannot be read, or when it is not known where relative paths start */
export function thingsAt(locations: readonly string[], base: string | undefined): ThingDescription[] | undefined {
  try {
    return load(locations, base);
  } catch {
    return undefined;
  }
}

/** What is wrong with those on this machine. */
export function mistakeAt(locations: readonly string[], base: string | undefined): string | undefined {
  try {
    load(locations, base);
    return undefined;
  } catch (error) {
    if (error instanceof BadThingDescription) return error.message;
    return `${error instanceof Error ? error.message : String(error)}: wot: names a file, a folder or a URL`;
  }
}

/** @returns the unit all of these Things have a channel in */
export function unitAt(things: readonly ThingDescription[], channel: string): string | undefined {
  const units = things.flatMap((thing) => {
    const schema = schemaOf(thing, channel);
    return schema === undefined ? [] : [schema.unit === undefined ? undefined : unitOf(schema.unit)];
  });
  return units.every((unit) => unit === units[0]) ? units[0] : undefined;
}

function load(locations: readonly string[], base: string | undefined): ThingDescription[] | undefined {
  if (base === undefined || locations.some((location) => /^https?:/.test(location))) return undefined;
  return locations.flatMap((location) => {
    const path = resolve(base, location);
    const files = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => name.endsWith('.td.json'))
          .map((name) => join(path, name))
      : [path];
    return files.map((file) => readThingDescription(readFileSync(file, 'utf8'), file));
  });
}
