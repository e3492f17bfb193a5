// A running simulation: the devices of a scenario on their transports. This file wires; what the parts do stands in theirs.

import { type BoardPlace, BoardLines, type Transport } from './board-lines.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Counts, Tally } from './counts.ts';
import type { Snapshot } from './device.ts';
import { createBand, createBoard, createSpeaker, type Run } from './devices.ts';
import { type Feed, feed } from './feeder.ts';
import { bandMessages, type Frame } from './frames.ts';
import type { BusPlace } from './modbus/bus.ts';
import type { Scenario } from './scenario.ts';
import { Servers } from './servers.ts';
import { defaultStartMs, SimTime } from './sim-time.ts';
import type { Speaker } from './speaker.ts';
import { Publisher } from './transport/publisher.ts';
import { topicOf } from './transport/topic.ts';
import { openTruthFile, type TruthFile } from './truth-file.ts';

export interface SimulationOptions {
  /** Ends the simulation as `stop()` does. */
  readonly signal: AbortSignal;
  readonly seed?: number | undefined;
  readonly speed?: number | undefined;
  /** Event time of the first readings, epoch ms. Default: the scenario's; where that is "now" at a speed other than 1, in the past. */
  readonly startMs?: number | undefined;
  /** Ends after so much real time, having made exactly the readings of `forMs` times speed of event time. */
  readonly forMs?: number | undefined;
  /** Instead of the scenario's broker. */
  readonly broker?: string | undefined;
  /** Where boards print, instead of where the scenario says. */
  readonly boards?: Readonly<Record<string, BoardPlace>> | undefined;
  readonly transport?: Transport | undefined;
  /** Where Modbus slaves and things are, instead of where the scenario says. */
  readonly servers?: Readonly<Record<string, BusPlace>> | undefined;
  /** Where to write the ground truth about faults; see truth-file.ts. */
  readonly truthFile?: string | undefined;
  /** How long stopping waits for slow readers and the broker. */
  readonly drainMs?: number | undefined;
  readonly clock?: Clock | undefined;
  /** Hears what the person at the screen should know, one sentence each. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

export interface Simulation {
  /** By board: what an agent opens, the path of a serial device or tcp://host:port. */
  readonly devices: ReadonlyMap<string, string>;
  /** By Modbus slave and thing: what an agent asks, tcp://host:port, the path of a serial device, or http://host:port/. */
  readonly servers: ReadonlyMap<string, string>;
  /** Event time of the first readings, epoch ms. */
  readonly startMs: number;
  /** Resolves when every reading of `forMs` is made and sent, or the simulation was stopped; rejects when it broke. */
  readonly done: Promise<void>;
  counts(): Counts;
  /** Pulls a board's cable between two lines. What the board prints while unplugged is lost and not counted. */
  unplug(board: string): Promise<void>;
  replug(board: string): Promise<void>;
  /** Makes no more readings, sends what is held back, waits until it is read or acknowledged, and closes everything. */
  stop(): Promise<Counts>;
}

/** What a running simulation is made of. */
interface Parts {
  readonly run: Run;
  readonly time: SimTime;
  readonly tally: Tally;
  readonly lines: BoardLines;
  readonly servers: Servers;
  readonly truth: TruthFile | undefined;
}

/** @throws SimError when a line, bus or thing cannot be made; then none is left open */
export async function startSimulation(scenario: Scenario, options: SimulationOptions): Promise<Simulation> {
  const clock = options.clock ?? systemClock;
  const speed = options.speed ?? scenario.speed;
  const places = Object.entries(scenario.boards).map(([board, { link, tcp }]): [string, BoardPlace] => [
    board,
    options.boards?.[board] ?? { link, tcp },
  ]);
  const lines = await BoardLines.open(new Map(places), options.transport ?? 'serial');
  try {
    const truth = options.truthFile === undefined ? undefined : await openTruthFile(options.truthFile);
    const scenarioStartMs = scenario.start === 'now' ? undefined : scenario.start;
    const startMs = options.startMs ?? scenarioStartMs ?? defaultStartMs(clock.epochMs(), speed, options.forMs);
    const run: Run = {
      seed: options.seed ?? scenario.seed,
      startMs,
      endMs: options.forMs === undefined ? Infinity : startMs + options.forMs * speed,
      faults: scenario.faults,
      report: (occurrence) => truth?.add(occurrence),
    };
    const time = new SimTime(clock, startMs, speed);
    const tally = new Tally();
    const servers = await Servers.open(scenario, { run, time, clock, tally, places: options.servers ?? {} });
    return new RunningSimulation(scenario, options, { run, time, tally, lines, servers, truth });
  } catch (error) {
    await lines.close();
    throw error;
  }
}

