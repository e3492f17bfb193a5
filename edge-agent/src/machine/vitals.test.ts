// Files as the kernel of a Raspberry Pi shows them.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../testing/temp-folder.ts';
import { Vitals, vitalNames } from './vitals.ts';

const raspberry = {
  'proc/loadavg': '0.42 0.30 0.20 1/123 4567\n',
  'proc/meminfo': 'MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:  250 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n',
  'proc/uptime': '12345.67 20000.00\n',
  'proc/stat': 'cpu  100 0 50 800 50 0 0 0 30 0\ncpu0 1 2 3 4\n',
  'proc/net/wireless':
    'Inter-| sta-|   Quality        |   Discarded packets\n face | tus | link level noise |\n wlan0: 0000   54.  -56.  -256        0      0\n',
  'sys/class/thermal/thermal_zone0/type': 'wifi\n',
  'sys/class/thermal/thermal_zone0/temp': '70000\n',
  'sys/class/thermal/thermal_zone1/type': 'cpu-thermal\n',
  'sys/class/thermal/thermal_zone1/temp': '48312\n',
  'sys/block/mmcblk0/device/life_time': '0x02 0x03\n',
  'sys/devices/platform/soc/soc:firmware/get_throttled': '50000\n',
};

async function machine(files: Readonly<Record<string, string>>) {
  const root = await tempFolder();
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  return { vitals: new Vitals({ root, dataFolder: root, clockOffset: async () => -1.5 }), write };
}

describe('the health of a gateway', () => {
  it('is what its files say', async () => {
    const { vitals, write } = await machine(raspberry);
    expect((await vitals.read(['cpu'])).get('cpu')).toBeUndefined();
    write('proc/stat', 'cpu  150 0 50 875 75 0 0 0 30 0\n');
    const read = await vitals.read(vitalNames);
    const known = Object.fromEntries([...read].filter(([name]) => !/^disk|agent/.test(name)));
    expect(known).toEqual({
      cpu_temperature: 48.312,
      cpu: (100 * 50) / 150,
      load: 0.42,
      memory: 75,
      swap: undefined,
      card_life: 70,
      wifi_signal: -56,
      under_voltage: 1,
      throttled: 0,
      clock_offset: -1.5,
      uptime: 12_345.67,
    });
    expect(read.get('disk')).toBeGreaterThan(0);
    expect(read.get('disk_free')).toBeGreaterThan(0);
    expect(read.get('agent_memory')).toBeGreaterThan(10);
  });

  it('is not known of what a machine does not have', async () => {
    const { vitals } = await machine({});
    const read = await vitals.read(vitalNames);
    const unknown = [...read].filter(([, value]) => value === undefined).map(([name]) => name);
    expect(unknown).toEqual(vitalNames.filter((name) => !/^disk|agent_memory|clock_offset/.test(name)));
  });

  it('tells heat and power apart', async () => {
    const { vitals, write } = await machine(raspberry);
    write('sys/devices/platform/soc/soc:firmware/get_throttled', '80008\n');
    expect(Object.fromEntries(await vitals.read(['under_voltage', 'throttled']))).toEqual({
      under_voltage: 0,
      throttled: 1,
    });
  });

  it('on the machine of this test is plausible', async () => {
    const vitals = new Vitals({ root: '/', dataFolder: '/', clockOffset: async () => undefined });
    const read = await vitals.read(['memory', 'load', 'uptime', 'disk']);
    expect(read.get('memory')).toBeGreaterThan(0);
    expect(read.get('memory')).toBeLessThan(100);
    expect(read.get('load')).toBeGreaterThanOrEqual(0);
    expect(read.get('uptime')).toBeGreaterThan(1);
  });
});
