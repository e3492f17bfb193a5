// An agent without sources and uplink: recovery, engine and actions on a disk of the test's choice, stepped by hand.

import { compilePlan } from '@weir/shared/config/compile.ts';
import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import { formatProblem } from '@weir/shared/config/yaml-file.ts';
import type { Transition } from '@weir/shared/model/alert.ts';
import type { DeadLetter } from '@weir/shared/model/reading.ts';
import type { Action } from '../actions/action.ts';
import { Actions } from '../actions/actions.ts';
import { usualDelivery } from '../actions/delivery.ts';
import type { Notice } from '../actions/notice.ts';
import { actionKinds } from '../actions/registry.ts';
import { Engine } from '../engine.ts';
import { Health } from '../health.ts';
import { DiskMeter } from '../log/disk-meter.ts';
import type { Disk } from '../log/disk.ts';
import { silentLogger } from '../logger.ts';
import { recover, type Recovered } from '../recovery.ts';
import { sourceKinds } from '../sources/registry.ts';
import type { Delivery } from '../sources/source.ts';
import { StatusReporter } from '../status.ts';
import type { TimeKeeper } from '../time/time-keeper.ts';
import type { SyncReport } from '../time/timeline.ts';
import type { FakeClock } from './fake-clock.ts';
import { timeOf } from './time-of.ts';

export const gatewayText = `
gateway: bench
sources:
  board: { serial: /dev/board, format: json }
signals:
  temperature: { from: board.temperature, range: -1000..1000 }
windows:
  - { every: 1s, of: all, compute: [mean, min, max], lateness: 1h }
  - { every: 5s, of: all, compute: [p95] }
alerts:
  too_hot: { when: temperature > 50, onLate: fire, clear: temperature < 40, severity: critical, do: [horn] }
actions:
  horn: { webhook: "http://127.0.0.1/horn" }
settings: { disorder: 1s, idleAfter: 10s }
`;

export function gatewayFile(text: string): GatewayFile {
  const { file, problems } = readGatewayFile(text, { sources: sourceKinds, actions: actionKinds });
  if (file === undefined) throw new Error(problems.map((problem) => formatProblem('test', problem)).join('\n'));
  return file;
}

/** Event time is an offset to the clock of the test. */
export interface Sample {
  readonly device: string;
  readonly time: number;
  readonly value: number;
}

/** A horn that notes who made it sound; it can be broken, or hang. */
export class Horn implements Action {
  readonly sounded: Transition[] = [];
  state: 'works' | 'fails' | 'hangs' = 'works';
  attempts = 0;

  async perform(notice: Notice): Promise<void> {
    this.attempts += 1;
    if (this.state === 'hangs') await new Promise<never>(() => undefined);
    if (this.state === 'fails') throw new Error('the horn is broken');
    this.sounded.push(...notice.map(({ transition }) => transition));
  }
}

export interface StationOptions {
  readonly disk: Disk;
  readonly clock: FakeClock;
  readonly horn?: Horn;
  readonly folder?: string;
  readonly text?: string;
  readonly outboxMaxBytes?: number;
  readonly journalMaxBytes?: number;
  /** Whether what recovery needs no more goes into the black box; by default the journal keeps all of it, to be looked at. */
  readonly packs?: boolean;
  /** Infinity where a test counts on every ack: by default a disk that fails for two seconds is acknowledged over. */
  readonly patienceMs?: number;
  /** What its time service says; by default there is none, and the clock is believed. */
  readonly askTimeService?: () => SyncReport;
  /** Which start of the machine this is. */
  readonly machine?: string;
}

