// A server on a TCP port that closes at once, whoever is connected.

import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { SimError } from '../errors.ts';
import type { HostPort } from '../host-port.ts';

export interface Listening {
  /** host:port, with the port the system chose. */
  readonly address: string;
  close(): Promise<void>;
}

/** @param address port 0 lets the system choose. @throws SimError when the port is taken */
export async function listen(server: Server, { host, port }: HostPort): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const shown = host.includes(':') ? `[${host}]` : host;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new SimError('LINE_FAILED', `cannot listen on ${shown}:${port}: ${String(error)}`, { cause: error });
  }
  const bound = server.address();
  return {
    address: `${shown}:${bound !== null && typeof bound !== 'string' ? bound.port : port}`,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
