// The boards' lines of one simulation, opened and closed together.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimError } from './errors.ts';
import { parseHostPort } from './host-port.ts';
import type { Line } from './transport/line.ts';
import { openSerialLine } from './transport/serial-line.ts';
import { openTcpLine } from './transport/tcp-line.ts';

/** Where a board prints: at most one of the two. */
export interface BoardPlace {
  /** Path of the serial device to make. */
  readonly link?: string | undefined;
  /** host:port to listen on. */
  readonly tcp?: string | undefined;
}

/** What boards without a place get: a serial device in a temporary folder, or a free TCP port on this machine. */
export type Transport = 'serial' | 'tcp';

export class BoardLines {
  readonly #lines = new Map<string, Line>();
  readonly #unplugged = new Set<string>();
  #folder: string | undefined;

  /** @throws SimError when a line cannot be made; then none is left open */
  static async open(places: ReadonlyMap<string, BoardPlace>, transport: Transport): Promise<BoardLines> {
    const opened = new BoardLines();
    try {
      for (const [board, place] of places) opened.#lines.set(board, await opened.#openLine(board, place, transport));
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  devices(): ReadonlyMap<string, string> {
    return new Map([...this.#lines].map(([board, line]) => [board, line.device]));
  }

  /** @returns how many of the frames were taken: none while the board is unplugged */
  async write(board: string, frames: readonly Uint8Array[]): Promise<number> {
    return this.#unplugged.has(board) ? 0 : this.#line(board).write(frames);
  }

  /** Between two lines: what was printed is read first, unless the signal aborts. */
  async unplug(board: string, signal: AbortSignal): Promise<void> {
    const line = this.#line(board);
    this.#unplugged.add(board);
    if (line.hasReader) await line.drain(signal);
    await line.unplug();
  }

  async replug(board: string): Promise<void> {
    await this.#line(board).replug();
    this.#unplugged.delete(board);
  }

  /** Lets go of boards that nobody reads, so that nobody waits for them. */
  async closeUnread(): Promise<void> {
    await Promise.all([...this.#lines.values()].filter((line) => !line.hasReader).map((line) => line.close()));
  }

  /** @returns the boards whose last lines were not read before the signal aborted */
  async drain(signal: AbortSignal): Promise<string[]> {
    const read = [...this.#lines].filter(([, line]) => line.hasReader);
    const drained = await Promise.all(read.map(([, line]) => line.drain(signal)));
    return read.filter((_, index) => drained[index] === false).map(([board]) => board);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.close()));
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  async #openLine(board: string, place: BoardPlace, transport: Transport): Promise<Line> {
    if (place.link !== undefined) return openSerialLine(place.link);
    if (place.tcp !== undefined || transport === 'tcp') {
      const address = parseHostPort(place.tcp ?? '127.0.0.1:0');
      if (address === undefined)
        throw new SimError('OPTION_INVALID', `board ${board}: "${place.tcp}" is not host:port`);
      return openTcpLine(address);
    }
    this.#folder ??= await mkdtemp(join(tmpdir(), 'weir-sim-'));
    return openSerialLine(join(this.#folder, `${board}.tty`));
  }

  #line(board: string): Line {
    const line = this.#lines.get(board);
    if (line !== undefined) return line;
    throw new SimError('OPTION_INVALID', `there is no board "${board}"; boards: ${[...this.#lines.keys()].join(', ')}`);
  }
}
