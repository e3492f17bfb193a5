// Listening on an address, with an error that says which and why.

import type { Server } from 'node:net';
import { HubError, messageOf } from './errors.ts';

export interface Address {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** @returns the port it listens on @throws HubError */
export async function listen(server: Server, { host, port }: Address): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, host, resolve);
  try {
    await promise;
  } catch (error) {
    throw new HubError('WEIR_HUB_LISTEN', `cannot listen on ${host}:${port}: ${messageOf(error)}`, { cause: error });
  } finally {
    server.off('error', reject);
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has an address');
  return address.port;
}

/** Resolves when the server has let go of its address and of every connection. */
export function closed(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  return promise;
}
