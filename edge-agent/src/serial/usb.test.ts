// A copy of what the kernel shows of two adapters of one make and a board.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../testing/temp-folder.ts';
import { findUsbPort, isUsbAddress, usbPorts } from './usb.ts';

async function sysfs(ports: Record<string, Record<string, string>>): Promise<string> {
  const root = await tempFolder();
  const listed = join(root, 'class');
  mkdirSync(join(listed, 'ttyS0'), { recursive: true });
  for (const [name, files] of Object.entries(ports)) {
    const device = join(root, 'devices', name);
    const port = join(device, '1-1:1.0', name);
    mkdirSync(port, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(device, file), `${text}\n`);
    mkdirSync(join(listed, name));
    symlinkSync(port, join(listed, name, 'device'));
  }
  return listed;
}

const adapters = {
  ttyUSB0: { idVendor: '0403', idProduct: '6001', serial: 'A50285BI', product: 'FT232R USB UART' },
  ttyUSB1: { idVendor: '0403', idProduct: '6001', serial: 'A9XYZ' },
  ttyACM0: { idVendor: '2341', idProduct: '0043' },
};

describe('a serial adapter', () => {
  it('is found by its ids, and one of two by its serial number', async () => {
    const root = await sysfs(adapters);
    expect(await findUsbPort('usb:2341:0043', root)).toBe('/dev/ttyACM0');
    expect(await findUsbPort('usb:0403:6001:A9XYZ', root)).toBe('/dev/ttyUSB1');
  });

  it('that is one of two, or not there, is asked about', async () => {
    const root = await sysfs(adapters);
    await expect(findUsbPort('usb:0403:6001', root)).rejects.toThrow(
      'usb:0403:6001 is usb:0403:6001:A50285BI (/dev/ttyUSB0) and usb:0403:6001:A9XYZ (/dev/ttyUSB1): add the serial number',
    );
    await expect(findUsbPort('usb:10c4:ea60', root)).rejects.toThrow(
      'no serial adapter usb:10c4:ea60 is plugged in; there is usb:',
    );
    await expect(findUsbPort('usb:10c4:ea60', join(root, 'nowhere'))).rejects.toThrow('there is none');
  });

  it('is listed with what it calls itself', async () => {
    const ports = await usbPorts(await sysfs(adapters));
    expect(ports.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: '/dev/ttyACM0', vendor: '2341', product: '0043', serialNumber: undefined, name: undefined },
      { path: '/dev/ttyUSB0', vendor: '0403', product: '6001', serialNumber: 'A50285BI', name: 'FT232R USB UART' },
      { path: '/dev/ttyUSB1', vendor: '0403', product: '6001', serialNumber: 'A9XYZ', name: undefined },
    ]);
  });

  it('is written as usb:vendor:product', () => {
    expect(['usb:0403:6001', 'usb:0403:6001:X', 'usb:403:6001', 'usb:0403', '/dev/ttyUSB0'].map(isUsbAddress)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
