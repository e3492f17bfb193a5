// Serial ports of this machine: USB adapters with their ids, and those on the board. With `listen`, what is printed on them.
//
// Listening opens the port, and that resets many boards; so it is done only when it is asked for.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameCutter } from '../formats/frames.ts';
import { messageOf } from '../logger.ts';
import { openSerial } from '../serial/open.ts';
import { addressOf, usbPorts } from '../serial/usb.ts';
import { nameOf, quoted, type Finding, type SuggestedSource } from './finding.ts';
import { guessFormat } from './guess-format.ts';

const linesHeard = 50;
const maxLineBytes = 4096;

export interface SerialScan {
  /** More ports to look at, such as those of device servers. */
  readonly also: readonly string[];
  readonly listenMs: number | undefined;
  readonly baud: number;
  /** /sys/class/tty, or a copy. */
  readonly root?: string;
}

interface Port {
  readonly address: string;
  readonly name: string;
  readonly told: string;
}

export async function findSerialPorts({ also, listenMs, baud, root = '/sys/class/tty' }: SerialScan): Promise<Finding> {
  const usb = (await usbPorts(root)).map((port): Port => {
    const address = addressOf(port);
    const told = `${port.path}  ${address}${port.name === undefined ? '' : `  ${port.name}`}`;
    return { address, name: nameOf(port.name ?? port.path.slice(5)), told };
  });
  const others = [...(await boardPorts(root)), ...also].map((path): Port => ({
    address: path,
    name: nameOf(path.split('/').at(-1) ?? path),
    told: path,
  }));
  const found: { line: string; source: SuggestedSource }[] = [];
  for (const port of [...usb, ...others]) found.push(await look(port, listenMs, baud));
  const lines = found.map(({ line }) => line);
  return {
    what: 'serial ports',
    lines: lines.length === 0 ? ['none: no USB adapter is plugged in'] : lines,
    sources: found.map(({ source }) => source),
  };
}

async function look(
  { address, name, told }: Port,
  listenMs: number | undefined,
  baud: number,
): Promise<{ line: string; source: SuggestedSource }> {
  const base = `serial: ${quoted(address)}, baud: ${baud}`;
  const unknown = (note: string): SuggestedSource => ({
    name,
    entry: `{ ${base}, format: json }`,
    note,
    isGuess: true,
    channels: [],
  });
  if (listenMs === undefined)
    return { line: told, source: unknown('what does it print? scan with --listen, or see docs/formats.md') };
  let lines: string[];
  try {
    lines = await listen(address, baud, listenMs);
  } catch (error) {
    return { line: `${told}  ${messageOf(error)}`, source: unknown(messageOf(error)) };
  }
  const guessed = guessFormat(lines);
  const [sample = ''] = lines.slice(-1);
  if (guessed === undefined) {
    const heard =
      lines.length === 0
        ? `silent for ${listenMs / 1000} s at ${baud} baud`
        : `prints ${JSON.stringify(sample.slice(0, 60))}: no format Weir knows, or another baud rate`;
    return { line: `${told}  ${heard}`, source: unknown(heard) };
  }
  const source = { name, entry: `{ ${base}, ${guessed.keys} }`, channels: guessed.channels };
  return { line: `${told}  ${guessed.keys}  ${sample.slice(0, 60)}`, source };
}

/** The last lines of a port that is listened to for a while. */
async function listen(address: string, baud: number, ms: number): Promise<string[]> {
  const over = AbortSignal.timeout(ms);
  const settings = { baud, parity: 'none', dataBits: 8, stopBits: 1, flow: 'none' } as const;
  const line = await openSerial(address, settings, '/', over);
  const lines: string[] = [];
  const cutter = new FrameCutter('lines', 'none', maxLineBytes);
  line.stream.on('data', (chunk: Buffer) =>
    cutter.push(chunk, {
      frame: (bytes) => {
        lines.push(bytes.toString('utf8').trim());
        if (lines.length > linesHeard) lines.shift();
      },
      bad: () => undefined,
    }),
  );
  line.stream.on('error', () => undefined);
  await new Promise<void>((ended) => {
    over.addEventListener('abort', () => ended());
    line.stream.on('close', () => ended());
  });
  await line.close();
  // The first one may have begun before.
  return lines.slice(1);
}

/** Ports that are really there: the kernel lists many 8250 ports that no hardware is behind. */
async function boardPorts(root: string): Promise<string[]> {
  const names = await readdir(root).catch(() => []);
  const candidates = names.filter((name) => /^tty(AMA|S|mxc|PS|O)\d+$/.test(name)).toSorted();
  const types = await Promise.all(
    candidates.map((name) => readFile(join(root, name, 'type'), 'utf8').catch(() => '1')),
  );
  return candidates.filter((_, index) => types[index]?.trim() !== '0').map((name) => `/dev/${name}`);
}
