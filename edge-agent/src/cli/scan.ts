// `weir-agent scan`: what is plugged in and what answers, and a gateway file to start from.
//
// What is here anyway (serial ports, GPIO) is listed; what must be asked over a bus or a network is asked only where somebody
// names it, because a stranger's machine is not to be probed by itself.

import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { parseDuration } from '@weir/shared/model/duration.ts';
import { Command, InvalidArgumentError, Option } from 'commander';
import { isBusAddress } from '../modbus/bus.ts';
import type { Finding } from '../scan/finding.ts';
import { findGpioChips } from '../scan/gpio-chips.ts';
import { findSlaves } from '../scan/modbus-slaves.ts';
import { findTopics } from '../scan/mqtt-topics.ts';
import { findSerialPorts } from '../scan/serial-ports.ts';
import { startingFile } from '../scan/starting-file.ts';
import { findThings } from '../scan/things.ts';
import { nameOf } from '../scan/finding.ts';
import { isSerialAddress } from '../serial/open.ts';
import { systemClock } from '../time/clock.ts';
import { CommandError } from './gateway-file.ts';

interface ScanFlags {
  readonly serial: readonly string[];
  readonly listen?: true;
  readonly mqtt: readonly string[];
  readonly username?: string;
  readonly passwordFile?: string;
  readonly ca?: string;
  readonly modbus: readonly string[];
  readonly slaves: readonly [number, number];
  readonly baud: number;
  readonly parity: 'none' | 'even' | 'odd';
  readonly wot: readonly string[];
  readonly for: number;
  readonly out?: string;
}

const slaveTimeoutMs = 200;

export function scanCommand(print: (line: string) => void): Command {
  return new Command('scan')
    .description(
      'list serial ports, GPIO and, where you name them, topics of a broker, Modbus slaves and Things; print a gateway file to start from',
    )
    .option('--serial <port>', 'one more port: a path, usb:0403:6001 or tcp://host:port; may be repeated', gather, [])
    .option('--listen', 'open every port and see what it prints; that resets many boards')
    .option('--mqtt <url>', 'a broker to listen to; may be repeated', gather, [])
    .option('--username <name>', 'user name at the broker')
    .option('--password-file <path>', 'file with its password')
    .option('--ca <path>', "file with the certificate of the broker's authority")
    .option(
      '--modbus <bus>',
      'a bus to ask: tcp://host:502, a port, or rtu+tcp://host:port; may be repeated',
      gather,
      [],
    )
    .option('--slaves <range>', 'numbers of slaves to ask', slaveRange, [1, 16] as const)
    .option('--baud <rate>', 'of serial ports', integer, 115_200)
    .addOption(new Option('--parity <parity>', 'of Modbus on a port').choices(['none', 'even', 'odd']).default('none'))
    .option(
      '--wot <url>',
      'a Thing Description, a directory of them, or a host that has one; may be repeated',
      gather,
      [],
    )
    .option('--for <duration>', 'how long to listen', duration, 5000)
    .option('--out <gateway.yaml>', 'write the gateway file there instead of printing it')
    .action((flags: ScanFlags) => scan(flags, print));
}

async function scan(flags: ScanFlags, print: (line: string) => void): Promise<void> {
  check(flags);
  const { baud, parity, username, passwordFile, ca } = flags;
  const settings = { baud, parity, dataBits: 8, stopBits: 1, flow: 'none' } as const;
  const listenMs = flags.for;
  const findings: Finding[] = [];
  const tell = (finding: Finding): void => {
    findings.push(finding);
    print(`# ${finding.what}`);
    for (const line of finding.lines) print(`#   ${line}`);
  };
  const busPorts = new Set(flags.modbus);
  const also = flags.serial.filter((port) => !busPorts.has(port));
  tell(await findSerialPorts({ also, listenMs: flags.listen === true ? listenMs : undefined, baud }));
  tell(await findGpioChips());
  for (const url of flags.mqtt) tell(await findTopics({ url, listenMs, username, passwordFile, ca }));
  for (const address of flags.modbus)
    tell(await findSlaves({ address, settings, slaves: flags.slaves, timeoutMs: slaveTimeoutMs, clock: systemClock }));
  for (const url of flags.wot) tell(await findThings(url));
  const text = startingFile(nameOf(hostname()).replaceAll('_', '-'), findings);
  if (flags.out === undefined) print(`\n${text.trimEnd()}`);
  else {
    await writeFile(flags.out, text, { flag: 'wx' }).catch((error: unknown) => {
      const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      throw isThere ? new CommandError(`${flags.out} is there already; name another file`) : error;
    });
    print(`# written to ${flags.out}; now: weir-agent check ${flags.out}`);
  }
}

function check({ serial, modbus, mqtt, wot }: ScanFlags): void {
  for (const port of serial)
    if (!isSerialAddress(port))
      throw new CommandError(`--serial ${port}: write a path, usb:0403:6001 or tcp://host:port`);
  for (const bus of modbus)
    if (!isBusAddress(bus))
      throw new CommandError(`--modbus ${bus}: write tcp://host:502, a port, or rtu+tcp://host:port`);
  for (const [flag, urls, protocols] of [
    ['--mqtt', mqtt, ['mqtt:', 'mqtts:']],
    ['--wot', wot, ['http:', 'https:']],
  ] as const) {
    for (const url of urls)
      if (!URL.canParse(url) || !protocols.some((protocol) => protocol === new URL(url).protocol))
        throw new CommandError(`${flag} ${url}: write it like ${protocols[0]}//10.0.0.5`);
  }
}

function gather(one: string, before: readonly string[]): readonly string[] {
  return [...before, one];
}

function slaveRange(text: string): readonly [number, number] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const range = [Number(first), Number(last)] as const;
  if (!(range[0] >= 1 && range[0] <= range[1] && range[1] <= 247))
    throw new InvalidArgumentError('write it like 1-16; slaves have numbers from 1 to 247');
  return range;
}

function integer(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('a whole number greater than 0');
  return Number(text);
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('write it like 5s');
  return ms;
}
