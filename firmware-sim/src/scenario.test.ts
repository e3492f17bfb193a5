// The scenario file: what it means, and that every mistake is told at once with its place.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createBoard } from './devices.ts';
import { SimError } from './errors.ts';
import { parseScenario } from './scenario.ts';

function mistakes(text: string): string[] {
  try {
    parseScenario(text, 's.yaml');
  } catch (error) {
    if (error instanceof SimError && error.code === 'SCENARIO_INVALID') return error.message.split('\n');
    throw error;
  }
  return [];
}

const example = new URL('../scenarios/chocolate-line.yaml', import.meta.url);

const oven =
  'boards: { oven: { format: json, every: 100ms, signals: { temp: { kind: tempering }, rh: { kind: humidity } } } }';

describe('scenario', () => {
  it('the example of the chocolate line is valid and prints 200 to 400 readings a second', () => {
    const { boards, wearables } = parseScenario(readFileSync(example, 'utf8'), 'chocolate-line.yaml');
    const perSecond = Object.values(boards).map(
      ({ everyMs, signals }) => (1000 / everyMs) * Object.keys(signals).length,
    );
    const rate = perSecond.reduce((sum, one) => sum + one, 0);
    expect(rate).toBeGreaterThanOrEqual(200);
    expect(rate).toBeLessThanOrEqual(400);
    expect(Object.values(wearables?.bands ?? {}).filter(({ syncMs }) => syncMs !== undefined)).toHaveLength(1);
  });

  it('the example overheats within the first 10 s, long enough for an alert, and cools down before 25 s', () => {
    const { seed, boards, faults } = parseScenario(readFileSync(example, 'utf8'), 'chocolate-line.yaml');
    const board = boards['tempering'];
    if (board === undefined) throw new Error('the example has no tempering board');
    for (const startMs of [0, 6, 12, 18].map((hour) => Date.UTC(2026, 2, 2, hour))) {
      const run = { seed, startMs, endMs: startMs + 25_000, faults, report: () => {} };
      const readings = createBoard('tempering', board, run)
        .step(startMs + 25_000, Infinity)
        .flatMap(({ timeMs, values }) =>
          values
            .filter(({ bad }) => bad === undefined)
            .map(({ value }) => ({ second: (timeMs - startMs) / 1000, value })),
        );
      const hot = readings.filter(({ value }) => value > 34).map(({ second }) => second);
      expect(hot[0]).toBeLessThan(6);
      expect((hot.at(-1) ?? 0) - (hot[0] ?? 0)).toBeGreaterThan(5);
      expect(readings.filter(({ second, value }) => second > 14 && value > 33)).toEqual([]);
    }
  });

  it('has defaults for start, speed, seed and faults', () => {
    expect(parseScenario(oven, 's.yaml')).toMatchObject({ start: 'now', speed: 1, seed: 1, faults: [] });
  });

  it('reads a start time', () => {
    expect(parseScenario(`start: 2026-03-01T08:00:00Z\n${oven}`, 's.yaml').start).toBe(Date.UTC(2026, 2, 1, 8));
  });

  it('reports all mistakes of form at once, each with line and column', () => {
    const found = mistakes(`start: tomorrow
sped: 2
boards:
  oven: { format: xml, every: 100ms, signals: { temp: { kind: tempering } } }
  cold: { format: csv, every: soon, signals: { rh: { kind: humid } } }
wearables:
  broker: http://x
  topic: band/all
  bands: { anna: { every: 1s, sink: 20s } }
faults:
  - { at: 10s, device: oven, signal: temp, kind: melt }
  - { at: 10s, device: oven, signal: temp, kind: overheat }
`);
    const places = found.map((line) => line.split(': ')[0]);
    expect(places).toEqual([
      's.yaml:1:8',
      's.yaml:2:1',
      's.yaml:4:19',
      's.yaml:5:31',
      's.yaml:5:60',
      's.yaml:7:11',
      's.yaml:8:10',
      's.yaml:9:31',
      's.yaml:11:50',
      's.yaml:12:5',
    ]);
    expect(found[1]).toContain('did you mean "speed"');
    expect(found[8]).toContain('clock-ahead');
    expect(found[9]).toContain('"for" is missing');
  });

  it('reports faults of devices and signals that are not there, and overheats of what has no temperature', () => {
    const found = mistakes(`${oven}
faults:
  - { at: 1s, device: owen, kind: garble }
  - { at: 1s, for: 1s, device: oven, signal: tmp, kind: stuck }
  - { at: 1s, for: 1s, device: oven, signal: rh, kind: overheat }
  - { at: 1s, for: 5s, every: 5s, device: oven, kind: dropout }
`);
    expect(found).toEqual([
      expect.stringMatching(/^s\.yaml:3:23: error: there is no device "owen"; devices: oven/),
      expect.stringMatching(/^s\.yaml:4:46: error: oven has no signal "tmp"; signals: temp, rh/),
      expect.stringMatching(/^s\.yaml:5:46: error: only a temperature/),
      expect.stringMatching(/^s\.yaml:6:31: error: "every" must be longer than "for"/),
    ]);
  });

  it('refuses a name that is both a board and a band, a board in two places, and an empty scenario', () => {
    const broker = 'broker: mqtt://b, topic: "{device}/{signal}"';
    expect(mistakes(`${oven}\nwearables: { ${broker}, bands: { oven: { every: 1s } } }`)).toEqual([
      expect.stringContaining('"oven" is a board already'),
    ]);
    expect(mistakes(oven.replace('format', 'link: a, tcp: "b:1", format'))).toEqual([
      expect.stringContaining('either link or tcp'),
    ]);
    expect(mistakes('speed: 2')).toEqual([expect.stringContaining('nothing to simulate')]);
  });

  it('refuses a framing of what is not cbor, and names a format cannot say', () => {
    const board = (rest: string): string => `boards: { oven: { every: 1s, ${rest} } }`;
    const temp = 'signals: { temp: { kind: tempering } }';
    expect(mistakes(board(`format: kv, framing: slip, crc: crc16, ${temp}`))).toEqual([
      expect.stringMatching(/only cbor has a framing/),
      expect.stringMatching(/only cbor has a crc/),
    ]);
    expect(mistakes(board(`format: cbor, framing: slip, crc: crc16, ${temp}`))).toEqual([]);
    expect(mistakes(board(`format: nmea, signals: { ${'a'.repeat(40)}: { kind: door } }`))).toEqual([
      expect.stringMatching(/^s\.yaml:1:\d+: error: nmea cannot say "a+": it takes at most 32/),
    ]);
  });

  it('sorts boards into those that print and those that are asked', () => {
    const slave = 'slave: 3, every: 1s, signals: { temp: { kind: tempering } }, registers: { temp: { at: 0 } }';
    const scenario = parseScenario(
      `boards: { oven: { format: json, every: 1s, signals: { temp: { kind: tempering } } }, press: { modbus: { tcp: "h:1502" }, ${slave} } }`,
      's.yaml',
    );
    expect(Object.keys(scenario.boards)).toEqual(['oven']);
    expect(scenario.slaves['press']).toMatchObject({
      bus: { tcp: 'h:1502' },
      slave: 3,
      registers: { temp: { at: 0, table: 'holding', type: 'uint16', order: 'big', scale: 1 } },
    });
  });

  it('refuses slaves and things that cannot be', () => {
    const temp = 'every: 1s, signals: { temp: { kind: tempering }, rh: { kind: humidity } }';
    const found = mistakes(`boards:
  a: { ${temp} }
  b: { modbus: { tcp: "h:1" }, format: json, ${temp} }
  c: { modbus: { tcp: "h:1", rtu: ./x }, slave: 1, ${temp} }
  d: { format: json, slave: 1, ${temp} }
`);
    expect(found).toEqual([
      expect.stringMatching(/^s\.yaml:2:6: error: "format" is missing/),
      expect.stringMatching(/^s\.yaml:3:6: error: "slave" is missing/),
      expect.stringMatching(/^s\.yaml:3:40: error: a Modbus slave has no format/),
      expect.stringMatching(/^s\.yaml:4:16: error: say where the bus is/),
      expect.stringMatching(/^s\.yaml:5:29: error: only a board with modbus: has a slave number/),
    ]);
    const named = mistakes(`boards:
  a: { modbus: { tcp: "h:1" }, slave: 1, registers: { temp: { at: 0, type: float32 }, hr: { at: 1 } }, ${temp} }
  b: { modbus: { tcp: "h:1" }, slave: 1, registers: { temp: { at: 0 }, rh: { at: 1 } }, ${temp} }
things:
  a: { http: "h:1", ${temp} }
faults:
  - { at: 1s, device: b, kind: bad-crc }
  - { at: 1s, device: b, kind: garble }
  - { at: 1s, for: 1s, device: b, kind: exception, code: 500 }
`);
    expect(named).toEqual([
      expect.stringContaining('there is no signal "hr"'),
      expect.stringContaining('"hr" lies on "temp"'),
      expect.stringContaining('"rh" has no register'),
      expect.stringContaining('a is slave 1 on this bus already'),
      expect.stringContaining('"a" is a board already'),
      expect.stringContaining('only Modbus RTU has a check sum here'),
      expect.stringContaining('"garble" is a fault of what prints'),
      expect.stringContaining('a Modbus exception is at most 255'),
    ]);
  });

  it('refuses faults that a device cannot have', () => {
    const found = mistakes(`boards:
  oven: { format: json, every: 1s, signals: { temp: { kind: tempering } } }
  deck: { format: nmea, every: 1ms, signals: { temp: { kind: tempering } } }
wearables: { broker: mqtt://b, topic: "{device}/{signal}", bands: { anna: { every: 1s } } }
faults:
  - { at: 1s, device: oven, kind: bad-crc }
  - { at: 1s, for: 1s, device: deck, kind: time-reset }
  - { at: 1s, for: 1h, device: deck, kind: delay }
  - { at: 1s, for: 500ms, device: oven, kind: reboot }
  - { at: 1s, for: 5s, device: anna, kind: unplug }
  - { at: 1s, for: 5s, device: anna, kind: delay }
  - { at: 1s, device: anna, kind: duplicate }
  - { at: 1s, device: deck, kind: bad-crc }
`);
    expect(found).toEqual([
      expect.stringMatching(/^s\.yaml:6:35: error: json has no check sum/),
      expect.stringMatching(/^s\.yaml:7:44: error: nmea says no time/),
      expect.stringMatching(/^s\.yaml:8:44: error: at most 100000 lines/),
      expect.stringMatching(/^s\.yaml:9:47: error: a reboot shorter than/),
      expect.stringMatching(/^s\.yaml:10:44: error: "unplug" is a fault of a board/),
    ]);
  });

  it('reports broken YAML with its place', () => {
    expect(mistakes('boards: {\n  oven: [')[0]).toMatch(/^s\.yaml:\d+:\d+: error: /);
  });
});
