// What a simulation's agents ask instead of listening to: Modbus slaves on their buses, and things on the web.

import { AskedDevice } from './asked-device.ts';
import type { Measuring } from './board-schema.ts';
import type { Clock } from './clock.ts';
import type { Tally } from './counts.ts';
import { createBoard, type Run } from './devices.ts';
import { SimError } from './errors.ts';
import type { Feed } from './feeder.ts';
import { parseHostPort } from './host-port.ts';
import { type BusPlace, openBus } from './modbus/bus.ts';
import { Slave } from './modbus/slave.ts';
import type { Scenario } from './scenario.ts';
import type { SimTime } from './sim-time.ts';
import { serveThing } from './things/thing-server.ts';

export interface ServerParts {
  readonly run: Run;
  readonly time: SimTime;
  readonly clock: Clock;
  readonly tally: Tally;
  /** Where slaves and things are, instead of where the scenario says; by device. */
  readonly places: Readonly<Record<string, BusPlace>>;
}

export class Servers {
  /** By device: what an agent asks. */
  readonly devices = new Map<string, string>();
  readonly feeds: Feed[] = [];
  readonly #parts: ServerParts;
  readonly #asked: AskedDevice[] = [];
  readonly #open: { close(): Promise<void> }[] = [];
  readonly #closing = new AbortController();

  private constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** @throws SimError when one cannot be made; then none is left open */
  static async open({ slaves, things }: Scenario, parts: ServerParts): Promise<Servers> {
    const servers = new Servers(parts);
    try {
      await servers.#openBuses(slaves);
      for (const [name, thing] of Object.entries(things)) await servers.#openThing(name, thing);
    } catch (error) {
      await servers.close(parts.time.nowMs());
      throw error;
    }
    return servers;
  }

  /** @param atMs event time at which faults that hold end */
  async close(atMs: number): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#open.map((server) => server.close()));
    for (const device of this.#asked) device.close(atMs);
  }

  async #openBuses(slaves: Scenario['slaves']): Promise<void> {
    const buses = new Map<string, { place: BusPlace; slaves: Map<number, Slave>; names: string[] }>();
    for (const [name, board] of Object.entries(slaves)) {
      const place = this.#parts.places[name] ?? board.bus;
      // Port 0 is a port of its own for each.
      const key = 'tcp' in place && place.tcp.endsWith(':0') ? name : JSON.stringify(place);
      const bus = buses.get(key) ?? { place, slaves: new Map<number, Slave>(), names: [] };
      buses.set(key, bus);
      bus.slaves.set(board.slave, new Slave(this.#ask(name, board), board.registers));
      bus.names.push(name);
    }
    for (const { place, slaves: onBus, names } of buses.values()) {
      const bus = await openBus(place, (unit, pdu) => this.#answer(onBus.get(unit), pdu));
      this.#open.push(bus);
      for (const name of names) this.devices.set(name, bus.device);
    }
  }

  async #answer(slave: Slave | undefined, pdu: Buffer): Promise<{ pdu: Buffer; isCheckWrong: boolean } | undefined> {
    const { time, clock, tally } = this.#parts;
    const answer = slave?.answer(pdu, Math.floor(time.nowMs()));
    if (answer === undefined) return undefined;
    if (answer.delayMs > 0) await clock.sleep(answer.delayMs, this.#closing.signal);
    if (this.#closing.signal.aborted) return undefined;
    tally.addAnswer(answer.said);
    return answer;
  }

  async #openThing(name: string, thing: Scenario['things'][string]): Promise<void> {
    const place = this.#parts.places[name];
    const written = place !== undefined && 'tcp' in place ? place.tcp : thing.http;
    const address = parseHostPort(written);
    if (address === undefined) throw new SimError('OPTION_INVALID', `thing ${name}: "${written}" is not host:port`);
    const { time, clock, tally } = this.#parts;
    const parts = {
      name,
      thing,
      device: this.#ask(name, thing),
      nowMs: () => Math.floor(time.nowMs()),
      sleep: (ms: number) => clock.sleep(ms, this.#closing.signal),
      onAnswer: tally.addAnswer.bind(tally),
    };
    const server = await serveThing(parts, address);
    this.#open.push(server);
    this.devices.set(name, server.url);
  }

  /** Measures on, and can be asked. */
  #ask(name: string, board: Measuring): AskedDevice {
    const { run } = this.#parts;
    const { startMs, endMs, report } = run;
    const faults = run.faults.filter(({ device }) => device === name);
    const asked = new AskedDevice({ faults, startMs, report });
    this.#asked.push(asked);
    this.feeds.push({
      // What the answers suffer is no matter of the sensors.
      device: createBoard(name, board, { ...run, faults: run.faults.filter(({ kind }) => kind !== 'bad-crc') }),
      startMs,
      endMs,
      syncMs: undefined,
      send: async (snapshots) => asked.measured(snapshots),
    });
    return asked;
  }
}
