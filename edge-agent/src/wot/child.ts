// The process that reads Things: node-wot takes 60 MB and a second to start, opens sockets of its own and may hang, so it lives
// here and not in the agent. It is started with an IPC channel, told what to read, and ends when that channel does.

import { Clients } from './clients.ts';
import { loadThings, named } from './load-things.ts';
import { Outgoing } from './outgoing.ts';
import { toChildSchema, type FromChild, type Start } from './protocol.ts';
import { pathIn, type ThingDescription } from './thing-description.ts';
import { ThingReader, type Wanted } from './thing-reader.ts';

/** Ending subscriptions takes no longer: the agent waits. */
const lastWordsMs = 500;

const end = new AbortController();
const outgoing = new Outgoing(send, () => performance.now());
let running: Promise<void> | undefined;

process.on('message', (raw) => {
  const message = toChildSchema.parse(raw);
  if (message.kind === 'credit') outgoing.credit();
  else running ??= run(message).catch((error: unknown) => fail(error));
});
process.on('disconnect', () => {
  end.abort();
  setTimeout(() => process.exit(0), lastWordsMs).unref();
  void (running ?? Promise.resolve()).finally(() => process.exit(0));
});
// Libraries that lose a socket may say so to nobody: that costs one reading, not all of them.
process.on('unhandledRejection', (reason) => process.stderr.write(`${String(reason)}\n`));

async function run(start: Start): Promise<void> {
  setInterval(() => send({ kind: 'alive' }), start.aliveMs);
  send({ kind: 'alive' });
  const credentials = { username: start.username, password: start.password, token: start.token };
  const loaded = await Promise.allSettled(
    start.locations.map((location) => loadThings(location, credentials, start.timeoutMs)),
  );
  const failed = loaded.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  // One bad Thing Description is not to be found out by what does not come: nothing is read until all can be.
  if (failed.length > 0) throw failed[0];
  const things = named(loaded.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])));
  if (start.device !== undefined && things.length > 1)
    throw new Error(
      `device: names one Thing, but there are ${things.length}; leave it out, and their titles are taken`,
    );
  const readers = readersOf(things, start);
  await Promise.all(readers.map((reader) => reader.run(end.signal)));
}

function readersOf(things: readonly ThingDescription[], start: Start): ThingReader[] {
  const wanted = things.map((thing) => wantedOf(thing, start.channels));
  const given = new Set(wanted.flat().flatMap(({ channels }) => channels.map(({ channel }) => channel)));
  const missing = start.channels.filter((channel) => !given.has(channel));
  if (missing.length > 0) {
    const known = [...new Set(things.flatMap(({ affordances }) => affordances.map(({ name }) => name)))];
    throw new Error(
      `no Thing gives ${missing.join(', ')} in a way Weir can read; properties and events are: ${known.slice(0, 20).join(', ')}`,
    );
  }
  const readers: ThingReader[] = [];
  const changed = (): void =>
    send({
      kind: 'state',
      troubles: readers.flatMap(({ problem }) => (problem === undefined ? [] : [problem])).slice(0, 10),
      settled: readers.every(({ isSettled }) => isSettled),
    });
  for (const [index, thing] of things.entries()) {
    readers.push(
      new ThingReader({
        ...start,
        time: start.time,
        device: start.device ?? thing.device,
        wanted: wanted[index] ?? [],
        clients: new Clients(
          { username: start.username, password: start.password, token: start.token },
          start.timeoutMs,
        ),
        add: (sample) => outgoing.add(sample),
        isFull: () => outgoing.isFilling,
        changed,
      }),
    );
  }
  return readers;
}

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

function fail(error: unknown): void {
  send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
}

function send(message: FromChild): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
