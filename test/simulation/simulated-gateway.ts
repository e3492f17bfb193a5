// One gateway: the real agent on a simulated disk, clock, link, sensors and horn, through all its processes and power cuts.

import { startAgent, type Agent } from '@weir/edge-agent/agent.ts';
import { messageKind, type ActionKind } from '@weir/edge-agent/actions/action.ts';
import { deliverySettings } from '@weir/edge-agent/actions/delivery.ts';
import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import { formatProblem } from '@weir/shared/config/yaml-file.ts';
import type { Disk } from '@weir/edge-agent/log/disk.ts';
import type { HubLink } from '@weir/edge-agent/uplink/hub-link.ts';
import type { Transition } from '@weir/shared/model/alert.ts';
import * as z from 'zod';
import type { Chance } from './chance.ts';
import { Life, never } from './life.ts';
import { Sensor, sensorConfig, sensorKind, type Handing, type Issued } from './sensor.ts';
import type { SimulatedClock } from './simulated-clock.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import type { SimulatedLink } from './simulated-link.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What stands between an agent and its world; a run that plants a bug does it here. */
export interface GatewayHooks {
  readonly disk: (disk: Disk, gateway: string, life: Life) => Disk;
  readonly link: (link: HubLink) => HubLink;
  readonly handing: Handing;
  /** Before the horn sounds. */
  readonly acting: (disk: Disk) => Promise<void>;
}

export interface SimulatedGatewayParts {
  readonly name: string;
  /** The gateway file, without its first line. */
  readonly text: string;
  readonly tailBytes: number;
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly link: SimulatedLink;
  readonly clock: SimulatedClock;
  readonly hooks: GatewayHooks;
  readonly sensors: readonly {
    readonly name: string;
    readonly repeats: boolean;
    readonly devices: number;
    readonly everyMs: number;
  }[];
  readonly say: (text: string) => void;
  /** A process of it begins, or has ended. */
  readonly turned: () => void;
  readonly handed: (readings: readonly Issued[]) => void;
  readonly acknowledged: (readings: readonly Issued[]) => void;
  readonly acted: (transition: Transition) => void;
  /** A start that came to nothing although all that is there can be read. */
  readonly failed: (error: unknown) => void;
}

const folder = '/data';
const tryAgainMs = 2000;

export class SimulatedGateway {
  readonly disk: SimulatedDisk;
  readonly sensors: readonly Sensor[];
  readonly #parts: SimulatedGatewayParts;
  readonly #file: GatewayFile;
  #life: Life;
  #agent: Agent | undefined;
  /** Counts what it was told: to start, to stop, to die. The last word counts. */
  #word = 0;
  #boots = 0;

  constructor(parts: SimulatedGatewayParts) {
    const { time, chance, name } = parts;
    this.#parts = parts;
    this.#file = gatewayFile(`gateway: ${name}\n${parts.text}`);
    this.#life = new Life(time);
    this.#life.kill();
    this.disk = new SimulatedDisk(chance.of(`disk of ${name}`), () => time.now);
    this.sensors = parts.sensors.map(
      (sensor) =>
        new Sensor({
          ...sensor,
          ...parts,
          name: sensor.name,
          gateway: name,
          chance: chance.of(`sensor ${sensor.name} of ${name}`),
        }),
    );
  }

  get name(): string {
    return this.#parts.name;
  }

  get link(): SimulatedLink {
    return this.#parts.link;
  }

  get clock(): SimulatedClock {
    return this.#parts.clock;
  }

  get agent(): Agent | undefined {
    return this.#agent;
  }

  get issued(): readonly Issued[] {
    return this.sensors.flatMap(({ issued }) => issued);
  }

