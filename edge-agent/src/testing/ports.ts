// Free ports on the loopback.

import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}
