// Finds Thing Descriptions: a file, a folder of *.td.json, a URL of one, or the URL of a directory's list of them
// (`/things`, W3C WoT Discovery).

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bodyOf, refusalOf } from './body.ts';
import type { Credentials } from './clients.ts';
import {
  BadThingDescription,
  deviceName,
  readThingDescription,
  toThingDescription,
  type ThingDescription,
} from './thing-description.ts';

const maxBytes = 4 * 1024 * 1024;
const maxThings = 500;

export interface Found {
  readonly things: readonly ThingDescription[];
  /** Of several, those that cannot be used, and what to do. */
  readonly problems: readonly string[];
}

/** @throws an error that says which, and what to do, when there is not one */
export async function loadThings(location: string, credentials: Credentials, timeoutMs: number): Promise<Found> {
  return /^https?:/.test(location) ? fromUrl(location, credentials, timeoutMs) : fromDisk(location);
}

/** Things of the same title are told apart by their ids, or by their order where they have none. */
export function named(things: readonly ThingDescription[]): ThingDescription[] {
  const used = new Map<string, number>();
  return things.map((thing) => {
    const isAlone = things.filter(({ device }) => device === thing.device).length === 1;
    const name = isAlone || thing.id === undefined ? thing.device : deviceName(`${thing.device}-${thing.id}`);
    const count = (used.get(name) ?? 0) + 1;
    used.set(name, count);
    return { ...thing, device: count === 1 ? name : `${name.slice(0, 60)}-${count}` };
  });
}

async function fromDisk(path: string): Promise<Found> {
  const stats = await stat(path).catch((error: unknown) => {
    throw new BadThingDescription(`${path} cannot be read: ${messageOf(error)}; wot: names a file, a folder or a URL`);
  });
  if (!stats.isDirectory()) return { things: [await fromFile(path)], problems: [] };
  const names = (await readdir(path)).filter((name) => name.endsWith('.td.json')).toSorted();
  if (names.length === 0) throw new BadThingDescription(`${path} has no file that ends in .td.json`);
  if (names.length > maxThings)
    throw new BadThingDescription(`${path} has ${names.length} Thing Descriptions; at most ${maxThings} are read`);
  return usable(names.map((name) => fromFile(join(path, name))));
}

async function fromFile(path: string): Promise<ThingDescription> {
  const { size } = await stat(path);
  if (size > maxBytes)
    throw new BadThingDescription(`${path} has ${size} bytes; a Thing Description has a few thousand`);
  return readThingDescription(await readFile(path, 'utf8'), path);
}

async function fromUrl(url: string, { username, password, token }: Credentials, timeoutMs: number): Promise<Found> {
  const headers: Record<string, string> = { accept: 'application/td+json, application/ld+json, application/json' };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  else if (username !== undefined)
    headers['authorization'] = `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
  const { body, finalUrl } = await get(url, headers, timeoutMs);
  const value = parse(body, url);
  if (!Array.isArray(value)) return { things: [toThingDescription(value, url, finalUrl)], problems: [] };
  if (value.length === 0) throw new BadThingDescription(`${url} lists no Things`);
  if (value.length > maxThings)
    throw new BadThingDescription(`${url} lists ${value.length} Things; at most ${maxThings} are read`);
  return usable(value.map(async (one: unknown, index) => toThingDescription(one, `${url} [${index}]`, finalUrl)));
}

/** One that is bad does not keep the others from being read. */
async function usable(loading: readonly Promise<ThingDescription>[]): Promise<Found> {
  const loaded = await Promise.allSettled(loading);
  const things = loaded.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const problems = loaded.flatMap((result) => (result.status === 'rejected' ? [messageOf(result.reason)] : []));
  if (things.length === 0) throw new BadThingDescription(problems[0]);
  return { things, problems };
}

async function get(
  url: string,
  headers: Record<string, string>,
  timeoutMs: number,
): Promise<{ body: Buffer; finalUrl: string }> {
  let response: Response;
  try {
    response = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new Error(`${url} does not give its Thing Description: ${messageOf(cause)}`, { cause: error });
  }
  if (!response.ok) throw await refusalOf(response);
  return { body: await bodyOf(response, maxBytes), finalUrl: response.url };
}

function parse(body: Buffer, url: string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new BadThingDescription(
      `${url} gives no JSON: ${messageOf(error)}; is it the address of a Thing Description?`,
      {
        cause: error,
      },
    );
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
