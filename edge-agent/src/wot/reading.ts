// All the Things of one source: finds their Thing Descriptions, reads those there are, and keeps looking for the others.

import { systemClock } from '../time/clock.ts';
import { Clients, type Credentials } from './clients.ts';
import { loadThings, named } from './load-things.ts';
import type { Outgoing } from './outgoing.ts';
import type { FromChild, Start } from './protocol.ts';
import { pathIn, type ThingDescription } from './thing-description.ts';
import { ThingReader, type Wanted } from './thing-reader.ts';

const firstPauseMs = 1000;
const longestPauseMs = 30_000;
const troublesShown = 10;

export class Reading {
  readonly #start: Start;
  readonly #credentials: Credentials;
  readonly #outgoing: Outgoing;
  readonly #send: (message: FromChild) => void;
  readonly #readers: ThingReader[] = [];
  readonly #things: ThingDescription[] = [];
  /** Why the Things of a location are not read. */
  readonly #absent = new Map<string, string>();
  /** Of the locations that are read, what cannot be used. */
  readonly #bad: string[] = [];

  constructor(start: Start, outgoing: Outgoing, send: (message: FromChild) => void) {
    this.#start = start;
    this.#credentials = { username: start.username, password: start.password, token: start.token };
    this.#outgoing = outgoing;
    this.#send = send;
  }

  /** Until `signal` aborts. @throws when nothing at all can be read, with what to do */
  async run(signal: AbortSignal): Promise<void> {
    const { locations } = this.#start;
    const loaded = await Promise.allSettled(locations.map((location) => this.#load(location)));
    const failures = loaded.flatMap((result, index) => {
      if (result.status === 'fulfilled') return [];
      const error: unknown = result.reason;
      this.#absent.set(locations[index] ?? '', messageOf(error));
      return [error];
    });
    if (failures.length === locations.length) throw failures[0];
    // Those of one title are told apart only when all are known: so they are named together.
    const things = named(loaded.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])));
    await Promise.all([this.#read(things, signal), ...[...this.#absent.keys()].map((one) => this.#await(one, signal))]);
  }

  async #load(location: string): Promise<readonly ThingDescription[]> {
    const { things, problems } = await loadThings(location, this.#credentials, this.#start.timeoutMs);
    this.#bad.push(...problems);
    return things;
  }

  /** Reads what is there later. */
  async #await(location: string, signal: AbortSignal): Promise<void> {
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      await systemClock.sleep(pauseMs, signal);
      if (signal.aborted) return;
      try {
        const things = named(await this.#load(location));
        const taken = things.find(({ device }) => this.#things.some((known) => known.device === device));
        if (taken !== undefined)
          throw new SameName(`${location} has come, with another Thing called ${taken.device}: all are named anew`);
        this.#absent.delete(location);
        return await this.#read(things, signal);
      } catch (error) {
        if (error instanceof SameName) throw error;
        this.#absent.set(location, messageOf(error));
        this.#tell();
      }
    }
  }

  async #read(things: readonly ThingDescription[], signal: AbortSignal): Promise<void> {
    const { device, channels, pollMs, refreshMs, timeoutMs, time, timeUnit } = this.#start;
    this.#things.push(...things);
    if (device !== undefined && this.#things.length > 1) {
      throw new Error(
        `device: names one Thing, but there are ${this.#things.length}; leave it out, and their titles are taken`,
      );
    }
    const readers: ThingReader[] = [];
    for (const thing of things) {
      const wanted = wantedOf(thing, channels);
      if (wanted.length === 0) continue;
      readers.push(
        new ThingReader({
          device: device ?? thing.device,
          wanted,
          clients: new Clients(this.#credentials, timeoutMs),
          pollMs,
          refreshMs,
          timeoutMs,
          time,
          timeUnit,
          add: (sample) => this.#outgoing.add(sample),
          isFull: () => this.#outgoing.isFilling,
          changed: () => this.#tell(),
        }),
      );
    }
    this.#readers.push(...readers);
    this.#tell();
    await Promise.all(readers.map((reader) => reader.run(signal)));
  }

  #tell(): void {
    const troubles = [
      ...this.#absent.values(),
      ...this.#bad,
      ...this.#missing(),
      ...this.#readers.flatMap(({ problem }) => (problem === undefined ? [] : [problem])),
    ];
    const settled = this.#readers.every(({ isSettled }) => isSettled);
    this.#send({ kind: 'state', troubles: troubles.slice(0, troublesShown), settled });
  }

  /** Signals take what no Thing has: said when all Things are known. */
  #missing(): string[] {
    if (this.#absent.size > 0 || this.#bad.length > 0) return [];
    const missing = this.#start.channels.filter(
      (channel) => !this.#things.some((thing) => wantedOf(thing, [channel]).length > 0),
    );
    if (missing.length === 0) return [];
    const known = [...new Set(this.#things.flatMap(({ affordances }) => affordances.map(({ name }) => name)))];
    return [
      `no Thing gives ${missing.join(', ')} in a way Weir can read; properties and events are: ${known.slice(0, 20).join(', ')}`,
    ];
  }
}

class SameName extends Error {}

function wantedOf({ affordances }: ThingDescription, all: readonly string[]): Wanted[] {
  return affordances.flatMap((affordance) => {
    if (affordance.read === undefined && affordance.watch === undefined) return [];
    const channels = all.flatMap((channel) => {
      const path = pathIn(affordance.name, channel);
      return path === undefined ? [] : [{ channel, path }];
    });
    return channels.length === 0 ? [] : [{ affordance, channels }];
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