  /** Starts the agent, as often as it takes. */
  async start(): Promise<void> {
    // It is starting already.
    if (this.#life.alive) return;
    const word = ++this.#word;
    while (this.#word === word && this.#agent === undefined) {
      const life = new Life(this.#parts.time, () => this.#parts.clock.aheadMs);
      this.#life = life;
      this.#parts.turned();
      try {
        const agent = await this.#start(life);
        if (!life.alive) return;
        this.#agent = agent;
        this.#parts.say(`${this.name}: started`);
        return;
      } catch (error) {
        if (!life.alive) return;
        this.#parts.say(`${this.name}: does not start: ${String(error)}`);
        if (!this.disk.hiccuped) this.#parts.failed(error);
        life.kill();
        this.disk.processEnded();
        await this.#parts.time.wait(tryAgainMs);
      }
    }
  }

  async stop(): Promise<void> {
    const agent = this.#agent;
    if (agent === undefined) return;
    this.#word += 1;
    this.#agent = undefined;
    const life = this.#life;
    await agent.stop().catch((error: unknown) => {
      // A disk that fails to close a file ends the process all the same.
      if (!this.disk.hiccuped) throw error;
    });
    if (!life.alive) return;
    this.#parts.say(`${this.name}: stopped`);
    life.kill();
    this.disk.processEnded();
    this.#parts.link.gatewayDied(false);
  }

  /** @param power with the whole machine: what was not synced may be gone */
  kill(power: boolean): void {
    this.#word += 1;
    this.#life.kill();
    this.#agent = undefined;
    if (power) {
      this.disk.powerCut();
      this.#parts.clock.powerOn();
      this.#boots += 1;
    } else this.disk.processEnded();
    this.#parts.link.gatewayDied(power);
    this.#parts.turned();
    this.#parts.say(`${this.name}: ${power ? 'power cut' : 'killed'}`);
  }

  /** Dies with the process, for good. */
  dispose(): void {
    this.#life.kill();
  }

  async #start(life: Life): Promise<Agent> {
    const { chance, hooks, link, clock, name } = this.#parts;
    const disk = hooks.disk(this.disk.openFor(life), name, life);
    const sensors = new Map(this.sensors.map((sensor) => [sensor.name, sensor]));
    const find = (wanted: string): Sensor => {
      const sensor = sensors.get(wanted);
      if (sensor === undefined) throw new Error(`no sensor ${wanted}`);
      return sensor;
    };
    const kinds = {
      sources: [sensorKind(find, life, hooks.handing)],
      actions: [hornKind(life, () => hooks.acting(disk), this.#parts.acted)],
    };
    return startAgent({
      file: this.#file,
      base: '/',
      data: folder,
      hubKey: 'key',
      logger: this.#logger(),
      clock: life.clock,
      askTimeService: () => Promise.resolve(clock.report),
      disk,
      random: chance.next,
      newId: () => chance.id(),
      tailBytes: this.#parts.tailBytes,
      machine: { boot: `boot${this.#boots}`.padEnd(16, '0'), hasBattery: false },
      lock: () => Promise.resolve(() => Promise.resolve()),
      control: () => Promise.resolve(() => Promise.resolve()),
      connect: hooks.link(link.openFor(life)),
      kinds,
    });
  }

  #logger(): { info(message: string, fields?: object): void; warn(message: string, fields?: object): void } {
    const { say } = this.#parts;
    const tell = (message: string, fields: object = {}): void =>
      say(`${this.name}: ${message} ${JSON.stringify(fields)}`);
    return { info: tell, warn: tell };
  }
}

function gatewayFile(text: string): GatewayFile {
  const { file, problems } = readGatewayFile(text, { sources: [sensorConfig], actions: [hornConfig] });
  if (file === undefined) throw new Error(problems.map((problem) => formatProblem('gateway.yaml', problem)).join('\n'));
  return file;
}

const hornConfig = { key: 'horn', schema: z.strictObject({ horn: z.string(), ...deliverySettings }) };

function hornKind(life: Life, acting: () => Promise<void>, acted: (transition: Transition) => void): ActionKind {
  return messageKind({
    ...hornConfig,
    make: () => ({
      perform: async (notice) => {
        await acting();
        if (!life.alive) return never();
        for (const { transition } of notice) acted(transition);
      },
    }),
  });
}