export class Station {
  readonly recovered: Recovered;
  readonly engine: Engine;
  readonly actions: Actions;
  readonly health: Health;
  readonly reporter: StatusReporter;
  readonly time: TimeKeeper;
  /** Times the uplink was told that something new may be sent. */
  grown = 0;
  readonly #clock: FakeClock;
  readonly #end = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  private constructor(options: StationOptions, file: GatewayFile, recovered: Recovered, time: TimeKeeper) {
    const { disk, clock, horn = new Horn(), journalMaxBytes = 256e6 } = options;
    this.#clock = clock;
    this.time = time;
    this.recovered = recovered;
    this.health = new Health(
      () => clock.now(),
      () => undefined,
    );
    this.actions = new Actions({
      messages: new Map([
        ['horn', { action: horn, delivery: { ...usualDelivery, limit: { count: Infinity, intervalMs: 0 } } }],
      ]),
      actionsOf,
      health: this.health,
      logger: silentLogger,
      clock,
      random: () => 0.5,
      acted: (key) => this.engine.acted(key),
    });
    this.actions.resume(recovered.unfinished, recovered.done);
    const { blackBox } = recovered;
    this.engine = new Engine({
      ...recovered,
      blackBox: options.packs === true ? blackBox : { pack: () => Promise.resolve() },
      actions: this.actions,
      health: this.health,
      time,
      logger: silentLogger,
      disk,
      commitMs: () => 500,
      patienceMs: options.patienceMs,
      journalMaxBytes,
      outboxGrew: () => (this.grown += 1),
    });
    this.reporter = new StatusReporter({
      ...recovered,
      orders: { done: [] },
      file,
      engine: this.engine,
      actions: this.actions,
      health: this.health,
      clock: time,
      meter: new DiskMeter(disk, clock),
      pace: { commitMs: 500 },
      freeBytes: () => undefined,
    });
  }

  /** Recovers from what is on the disk, and starts to work off actions. */
  static async start(options: StationOptions): Promise<Station> {
    const { disk, folder = '/data', text = gatewayText, journalMaxBytes = 256e6, outboxMaxBytes = 1e9 } = options;
    const file = gatewayFile(text);
    const plan = compilePlan(file);
    const { clock, askTimeService, machine = 'machine' } = options;
    const more = { machine, maxAheadMs: plan.maxAheadMs };
    const time = await timeOf({ disk, folder, clock, askTimeService, more });
    const recovered = await recover({
      disk,
      folder,
      plan,
      journalMaxBytes,
      outboxMaxBytes,
      logger: silentLogger,
      time,
      actionsOf,
    });
    const station = new Station(options, file, recovered, time);
    station.#running = station.actions.run(station.#end.signal);
    return station;
  }

  /** Commits every interval of the clock, as the agent does, until the station stops. */
  run(): void {
    this.#running = Promise.all([this.#running, this.engine.run(this.#end.signal)]);
  }

  delivery(samples: readonly Sample[], more: Partial<Delivery> = {}): Delivery {
    const { pipeline } = this.recovered;
    const readings = samples.map(({ device, time, value }) => {
      const series = pipeline.series.intern(device, 'temperature');
      if (series === undefined) throw new Error('the series table is full');
      return { series: series.id, time, value, quality: 'good' as const };
    });
    return {
      readings,
      deadLetters: [],
      arrival: this.time.now(),
      received: this.#clock.monotonicMs(),
      attempt: 'first',
      ack: () => undefined,
      ...more,
    };
  }

  take(samples: readonly Sample[], more: Partial<Delivery> = {}): Promise<void> {
    return this.engine.take(this.delivery(samples, more));
  }

  /** Ends what runs beside, as a crash does: nothing more is written. */
  drop(): void {
    this.#end.abort();
  }

  /** Lets go of the files too, without writing anything: for a real disk. */
  async kill(): Promise<void> {
    this.drop();
    await this.#running;
    await this.recovered.blackBox.close();
    await this.recovered.journal.close();
    await this.recovered.outbox.close();
  }
}

function actionsOf(rule: string): readonly string[] {
  return rule === 'too_hot' ? ['horn'] : [];
}

export function letter(reason: DeadLetter['reason'] = 'malformed'): DeadLetter {
  return { reason, where: 'board', arrival: 0, detail: 'garbage', sample: '?' };
}

/** Lets everything happen that needs no more than the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
