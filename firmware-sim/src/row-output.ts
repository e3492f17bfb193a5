// Where played rows go: lines on a board's line, or messages to a broker.

import type { Row } from './csv-rows.ts';
import { SimError } from './errors.ts';
import { frame } from './formats/framing.ts';
import { encodePayloads, unsayable, type Voice } from './formats/voice.ts';
import { bandPayload } from './frames.ts';
import { parseHostPort } from './host-port.ts';
import type { Line } from './transport/line.ts';
import { Publisher } from './transport/publisher.ts';
import { openSerialLine } from './transport/serial-line.ts';
import { openTcpLine } from './transport/tcp-line.ts';
import { topicOf } from './transport/topic.ts';

export type PlayTarget =
  /** Path of the serial device to make. */
  | { readonly serial: string }
  /** host:port to listen on. */
  | { readonly tcp: string }
  /** A line that is open already. Its owner closes it; where nobody reads, only that ends an aborted playing. */
  | { readonly line: Line }
  /** Broker, and a topic that may contain {signal}. */
  | { readonly mqtt: string; readonly topic: string };

export interface RowOutput {
  /** What to open to see the rows. */
  readonly device: string;
  /** @returns how many readings were taken: all, unless closed or unplugged meanwhile */
  send(rows: readonly Row[]): Promise<number>;
  /** Waits until the reader has taken everything. */
  drain(signal: AbortSignal): Promise<void>;
  /** May be called twice. */
  close(): Promise<void>;
}

/** @throws SimError when the target cannot be made, or cannot carry these signals */
export async function openOutput(
  target: PlayTarget,
  signals: readonly string[],
  voice: Voice,
  onNotice: (notice: string) => void,
): Promise<RowOutput> {
  if (!('mqtt' in target)) checkNames(signals, voice);
  if ('line' in target) return { ...lineOutput(target.line, signals, voice), close: async () => {} };
  if ('serial' in target) return lineOutput(await openSerialLine(target.serial), signals, voice);
  if ('tcp' in target) {
    const address = parseHostPort(target.tcp);
    if (address === undefined)
      throw new SimError('OPTION_INVALID', `"${target.tcp}" is not host:port, like 127.0.0.1:7001`);
    return lineOutput(await openTcpLine(address), signals, voice);
  }
  if (signals.length > 1 && !target.topic.includes('{signal}')) {
    const message = `${signals.length} signals (${signals.join(', ')}) need {signal} in the topic, or choose one column of values`;
    throw new SimError('OPTION_INVALID', message);
  }
  return brokerOutput(target.mqtt, target.topic, onNotice);
}

function lineOutput(line: Line, signals: readonly string[], voice: Voice): RowOutput {
  return {
    device: line.device,
    async send(rows) {
      const payloads = rows
        .filter((row) => Object.keys(row.values).length > 0)
        .flatMap(({ timeMs, values }) =>
          encodePayloads(
            voice,
            timeMs,
            signals.map((signal) => ({ signal, value: values[signal] })),
          ),
        );
      const taken = await line.write(payloads.map(({ bytes }) => frame(voice, bytes)));
      const said = payloads.slice(0, taken).flatMap(({ values }) => values);
      return said.filter(({ value }) => value !== undefined).length;
    },
    async drain(signal) {
      await line.drain(signal);
    },
    close: () => line.close(),
  };
}

function brokerOutput(broker: string, topic: string, onNotice: (notice: string) => void): RowOutput {
  const publisher = new Publisher(broker, onNotice);
  return {
    device: broker,
    send: (rows) =>
      publisher.publish(
        rows.flatMap(({ timeMs, values }) =>
          Object.entries(values).map(([signal, value]) => ({
            topic: topicOf(topic, { signal }),
            payload: bandPayload(timeMs, value),
          })),
        ),
      ),
    drain: async () => {},
    close: () => publisher.close(),
  };
}

function checkNames(signals: readonly string[], { format }: Voice): void {
  for (const signal of signals) {
    const problem = unsayable(format, signal);
    if (problem !== undefined)
      throw new SimError('OPTION_INVALID', `${problem}; give the column another name with --rename`);
  }
}
