// One run: many gateways and one hub in one process, in virtual time, all of it from one seed.
//
//   faults    gateways, disks, links, hub and store get what the plan has for them
//   healing   everything works again; sensors go on for a while, then fall silent
//   rest      within a bounded time everything is delivered, nothing waits anywhere
//   the end   the store holds what it must (final-check.ts)

import { Chance } from './chance.ts';
import { checkEnd } from './final-check.ts';
import { Oracle } from './oracle.ts';
import { Faults } from './faults.ts';
import { makePlan, type Plan } from './plan.ts';
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
/** What a log that is trimmed segment by segment can be beyond its limit. */
const segmentBytes = 64_000;
/** From the last reading to the end of the longest window, with the patience there is with a series that has fallen silent. */
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
  readonly #faults: Faults;
  readonly #oracle: Oracle;
  readonly #violations: string[] = [];
  readonly #say: (text: string) => void;

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
      limits: { outboxBytes: setup.outboxBytes + segmentBytes, journalBytes: setup.journalBytes + segmentBytes },
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
    this.#gateways = names.map((name) => {
      const gateway: SimulatedGateway = new SimulatedGateway({
        name,
        text: setup.text,
        tailBytes: setup.tailBytes,
        time,
        chance: chance.of(name),
        link: new SimulatedLink(time, chance.of(`link of ${name}`), () => this.#hub.listener),
        clock: new SimulatedClock(time, chance.of(`clock of ${name}`), setup.clock),
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
        turned: () => this.#oracle.turned(name),
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
    this.#faults = new Faults({
      time,
      hub: this.#hub,
      store: this.#store,
      gateways: this.#gateways,
      say: this.#say,
      hubDied: () => this.#oracle.hubEnded(),
      detach: (work) => this.#detach(work),
    });
  }

  async run(): Promise<void> {
    const { setup, faults } = this.#plan;
    this.#detach(this.#hub.start());
    for (const gateway of this.#gateways) this.#detach(gateway.start());
    for (const fault of faults) this.#time.after(fault.atMs, () => this.#faults.strike(fault));
    this.#look();
    const isOver = (): boolean => this.#violations.length >= maxViolations;
    await this.#time.pass(this.#time.now + setup.troubleMs, isOver);
    this.#faults.heal();
    await this.#time.pass(this.#time.now + afterwardsMs, isOver);
    for (const gateway of this.#gateways) for (const sensor of gateway.sensors) sensor.stop();
    // A time line that is ahead runs at half speed until it is right.
    const slowness = setup.clock === 'moved' ? 2.5 : 1;
    await this.#time.pass(this.#time.now + slowness * silenceMs, isOver);
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
    if (unrest.length > 0) return unrest;
    const { quarantined, rawUnanswered } = this.#hub;
    if (quarantined > 0) unrest.push(`the hub has ${quarantined} rows in quarantine`);
    if (rawUnanswered > 0) unrest.push(`${rawUnanswered} requests for raw readings are not answered`);
    return unrest;
  }

  #checkEnd(): void {
    const [hub, store] = [this.#hub, this.#store];
    const { crowded } = this.#plan.setup;
    for (const gateway of this.#gateways)
      for (const wrong of checkEnd({ gateway, hub, store, crowded })) this.#violated(`${gateway.name}: ${wrong}`);
    const { wrong, ledger } = hub.checkAlerts((gateway) => this.#oracle.actsOf(gateway));
    for (const one of [...wrong, ...(crowded ? [] : ledger)]) this.#violated(one);
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
