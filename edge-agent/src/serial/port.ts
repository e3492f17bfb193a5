// Ports of this machine, by serialport's stream on its binding, with one thing mended: a port that has hung up (an adapter pulled
// out, a pseudo-terminal whose other end is gone) reads as nothing, again and again, and the binding would read it for ever, as
// fast as it can, without a word. Ports are opened so that a read waits for a byte, so nothing means that it is gone.

import { read } from 'node:fs';
import { promisify } from 'node:util';
import type { SerialPortStream } from '@serialport/stream';
import type { PortSettings } from './settings.ts';

const readAheadBytes = 64 * 1024;
const readOnce = promisify(read);

/** @returns a port that is not open yet. Loaded when first needed: an agent without serial lines does not pay for it. */
export async function makePort(path: string, settings: PortSettings): Promise<SerialPortStream> {
  const [{ SerialPortStream }, { autoDetect, LinuxBinding, LinuxPortBinding }, { unixRead }] = await Promise.all([
    import('@serialport/stream'),
    import('@serialport/bindings-cpp'),
    import('@serialport/bindings-cpp/dist/unix-read.js'),
  ]);
  const readSomething = async (...where: Parameters<typeof readOnce>): ReturnType<typeof readOnce> => {
    const result = await readOnce(...where);
    if (result.bytesRead > 0) return result;
    throw Object.assign(new Error('it has hung up'), { code: 'ENXIO' });
  };
  const usual = autoDetect();
  const binding: typeof usual =
    usual === LinuxBinding
      ? {
          ...LinuxBinding,
          async open(options: Parameters<typeof LinuxBinding.open>[0]) {
            const port = await LinuxBinding.open(options);
            if (port instanceof LinuxPortBinding)
              port.read = (buffer, offset, length) =>
                unixRead({ binding: port, buffer, offset, length, fsReadAsync: readSomething });
            return port;
          },
        }
      : usual;
  return new SerialPortStream({
    binding,
    path,
    baudRate: settings.baud,
    parity: settings.parity,
    dataBits: settings.dataBits,
    stopBits: settings.stopBits,
    rtscts: settings.flow === 'hardware',
    xon: settings.flow === 'software',
    xoff: settings.flow === 'software',
    autoOpen: false,
    highWaterMark: readAheadBytes,
  });
}
