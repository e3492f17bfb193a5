// A serial line: a pseudo-terminal made by socat, or a TCP port on this machine where socat is missing.

import { SocatPort } from './socat-port.ts';
import { openTcpLine } from './tcp-line.ts';
import { type Line, wholeFrames } from './line.ts';

/**
 * Makes `linkPath` a serial device in raw mode.
 * @param socat name or path of the socat command
 * @returns a TCP line where there is no socat: look at `device` for what to open
 * @throws SimError when something else lies at `linkPath`
 */
export async function openSerialLine(linkPath: string, socat = 'socat'): Promise<Line> {
  const port = await SocatPort.open(linkPath, socat);
  if (port === undefined) return openTcpLine({ host: '127.0.0.1', port: 0 });
  return new SerialLine(linkPath, socat, port);
}

class SerialLine implements Line {
  readonly device: string;
  readonly #socat: string;
  #port: SocatPort | undefined;

  constructor(device: string, socat: string, port: SocatPort) {
    this.device = device;
    this.#socat = socat;
    this.#port = port;
  }

  get hasReader(): boolean {
    return this.#port?.hasReader ?? false;
  }

  async write(frames: readonly Uint8Array[]): Promise<number> {
    const takenBytes = (await this.#port?.write(Buffer.concat(frames))) ?? 0;
    return wholeFrames(frames, takenBytes);
  }

  async drain(signal: AbortSignal): Promise<boolean> {
    return (await this.#port?.drain(signal)) ?? false;
  }

  async unplug(): Promise<void> {
    const port = this.#port;
    this.#port = undefined;
    await port?.close();
  }

  async replug(): Promise<void> {
    this.#port ??= await SocatPort.open(this.device, this.#socat);
  }

  async close(): Promise<void> {
    await this.unplug();
  }
}
