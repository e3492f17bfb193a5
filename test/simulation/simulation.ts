// One run: many gateways and one hub in one process, in virtual time, all of it from one seed.
//
//   faults    gateways, disks, links, hub and store get what the plan has for them
//   healing   everything works again; sensors go on for a while, then fall silent
//   rest      within a bounded time everything is delivered, nothing waits anywhere
//   the end   the store holds what it must (final-check.ts)

import { Chance } from './chance.ts';
import { checkStore } from './final-check.ts';
import { Oracle } from './oracle.ts';
import { makePlan, type Fault, type GatewayFault, type HubFault, type Plan } from './plan.ts';
import { fault as diskFault } from '@weir/edge-agent/testing/memory-disk.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { SimulatedGateway, type GatewayHooks } from './simulated-gateway.ts';
import { SimulatedHub, type HubHooks } from './simulated-hub.ts';
import { SimulatedLink } from './simulated-link.ts';
import { SimulatedStore } from './simulated-store.ts';
import { VirtualTime } from './virtual-time.ts';

/** Where a run can be given other parts than its own. */
export type Hooks = GatewayHooks & HubHooks;

export interface RunOptions {
  readonly seed: number;
  /** Told what happens, in order. */
  readonly trace?: (line: string) => void;
  readonly hooks?: Partial<Hooks>;
}

export interface Outcome {
  readonly seed: number;
  /** What was promised and not kept; empty when all is well. */
  readonly violations: readonly string[];
  readonly virtualMs: number;
  readonly readings: number;
  readonly faults: number;
}

const afterwardsMs = 40_000;
const silenceMs = 4 * 60_000;
const restWithinMs = 30 * 60_000;
const lookEveryMs = 7000;
const maxViolations = 20;

export async function simulate({ seed, trace, hooks }: RunOptions): Promise<Outcome> {
  const world = new World(seed, trace, hooks ?? {});
  try {
    await world.run();
  } finally {
    world.dispose();
  }
  return world.outcome();
}

class World {
  readonly #seed: number;
  readonly #time = new VirtualTime();
  readonly #chance: Chance;
  readonly #plan: Plan;
  readonly #store: SimulatedStore;
  readonly #hub: SimulatedHub;
  readonly #gateways: readonly SimulatedGateway[];
  readonly #clocks: readonly SimulatedClock[];
  readonly #links: readonly SimulatedLink[];
  readonly #oracle: Oracle;
  readonly #violations: string[] = [];
  readonly #say: (text: string) => void;
  /** No more faults, and what is down comes back. */
  #healed = false;

