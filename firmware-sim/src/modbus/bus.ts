// A Modbus bus with its slaves: RTU on a pseudo-terminal, or TCP. A slave that is not there does not answer.

import { createServer, type Socket } from 'node:net';
import { type HostPort, parseHostPort } from '../host-port.ts';
import { SimError } from '../errors.ts';
import { DuplexPort } from '../transport/duplex-port.ts';
import { listen, type Listening } from '../transport/listening.ts';
import { RtuRequests, rtuFrame } from './rtu.ts';
import { TcpRequests, tcpFrame } from './tcp.ts';

/** @returns undefined where nobody answers */
export type AskSlave = (unit: number, pdu: Buffer) => Promise<{ pdu: Buffer; isCheckWrong: boolean } | undefined>;

export type BusPlace = { readonly tcp: string } | { readonly rtu: string };

export interface Bus {
  /** What an agent opens: path of the serial device, tcp://host:port, or rtu+tcp://host:port for RTU where there is no socat. */
  readonly device: string;
  close(): Promise<void>;
}

/** @throws SimError when the bus cannot be made */
export async function openBus(place: BusPlace, ask: AskSlave): Promise<Bus> {
  if ('tcp' in place) {
    const address = parseHostPort(place.tcp);
    if (address === undefined) throw new SimError('OPTION_INVALID', `"${place.tcp}" is not host:port`);
    return openTcpBus(address, 'tcp', ask);
  }
  const answer = rtuAnswerer(ask);
  const port = await DuplexPort.open(place.rtu, answer);
  return port ?? openTcpBus({ host: '127.0.0.1', port: 0 }, 'rtu+tcp', ask);
}

async function openTcpBus(address: HostPort, protocol: 'tcp' | 'rtu+tcp', ask: AskSlave): Promise<Bus> {
  const serve = protocol === 'tcp' ? serveTcp : serveRtu;
  const server: Listening = await listen(
    createServer((socket) => serve(socket, ask)),
    address,
  );
  return { device: `${protocol}://${server.address}`, close: () => server.close() };
}

function serveTcp(socket: Socket, ask: AskSlave): void {
  const stream = new TcpRequests();
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const requests = stream.push(chunk);
    if (requests === undefined) socket.destroy();
    for (const request of requests ?? []) {
      void ask(request.unit, request.pdu).then((answer) => {
        if (answer !== undefined && !socket.destroyed) socket.write(tcpFrame({ ...request, pdu: answer.pdu }));
      });
    }
  });
}

function serveRtu(socket: Socket, ask: AskSlave): void {
  const answer = rtuAnswerer(ask);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) =>
    answer(chunk, (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    }),
  );
}

function rtuAnswerer(ask: AskSlave): (chunk: Buffer, reply: (bytes: Buffer) => void) => void {
  const requests = new RtuRequests();
  return (chunk, reply) => {
    for (const { unit, pdu } of requests.push(chunk)) {
      void ask(unit, pdu).then((answer) => {
        if (answer !== undefined) reply(rtuFrame({ unit, pdu: answer.pdu }, answer.isCheckWrong));
      });
    }
  };
}