class RunningSimulation implements Simulation {
  readonly devices: ReadonlyMap<string, string>;
  readonly servers: ReadonlyMap<string, string>;
  readonly startMs: number;
  readonly done: Promise<void>;
  readonly #parts: Parts;
  readonly #lines: BoardLines;
  readonly #publisher: Publisher | undefined;
  readonly #tally: Tally;
  readonly #stopping = new AbortController();
  readonly #drainMs: number;
  readonly #notice: (notice: string) => void;
  /** Boards whose cable a fault has pulled. */
  readonly #pulled = new Set<string>();
  #stopped: Promise<Counts> | undefined;

  constructor(scenario: Scenario, options: SimulationOptions, parts: Parts) {
    const { run, time, tally, lines, servers } = parts;
    this.#parts = parts;
    this.startMs = run.startMs;
    this.devices = lines.devices();
    this.servers = servers.devices;
    this.#lines = lines;
    this.#tally = tally;
    this.#notice = options.onNotice ?? (() => {});
    this.#drainMs = options.drainMs ?? 5000;
    const { wearables } = scenario;
    this.#publisher =
      wearables === undefined ? undefined : new Publisher(options.broker ?? wearables.broker, this.#notice);
    const feeds = [...this.#boardFeeds(scenario, run), ...this.#bandFeeds(scenario, run), ...servers.feeds];
    this.done = Promise.all(feeds.map((one) => feed(time, one, this.#stopping.signal))).then(() => {});
    // Whoever awaits `done` hears of a failure; where nobody does it must not end the process.
    this.done.catch(() => {});
    this.#stopWith(options.signal);
  }

  counts(): Counts {
    return this.#tally.counts();
  }

  unplug(board: string): Promise<void> {
    return this.#lines.unplug(board, AbortSignal.timeout(this.#drainMs));
  }

  replug(board: string): Promise<void> {
    return this.#lines.replug(board);
  }

  stop(): Promise<Counts> {
    this.#stopped ??= this.#shutDown();
    return this.#stopped;
  }

  async #shutDown(): Promise<Counts> {
    const { time, servers, truth } = this.#parts;
    time.freeze();
    this.#stopping.abort();
    const patience = AbortSignal.timeout(this.#drainMs);
    await this.#lines.closeUnread();
    await Promise.race([this.done.catch(() => {}), aborted(patience)]);
    for (const board of await this.#lines.drain(patience)) this.#notice(`${board}: the last lines were not read`);
    await this.#lines.close();
    await this.#publisher?.close();
    await servers.close(time.nowMs());
    await this.done.catch(() => {});
    await truth?.close();
    return this.counts();
  }

  #stopWith(signal: AbortSignal): void {
    const stop = (): void => {
      this.stop().catch((error: unknown) => this.#notice(`stopping failed: ${String(error)}`));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }

  #boardFeeds(scenario: Scenario, run: Run): Feed[] {
    return Object.entries(scenario.boards).map(([name, board]) => {
      const speaker = createSpeaker(name, board, run);
      return {
        device: createBoard(name, board, run),
        startMs: run.startMs,
        endMs: run.endMs,
        syncMs: undefined,
        send: async (snapshots) => {
          for (const { isUnplugged, frames } of stretches(snapshots, speaker)) {
            await this.#setPlugged(name, !isUnplugged);
            const taken = await this.#lines.write(
              name,
              frames.map(({ bytes }) => bytes),
            );
            this.#tally.addLines(frames.slice(0, taken));
          }
        },
      };
    });
  }

  /** Pulls the cable of a board for a fault, and plugs it in again after one. */
  async #setPlugged(board: string, isPlugged: boolean): Promise<void> {
    if (isPlugged && this.#pulled.delete(board)) await this.replug(board);
    if (isPlugged || this.#pulled.has(board)) return;
    this.#pulled.add(board);
    await this.unplug(board);
  }

  #bandFeeds({ wearables }: Scenario, run: Run): Feed[] {
    return Object.entries(wearables?.bands ?? {}).map(([name, band]) => ({
      device: createBand(name, band, run),
      startMs: run.startMs,
      endMs: run.endMs,
      syncMs: band.syncMs,
      send: async (snapshots) => {
        const said = snapshots.flatMap(bandMessages);
        const messages = said.map(({ signal, text }) => ({
          topic: topicOf(wearables?.topic ?? '', { device: name, signal }),
          payload: text,
        }));
        this.#tally.addMessages(said.slice(0, await this.#publisher?.publish(messages)));
      },
    }));
  }
}

/** What is said in one piece, while the cable is in or while it is out. */
function stretches(snapshots: readonly Snapshot[], speaker: Speaker): { isUnplugged: boolean; frames: Frame[] }[] {
  const all: { isUnplugged: boolean; frames: Frame[] }[] = [];
  for (const snapshot of snapshots) {
    const isUnplugged = snapshot.line?.isUnplugged === true;
    const last = all.at(-1);
    const frames = speaker.say(snapshot);
    if (last?.isUnplugged === isUnplugged) last.frames.push(...frames);
    else all.push({ isUnplugged, frames });
  }
  return all;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
