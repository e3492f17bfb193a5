// Opens a serial line, wherever it is: a device of this machine, or a device server on the network.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { makePort } from './port.ts';
import { Rfc2217Stream } from './rfc2217.ts';
import type { PortSettings } from './settings.ts';
import { findUsbPort, isUsbAddress } from './usb.ts';

const connectTimeoutMs = 10_000;
const closeTimeoutMs = 1000;

export function isSerialAddress(text: string): boolean {
  return /^(\/|\.\/|\.\.\/)./.test(text) || isUsbAddress(text) || /^(tcp|rfc2217):\/\/[^:/]+:\d+$/.test(text);
}

export interface SerialLine {
  /** Ends with an error when the device is unplugged. */
  readonly stream: Duplex;
  /** Resolves when everything written has left the machine. */
  drain(): Promise<void>;
  /** What nobody has taken is thrown away. */
  close(): Promise<void>;
}

/**
 * @param address as `isSerialAddress` has it @param base folder relative paths start from
 * @throws when it is not there, is in use or may not be opened: says what to do
 */
export async function openSerial(
  address: string,
  settings: PortSettings,
  base: string,
  signal: AbortSignal,
): Promise<SerialLine> {
  const isRemote = /^[a-z0-9]+:\/\//.test(address);
  if (!isRemote)
    return openPort(isUsbAddress(address) ? await findUsbPort(address) : resolve(base, address), settings, signal);
  const socket = await connectTo(address, signal);
  const stream = address.startsWith('tcp:') ? socket : await Rfc2217Stream.start(socket, settings, signal);
  return { stream, drain: () => Promise.resolve(), close: async () => void stream.destroy() };
}

export async function connectTo(address: string, signal: AbortSignal): Promise<Socket> {
  const { hostname, port } = new URL(address);
  const socket = connect({ host: hostname, port: Number(port) });
  const timeout = AbortSignal.timeout(connectTimeoutMs);
  try {
    await once(socket, 'connect', { signal: AbortSignal.any([signal, timeout]) });
  } catch (error) {
    // Told to stop: the refusal may still come, and nobody waits for it.
    socket.on('error', () => undefined).destroy();
    if (timeout.aborted && !signal.aborted)
      throw new Error(`no answer from ${address} within ${connectTimeoutMs / 1000} s`, { cause: error });
    throw error;
  }
  return socket.setKeepAlive(true, 15_000).setNoDelay(true);
}

async function openPort(path: string, settings: PortSettings, signal: AbortSignal): Promise<SerialLine> {
  const port = await makePort(path, settings);
  await new Promise<void>((opened, failed) =>
    port.open((error) => (error === null ? opened() : failed(new Error(explained(error.message, path))))),
  );
  // serialport says "unplugged" only here; without it the stream would just stay silent.
  port.on('close', (error: Error | null) => port.destroy(error ?? undefined));
  const drain = (): Promise<void> =>
    new Promise((drained, failed) => port.drain((error) => (error === null ? drained() : failed(error))));
  // Destroying the stream alone leaves the port open, and locked. What nobody takes is thrown away: closing would wait for it.
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= new Promise((done) => {
      const finish = (): void => {
        clearTimeout(patience);
        port.destroy();
        done();
      };
      // A device that vanishes at this moment may never call back.
      const patience = setTimeout(finish, closeTimeoutMs);
      if (port.isOpen) port.flush(() => port.close(finish));
      else finish();
    }));
  // Told to stop while it opened.
  if (signal.aborted) await close();
  return { stream: port, drain, close };
}

function explained(message: string, path: string): string {
  if (message.includes('Permission denied'))
    return `${path} may not be opened: the agent's user must be in the group of the device (dialout on Debian)`;
  if (message.includes('No such file')) return `${path}: No such file or directory; is it plugged in?`;
  if (message.includes('Cannot lock port')) return `${path} is in use by another program`;
  return `${path}: ${message}`;
}
