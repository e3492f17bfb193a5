// The process that reads Things: node-wot takes 60 MB and half a second to start, opens sockets of its own and may hang, so it
// lives here and not in the agent. It is started with an IPC channel, told what to read, and ends when that channel does.

import { Outgoing } from './outgoing.ts';
import { toChildSchema, type FromChild } from './protocol.ts';
import { Reading } from './reading.ts';

/** Ending subscriptions takes no longer: the agent waits. */
const lastWordsMs = 500;

const end = new AbortController();
const outgoing = new Outgoing(send, () => performance.now());
let running: Promise<void> | undefined;

process.on('message', (raw) => {
  const message = toChildSchema.parse(raw);
  if (message.kind === 'credit') return outgoing.credit();
  setInterval(() => send({ kind: 'alive' }), message.aliveMs);
  send({ kind: 'alive' });
  running ??= new Reading(message, outgoing, send).run(end.signal).catch((error: unknown) => {
    send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
});
process.on('disconnect', () => {
  end.abort();
  setTimeout(() => process.exit(0), lastWordsMs).unref();
  void (running ?? Promise.resolve()).finally(() => process.exit(0));
});
// Libraries that lose a socket may say so to nobody: that costs one reading, not all of them.
process.on('unhandledRejection', (reason) => process.stderr.write(`${String(reason)}\n`));

function send(message: FromChild): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
