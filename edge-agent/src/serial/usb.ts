// Finds the serial port of a USB adapter by its ids, as the kernel lists them: `lsusb` shows 0403:6001, and the port is
// /dev/ttyUSB0 today and /dev/ttyUSB1 after the next replugging. Two of a kind are told apart by their serial numbers.

import { readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const address = /^usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::([^:\s]+))?$/;

export interface UsbPort {
  /** Such as /dev/ttyUSB0. */
  readonly path: string;
  /** Four hex digits, in lower case. */
  readonly vendor: string;
  readonly product: string;
  readonly serialNumber: string | undefined;
  /** What the adapter calls itself. */
  readonly name: string | undefined;
}

export function isUsbAddress(text: string): boolean {
  return address.test(text);
}

/** @throws when there is no such adapter, or more than one */
export async function findUsbPort(text: string, root = '/sys/class/tty'): Promise<string> {
  const [, vendor = '', product = '', serialNumber] = address.exec(text) ?? [];
  const present = await usbPorts(root);
  const found = present.filter(
    (port) =>
      port.vendor === vendor.toLowerCase() &&
      port.product === product.toLowerCase() &&
      (serialNumber === undefined || port.serialNumber === serialNumber),
  );
  const [port, other] = found;
  if (port === undefined) {
    const seen = present.map((one) => `${addressOf(one)} (${one.path})`).join(', ');
    throw new Error(`no serial adapter ${text} is plugged in; ${seen === '' ? 'there is none' : `there is ${seen}`}`);
  }
  if (other === undefined) return port.path;
  const all = found.map((one) => `${addressOf(one)} (${one.path})`).join(' and ');
  throw new Error(`${text} is ${all}: add the serial number, or use a path below /dev/serial/by-path`);
}

export function addressOf({ vendor, product, serialNumber }: UsbPort): string {
  return `usb:${vendor}:${product}${serialNumber === undefined ? '' : `:${serialNumber}`}`;
}

/** @param root /sys/class/tty, or a copy */
export async function usbPorts(root = '/sys/class/tty'): Promise<UsbPort[]> {
  const names = await readdir(root).catch(() => []);
  const ports = await Promise.all(
    names.filter((name) => /^tty(USB|ACM)\d/.test(name)).map((name) => portOf(root, name)),
  );
  return ports.filter((port) => port !== undefined);
}

/** The ids are those of the device the port's interface belongs to, a few folders up. */
async function portOf(root: string, name: string): Promise<UsbPort | undefined> {
  let folder: string;
  try {
    folder = await realpath(join(root, name, 'device'));
  } catch {
    return undefined;
  }
  for (let level = 0; level < 5; level++, folder = dirname(folder)) {
    const vendor = await line(join(folder, 'idVendor'));
    const product = await line(join(folder, 'idProduct'));
    if (vendor === undefined || product === undefined) continue;
    const [serialNumber, called] = [await line(join(folder, 'serial')), await line(join(folder, 'product'))];
    return { path: `/dev/${name}`, vendor, product, serialNumber, name: called };
  }
  return undefined;
}

async function line(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim() === '' ? undefined : text.trim();
}