  constructor(seed: number, trace: RunOptions['trace'], hooks: Partial<Hooks>) {
    this.#seed = seed;
    this.#chance = new Chance(seed);
    this.#plan = makePlan(this.#chance.of('plan'));
    const { setup } = this.#plan;
    const time = this.#time;
    const chance = this.#chance;
    this.#say = trace === undefined ? () => undefined : (text) => trace(`${clockOf(time.elapsedMs)} ${text}`);
    this.#store = new SimulatedStore(chance.of('store'));
    this.#oracle = new Oracle({
      time,
      store: this.#store,
      limits: { outboxBytes: setup.outboxBytes * 1.1, journalBytes: setup.journalBytes * 1.1 },
      violated: (what) => this.#violated(what),
    });
    const names = Array.from({ length: setup.gateways }, (_, index) => `gateway-${index}`);
    this.#hub = new SimulatedHub({
      time,
      chance: chance.of('hub'),
      store: this.#store,
      gateways: names,
      rawAroundMs: setup.rawAroundMs,
      queue: setup.queue,
      say: this.#say,
      hooks: { store: (store) => store, starting: () => undefined, ...hooks },
      acknowledged: (gateway, payload) => this.#oracle.hubAcknowledged(gateway, payload),
      reported: (gateway, payload) => this.#oracle.reported(gateway, payload, this.#hub),
      failed: (error) => this.#violated(`the hub fell over: ${trouble(error)}`),
    });
    this.#links = names.map((name) => new SimulatedLink(time, chance.of(`link of ${name}`), () => this.#hub.listener));
    this.#clocks = names.map((name) => new SimulatedClock(time, chance.of(`clock of ${name}`), setup.clock));
    this.#gateways = names.map((name, index) => {
      const link = this.#links[index];
      const clock = this.#clocks[index];
      if (link === undefined || clock === undefined) throw new RangeError('no link');
      const gateway: SimulatedGateway = new SimulatedGateway({
        name,
        text: setup.text,
        time,
        chance: chance.of(name),
        link,
        clock,
        hooks: {
          disk: (disk) => disk,
          link: (one) => one,
          handing: (one) => one,
          acting: () => Promise.resolve(),
          ...hooks,
        },
        sensors: [
          { name: 'broker', repeats: true, devices: setup.devices, everyMs: setup.everyMs },
          { name: 'line', repeats: false, devices: setup.devices, everyMs: setup.everyMs },
        ],
        say: this.#say,
        starting: () => this.#oracle.started(name),
        handed: (readings) => this.#oracle.handed(readings),
        acknowledged: (readings) => this.#oracle.acknowledged(readings, gateway.disk.isTrusted),
        acted: (transition) => {
          this.#say(`${name}: ${transition.state} ${transition.series.device} ${transition.value}`);
          this.#oracle.acted(name, transition);
        },
        failed: (error) => this.#violated(`${name} does not start: ${trouble(error)}`),
      });
      return gateway;
    });
  }

  async run(): Promise<void> {
    const { setup, faults } = this.#plan;
    this.#detach(this.#hub.start());
    for (const gateway of this.#gateways) this.#detach(gateway.start());
    for (const fault of faults) this.#time.after(fault.atMs, () => this.#strike(fault));
    this.#look();
    const isOver = (): boolean => this.#violations.length >= maxViolations;
    await this.#time.pass(this.#time.now + setup.troubleMs, isOver);
    this.#heal();
    await this.#time.pass(this.#time.now + afterwardsMs, isOver);
    for (const gateway of this.#gateways) for (const sensor of gateway.sensors) sensor.stop();
    // The longest window, and the patience with a series that has fallen silent.
    await this.#time.pass(this.#time.now + silenceMs, isOver);
    this.#hub.retryQuarantine();
    const rested = await this.#time.pass(this.#time.now + restWithinMs, () => isOver() || this.#isAtRest());
    if (!rested) this.#violated(`no rest after ${restWithinMs / 60_000} min: ${this.#unrest().join('; ')}`);
    else if (!isOver()) this.#checkEnd();
  }

  dispose(): void {
    for (const gateway of this.#gateways) gateway.dispose();
    this.#hub.dispose();
  }

  outcome(): Outcome {
    return {
      seed: this.#seed,
      violations: this.#violations,
      virtualMs: this.#time.elapsedMs,
      readings: this.#gateways.reduce((sum, { issued }) => sum + issued.length, 0),
      faults: this.#plan.faults.length,
    };
  }

  /** Now and then: what is known to be on disk may not be lost any more. */
  #look(): void {
    for (const gateway of this.#gateways)
      if (gateway.agent?.status().uncommitted === 0) this.#oracle.committed(gateway);
    this.#time.after(lookEveryMs, () => this.#look());
  }

  #strike({ gateway, fault }: Fault): void {
    if (this.#healed) return;
    this.#say(`${gateway === undefined ? 'hub' : `gateway-${gateway}`}: fault ${JSON.stringify(fault)}`);
    if (gateway === undefined) this.#strikeHub(fault);
    else {
      const [struck, link] = [this.#gateways[gateway], this.#links[gateway]];
      if (fault.kind === 'clock moved') this.#clocks[gateway]?.move(fault.byMs, fault.forMs);
      else if (struck !== undefined && link !== undefined) this.#strikeGateway(struck, link, fault);
    }
  }

  #strikeGateway(
    gateway: SimulatedGateway,
    link: SimulatedLink,
    fault: Exclude<GatewayFault, { kind: 'clock moved' }>,
  ): void {
    const { disk } = gateway;
    switch (fault.kind) {
      case 'kill':
      case 'power cut': {
        const kill = (): void => {
          gateway.kill(fault.kind === 'power cut');
          this.#later(fault.downMs, () => this.#detach(gateway.start()));
        };
        if (fault.calls === undefined) kill();
        else disk.whenCalled(fault.calls, kill);
        return;
      }
      case 'restart':
        this.#detach(gateway.stop().then(() => this.#later(fault.downMs, () => this.#detach(gateway.start()))));
        return;
      case 'cut':
        return link.cut();
      case 'block':
        for (const direction of fault.directions) link.block(direction, fault.forMs);
        return;
      case 'slow link':
        link.latencyMs = fault.latencyMs;
        return this.#later(fault.forMs, () => (link.latencyMs = 20));
      case 'stall':
        return disk.stall(fault.forMs);
      case 'slow disk':
        disk.slow(fault.latencyMs);
        return this.#later(fault.forMs, () => disk.heal());
      case 'disk fails':
        disk.fail(fault.trouble);
        return this.#later(fault.forMs, () => disk.heal());
      case 'disk full':
        disk.fill(fault.bytes);
        return this.#later(fault.forMs, () => disk.heal());
      case 'call fails':
        return disk.failAt(fault.calls, { error: diskFault(fault.trouble, 'simulated'), effect: fault.effect });
    }
  }

  #strikeHub(fault: HubFault): void {
    const [hub, store] = [this.#hub, this.#store];
    const comeBack = (downMs: number): void =>
      this.#later(downMs, () => {
        for (const link of this.#links) link.hubIsOn = true;
        this.#detach(hub.start());
      });
    switch (fault.kind) {
      case 'kill': {
        const died = (): void => {
          this.#hubDied(false);
          comeBack(fault.downMs);
        };
        if (!hub.isRunning) return;
        if (fault.moment !== undefined) return hub.killAt(fault.moment, died);
        hub.kill();
        return died();
      }
      case 'hub power cut':
        if (!hub.isRunning) return;
        hub.kill();
        this.#hubDied(true);
        for (const link of this.#links) link.hubIsOn = false;
        return comeBack(fault.downMs);
      case 'restart':
        if (!hub.isRunning) return;
        this.#detach(hub.stop().then(() => comeBack(fault.downMs)));
        return;
      case 'store out':
        store.outage = true;
        return this.#later(fault.forMs, () => (store.outage = false));
      case 'slow store':
        store.latencyMs = fault.latencyMs;
        return this.#later(fault.forMs, () => (store.latencyMs = 20));
      case 'hub disk full':
        hub.diskFull = true;
        return this.#later(fault.forMs, () => (hub.diskFull = false));
      case 'store refuses':
        store.refuses = ({ pane }) => (pane.start / 1000) % 7 < 3;
        return this.#later(fault.forMs, () => (store.refuses = () => false));
    }
  }

  #hubDied(power: boolean): void {
    this.#oracle.hubEnded();
    for (const link of this.#links) link.hubDied(power);
  }

  #heal(): void {
    this.#healed = true;
    this.#say('everything is healed');
    const [hub, store] = [this.#hub, this.#store];
    hub.spare();
    hub.diskFull = false;
    store.outage = false;
    store.latencyMs = 20;
    store.refuses = () => false;
    for (const link of this.#links) {
      link.hubIsOn = true;
      link.latencyMs = 20;
      link.unblock();
    }
    for (const clock of this.#clocks) clock.heal();
    for (const { disk } of this.#gateways) {
      disk.defuse();
      disk.heal();
    }
  }

  #isAtRest(): boolean {
    return this.#unrest().length === 0;
  }

  #unrest(): string[] {
    const unrest: string[] = [];
    for (const gateway of this.#gateways) {
      const { name, agent, sensors } = gateway;
      if (agent === undefined) {
        unrest.push(`${name} does not run`);
        continue;
      }
      for (const sensor of sensors) if (!sensor.isThrough) unrest.push(`${name}: ${sensor.name} is not through`);
      if (unrest.length > 0) continue;
      const { uncommitted, open, pending, outboxRecords } = agent.status();
      if (uncommitted + open + pending + outboxRecords > 0)
        unrest.push(`${name}: ${JSON.stringify({ uncommitted, open, pending, outboxRecords })}`);
    }
    if (!this.#hub.isRunning) unrest.push('the hub does not run');
    else if (unrest.length === 0 && this.#hub.quarantined > 0)
      unrest.push(`the hub has ${this.#hub.quarantined} rows in quarantine`);
    return unrest;
  }

  #checkEnd(): void {
    const views = this.#hub.hub?.status().gateways ?? [];
    for (const gateway of this.#gateways) {
      const status = gateway.agent?.status();
      const view = views.find(({ name }) => name === gateway.name);
      if (status === undefined || view === undefined) continue;
      const lost = Object.values({ ...status.lost, ...view.lost }).reduce((sum, count) => sum + count, 0);
      const { stored, quarantined, reported } = this.#hub.readings(gateway.name);
      this.#say(
        `${gateway.name}: took ${status.taken}, reported ${reported}, stored ${stored}, quarantined ${quarantined}, lost ${lost}`,
      );
      const { crowded } = this.#plan.setup;
      if (lost > 0 && !crowded)
        this.#violated(`${gateway.name}: ${lost} readings are lost, and nothing was in a way to lose them`);
      const counted = this.#store.countStored(gateway.name);
      // Thinned panes cannot be told apart by their digits, and late readings make a store hold some of them twice.
      if (!crowded)
        for (const wrong of checkStore(this.#store, gateway, { taken: status.taken, lost }))
          this.#violated(`${gateway.name}: ${wrong}`);
      else if (status.taken > counted + lost)
        this.#violated(`${gateway.name} took ${status.taken}, ${counted} are in the store and ${lost} are lost`);
      const twice = stored + lost - status.taken;
      if (twice < 0 || twice > (status.lost.evicted ?? 0))
        this.#violated(
          `${gateway.name} took ${status.taken}, the hub stored ${stored}, and ${lost} are lost (${JSON.stringify({ ...status.lost, ...view.lost })})`,
        );
      if (!crowded && counted !== stored)
        this.#violated(`${gateway.name}: the hub counts ${stored} stored readings, the store ${counted}`);
    }
    const { wrong, ledger } = this.#hub.checkAlerts((gateway) => this.#oracle.actsOf(gateway));
    for (const one of [...wrong, ...(this.#plan.setup.crowded ? [] : ledger)]) this.#violated(one);
  }

  #later(ms: number, act: () => void): void {
    this.#time.after(ms, act);
  }

  /** Nobody waits for it; what goes wrong in it is a bug. */
  #detach(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#violated(`something fell over: ${trouble(error)}`));
  }

  #violated(what: string): void {
    if (this.#violations.length >= maxViolations) return;
    this.#violations.push(`${clockOf(this.#time.elapsedMs)} ${what}`);
    this.#say(`VIOLATED: ${what}`);
  }
}

function clockOf(ms: number): string {
  return `${String(Math.floor(ms / 60_000)).padStart(2, '0')}:${((ms % 60_000) / 1000).toFixed(3).padStart(6, '0')}`;
}

function trouble(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
