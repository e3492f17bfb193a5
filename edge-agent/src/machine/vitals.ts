// The gateway's own health, as the kernel tells it in files. What a machine does not have is undefined.
//
//   cpu_temperature  °C      /sys/class/thermal: the zone of the processor, or the first
//   cpu              %       /proc/stat: busy since the last look
//   load             1       /proc/loadavg: processes that want to run, mean of a minute
//   memory           %       /proc/meminfo: used, as MemAvailable has it
//   swap             %       likewise
//   disk             %       the file system of the data folder: used
//   disk_free        GB      likewise: free
//   card_life        %       /sys/block/mmcblk*/device/life_time: what is left of an eMMC, in tenths (JEDEC eMMC 5.0); SD cards do not say
//   wifi_signal      dBm     /proc/net/wireless: of the first interface
//   under_voltage    0 or 1  the Raspberry Pi's power supply has been too weak: /sys/devices/platform/soc/…/get_throttled, bits 0 and 16
//   throttled        0 or 1  its processor is slowed down by heat or power: bits 1, 2 and 3
//   clock_offset     ms      how far the clock is off, by chrony
//   uptime           s       /proc/uptime, since the machine was started
//   agent_memory     MB      resident memory of the agent

import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';

export const vitalNames = [
  'cpu_temperature',
  'cpu',
  'load',
  'memory',
  'swap',
  'disk',
  'disk_free',
  'card_life',
  'wifi_signal',
  'under_voltage',
  'throttled',
  'clock_offset',
  'uptime',
  'agent_memory',
] as const;

export type VitalName = (typeof vitalNames)[number];

export interface VitalsOptions {
  /** `/`, or the folder of a copy. */
  readonly root: string;
  /** On the file system that is watched. */
  readonly dataFolder: string;
  /** Offset of the clock in milliseconds; undefined when nobody knows it. */
  readonly clockOffset: () => Promise<number | undefined>;
}

/** More than this is no temperature of a processor. */
const hottest = 200;

export class Vitals {
  readonly #options: VitalsOptions;
  #cpu: { readonly busy: number; readonly total: number } | undefined;

  constructor(options: VitalsOptions) {
    this.#options = options;
  }

  /** @returns what the machine says now, of those that are asked for */
  async read(names: readonly VitalName[]): Promise<Map<VitalName, number | undefined>> {
    return new Map(await Promise.all(names.map(async (name) => [name, await this.#one(name)] as const)));
  }

  async #one(name: VitalName): Promise<number | undefined> {
    switch (name) {
      case 'cpu_temperature':
        return this.#temperature();
      case 'cpu':
        return this.#busy();
      case 'load':
        return numberIn(await this.#text('proc/loadavg'), /^([\d.]+)/);
      case 'memory':
        return this.#used('MemTotal', 'MemAvailable');
      case 'swap':
        return this.#used('SwapTotal', 'SwapFree');
      case 'disk':
      case 'disk_free':
        return this.#disk(name);
      case 'card_life':
        return this.#cardLife();
      case 'wifi_signal':
        return numberIn(await this.#text('proc/net/wireless'), /^\s*\w+:\s+\d+\s+[\d.]+\s+(-[\d.]+)/m);
      case 'under_voltage':
        return this.#throttling(0x1_0001);
      case 'throttled':
        return this.#throttling(0xe);
      case 'clock_offset':
        return this.#options.clockOffset();
      case 'uptime':
        return numberIn(await this.#text('proc/uptime'), /^([\d.]+)/);
      case 'agent_memory':
        return process.memoryUsage.rss() / 1e6;
    }
  }

  async #temperature(): Promise<number | undefined> {
    const zones = await this.#list('sys/class/thermal', /^thermal_zone\d+$/);
    const named = await Promise.all(
      zones.map(async (zone) => ({
        milli: numberIn(await this.#text(join('sys/class/thermal', zone, 'temp')), /^(-?\d+)/),
        isOfCpu: /cpu|soc|pkg/i.test(await this.#text(join('sys/class/thermal', zone, 'type'))),
      })),
    );
    const known = named.filter(({ milli }) => milli !== undefined && Math.abs(milli) < hottest * 1000);
    const milli = (known.find(({ isOfCpu }) => isOfCpu) ?? known[0])?.milli;
    return milli === undefined ? undefined : milli / 1000;
  }

  /** The first look only remembers: a share is of the time between two. */
  async #busy(): Promise<number | undefined> {
    const [, line] = /^cpu\s+(.*)$/m.exec(await this.#text('proc/stat')) ?? [];
    const times = line?.split(/\s+/).map(Number);
    if (times === undefined || times.length < 5) return undefined;
    // Guest time is in user time already.
    const total = times.slice(0, 8).reduce((sum, time) => sum + time, 0);
    const [idle = 0, waiting = 0] = times.slice(3, 5);
    const before = this.#cpu;
    this.#cpu = { busy: total - idle - waiting, total };
    if (before === undefined || total <= before.total) return undefined;
    return (100 * (this.#cpu.busy - before.busy)) / (total - before.total);
  }

  async #used(total: string, free: string): Promise<number | undefined> {
    const text = await this.#text('proc/meminfo');
    const [all, left] = [total, free].map((name) => numberIn(text, new RegExp(`^${name}:\\s+(\\d+)`, 'm')));
    return all === undefined || left === undefined || all === 0 ? undefined : 100 * (1 - left / all);
  }

  async #disk(name: 'disk' | 'disk_free'): Promise<number | undefined> {
    try {
      const { bsize, blocks, bavail } = await statfs(this.#options.dataFolder);
      if (blocks === 0) return undefined;
      return name === 'disk' ? 100 * (1 - bavail / blocks) : (bavail * bsize) / 1e9;
    } catch {
      return undefined;
    }
  }

  async #cardLife(): Promise<number | undefined> {
    const cards = await this.#list('sys/block', /^mmcblk\d+$/);
    const lives = await Promise.all(cards.map((card) => this.#text(join('sys/block', card, 'device/life_time'))));
    // 0x01 is up to a tenth used, 0x0a up to all of it, 0x0b more; of two kinds of memory the worse one.
    const used = lives
      .flatMap((text) => text.split(/\s+/).map((one) => parseInt(one, 16)))
      .filter((tenths) => tenths > 0);
    return used.length === 0 ? undefined : Math.max(0, 100 - 10 * Math.max(...used));
  }

  async #throttling(bits: number): Promise<number | undefined> {
    const text = await this.#text('sys/devices/platform/soc/soc:firmware/get_throttled');
    const flags = parseInt(text, 16);
    return Number.isNaN(flags) ? undefined : Number((flags & bits) !== 0);
  }

  async #text(path: string): Promise<string> {
    return readFile(join(this.#options.root, path), 'utf8').catch(() => '');
  }

  async #list(folder: string, pattern: RegExp): Promise<string[]> {
    const names = await readdir(join(this.#options.root, folder)).catch(() => []);
    return names.filter((name) => pattern.test(name)).toSorted();
  }
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const value = Number(pattern.exec(text)?.[1] ?? NaN);
  return Number.isNaN(value) ? undefined : value;
}
