// hub.yaml: what may be left out, and how mistakes are told.

import { expect, test } from 'vitest';
import { parseHubConfig } from './config.ts';

const parse = (text: string): ReturnType<typeof parseHubConfig> => parseHubConfig(text, 'hub.yaml', '/etc/weir');

test('an empty file is a hub with every default', () => {
  expect(parse('')).toMatchObject({
    broker: { host: '127.0.0.1', port: 1883, maxPacketBytes: 256 * 1024, maxConnections: 2000 },
    http: { host: '127.0.0.1', port: 8080 },
    dataFolder: '/etc/weir/weir-hub-data',
    raw: { aroundMs: 60_000, keepMs: 30 * 86_400_000 },
    notify: [],
  });
});

test('everything can be said', () => {
  const config = parse(`
broker: { listen: "[::1]:0", maxPacket: 1 MiB, maxConnections: 10 }
http: { listen: 0.0.0.0:80 }
data: /var/lib/weir
store: { influx: "http://10.0.0.7:8086", database: plant }
raw: { around: 0s, keep: 12h }
notify: [ { webhook: "https://alarm.example/hook" } ]
`);
  expect(config).toMatchObject({
    broker: { host: '::1', port: 0, maxPacketBytes: 1024 * 1024, maxConnections: 10 },
    http: { host: '0.0.0.0', port: 80 },
    dataFolder: '/var/lib/weir',
    raw: { aroundMs: 0, keepMs: 43_200_000 },
    notify: [{ name: 'webhook https://alarm.example/hook' }],
  });
});

test('all mistakes are told at once, each with where it stands', () => {
  const wrong = `
broker: { lisen: 127.0.0.1:1883, maxPacket: 3 apples, maxConnections: 0 }
http: { listen: nowhere }
store: { influx: "ftp://x", databse: plant }
notify:
  - webhook: nope
dta: x
raw: { around: 2h, keep: 10s, kep: 1d }
`;
  const lines = messageOf(() => parse(wrong)).split('\n');
  expect(lines.map((line) => line.replace(/^hub\.yaml:(\d+):(\d+): error: /, '$1:$2 '))).toEqual([
    '2:11 unknown key "lisen", did you mean "listen"?',
    expect.stringMatching(/^2:45 "3 apples" is not a size/),
    expect.stringMatching(/^2:71 /),
    expect.stringMatching(/^3:17 "nowhere" is not an address/),
    expect.stringMatching(/^4:18 the address of InfluxDB is like/),
    expect.stringMatching(/^4:29 unknown key "databse", did you mean "database"/),
    expect.stringMatching(/^6:14 the webhook is an address/),
    '7:1 unknown key "dta", did you mean "data"?',
    expect.stringMatching(/^8:16 raw readings are asked for up to 1h/),
    expect.stringMatching(/^8:26 raw readings are kept for 1h to/),
    '8:31 unknown key "kep", did you mean "keep"?',
  ]);
});

test('a file that is no YAML is told with the place', () => {
  expect(messageOf(() => parse('broker: {'))).toMatch(/^hub\.yaml:1:\d+: error: the YAML cannot be read/);
});

function messageOf(work: () => unknown): string {
  try {
    work();
    return 'no error';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
