// The agent, wired: the only place where its parts meet. Read it from top to bottom and you know what runs on a gateway.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { compilePlan, compileRoutes } from '@weir/shared/config/compile.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import type { ActionContext, ActionKind, Level, Message } from './actions/action.ts';
import { Actions } from './actions/actions.ts';
import { isWanted, Levels } from './actions/levels.ts';
import { actionKinds } from './actions/registry.ts';
import { Engine } from './engine.ts';
import { Health } from './health.ts';
import { dataFolder } from './log/data-folder.ts';
import { DiskMeter } from './log/disk-meter.ts';
import { realDisk, type Disk } from './log/disk.ts';
import { FreeSpaceGuard } from './log/free-space.ts';
import { lock } from './log/lock.ts';
import { startControl } from './control/control.ts';
import { HubOrders, withinReason } from './hub-orders.ts';
import { messageOf, type Logger } from './logger.ts';
import { readSecret } from './mqtt/options.ts';
import { Pace } from './pace.ts';
import { RawAnswers } from './raw/raw-answers.ts';
import { recover } from './recovery.ts';
import { sourceKinds } from './sources/registry.ts';
import { Router } from './sources/router.ts';
import type { SourceKind } from './sources/source.ts';
import { supervise } from './sources/supervisor.ts';
import { StatusReporter, type AgentStatus } from './status.ts';
import { ThingServer } from './thing/thing-server.ts';
import { bootId, hasBatteryClock } from './time/boot.ts';
import { systemClock, type Clock } from './time/clock.ts';
import { askTimeService, realMachine } from './time/sync-probe.ts';
import { TimeKeeper } from './time/time-keeper.ts';
import type { SyncReport } from './time/timeline.ts';
import type { HubLink } from './uplink/hub-link.ts';
import { mqttLink } from './uplink/mqtt-link.ts';
import { Uplink } from './uplink/uplink.ts';

export interface AgentOptions {
  readonly file: GatewayFile;
  /** Folder of the gateway file: relative paths in it start here. */
  readonly base: string;
  /** Overrides the file's `data`. */
  readonly data?: string | undefined;
  /** Overrides the file's hub key; without either, the environment variable WEIR_HUB_KEY. */
  readonly hubKey?: string | undefined;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly askTimeService?: () => Promise<SyncReport>;
  readonly disk?: Disk;
  readonly random?: () => number;
  readonly statusMs?: number;
  /** The kinds the gateway file was read with. */
  readonly kinds?: { readonly sources: readonly SourceKind[]; readonly actions: readonly ActionKind[] };
  /** How much of the journal a start may have to replay. */
  readonly tailBytes?: number | undefined;
  readonly lock?: typeof lock;
  /** How operators at the gateway reach the agent. */
  readonly control?: typeof startControl;
  /** How the hub is reached; MQTT when left out. */
  readonly connect?: HubLink;
  /** A name nobody else has: 16 hex digits. */
  readonly newId?: () => string;
  /** Which start of the machine this is, and whether it keeps the time while it is off. */
  readonly machine?: { readonly boot: string; readonly hasBattery: boolean };
}

export interface Agent {
  readonly folder: string;
  status(): AgentStatus;
  /** Closes the sources, then waits until everything closed has reached the hub, at most `maxMs`. Windows stay open. */
  drain(maxMs: number): Promise<void>;
  /** Closes everything, with a checkpoint: the next start has nothing to replay. */
  stop(): Promise<void>;
}

/** @throws Locked when another agent uses the data folder, or the disk's error when the folder cannot be used at all */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { file, logger, clock = systemClock, random = Math.random, newId = randomId } = options;
  const { kinds = { sources: sourceKinds, actions: actionKinds } } = options;
  const { boot, hasBattery } = options.machine ?? { boot: bootId(), hasBattery: hasBatteryClock() };
  const folder = dataFolder(file, options.base, options.data);
  const { settings } = file;
  const guard = new FreeSpaceGuard(options.disk ?? realDisk, { folder, minFreeBytes: settings.minFree, clock });
  const meter = new DiskMeter(guard.disk, clock);
  const { disk } = meter;
  await disk.makeFolder(folder);
  const unlock = await (options.lock ?? lock)(join(folder, 'lock'));

  const time = await TimeKeeper.open({
    clock,
    disk,
    folder,
    mode: settings.clock,
    maxAheadMs: settings.maxAhead,
    logger,
    askTimeService: options.askTimeService ?? (() => askTimeService(realMachine)),
    machine: boot,
    hasBattery,
    newLine: newId,
  });

  const health = new Health(
    () => time.now(),
    ({ part, up, detail }) => (up ? logger.info(`${part} is up`) : logger.warn(`${part} is down`, { detail })),
  );
  const plan = compilePlan(file);
  const byRule = new Map(plan.rules.map((rule) => [rule.id, rule.actions]));
  const actionsOf = (rule: string): readonly string[] => (byRule.get(rule) ?? []).filter((id) => file.actions.has(id));
  const recovered = await recover({
    disk,
    folder,
    plan,
    journalMaxBytes: settings.journal,
    outboxMaxBytes: settings.outbox,
    logger,
    time,
    tailBytes: options.tailBytes,
    newIncarnation: newId,
    actionsOf,
  });
  const { pipeline, journal, blackBox, outbox } = recovered;

  const { messages, levels } = makeActions(file, kinds.actions, { base: options.base, clock: time });
  const actions = new Actions({
    messages,
    levels: new Levels({
      levels,
      wanted: (id, mode) => {
        const alarms = pipeline.alerts.views().filter(({ rule }) => actionsOf(rule).includes(id));
        return isWanted(mode, alarms, time.now());
      },
      health,
      clock: time,
      random,
    }),
    actionsOf,
    health,
    logger,
    clock: time,
    random,
    acted: (key) => engine.acted(key),
    told: (transition) => thing?.tell(transition),
  });
  actions.resume(recovered.unfinished, recovered.done);

  const thing =
    file.thing &&
    new ThingServer({ ...file.thing, file, latest: () => pipeline.states(), health, clock: time, random });

  const pace = new Pace({
    commitMs: settings.commit,
    enduranceBytes: settings.card,
    budgetYears: settings.wearBudget,
    written: () => meter.total,
    clock,
  });
  const engine = new Engine({
    ...recovered,
    actions,
    health,
    time,
    logger,
    disk,
    commitMs: () => pace.next(),
    journalMaxBytes: settings.journal,
    tailBytes: options.tailBytes,
    outboxGrew: () => uplink?.nudge(),
  });

  const orders = new HubOrders({ operate: (operation) => engine.operate(operation), logger, now: () => time.now() });

  const closeControl = await (options.control ?? startControl)({
    folder,
    alarms: () => pipeline.alerts.views(),
    operate: (operation) => engine.operate(withinReason(operation, time.now())),
    health,
  });

  const reporter = new StatusReporter({
    ...recovered,
    orders,
    file,
    engine,
    actions,
    health,
    clock: time,
    meter,
    pace,
    freeBytes: () => guard.freeBytes,
  });

  const answers = new RawAnswers({
    source: blackBox,
    lane: outbox.lane('raw'),
    health,
    clock: time,
    commitMs: () => pace.commitMs,
    grew: () => uplink?.nudge(),
  });

  const hub = file.hub;
  const uplink =
    hub &&
    new Uplink({
      connect: options.connect ?? mqttLink(hub.url),
      gateway: file.gateway,
      key: () => options.hubKey ?? hubKey(hub, options.base),
      outbox,
      health,
      clock: time,
      random,
      status: (online) => reporter.encoded(online),
      statusMs: options.statusMs ?? 5000,
      bytesPerSecond: hub.rate,
      newestFirst: hub.drain === 'newest' ? newId : undefined,
      asked: (ask) => {
        if (ask.kind === 'raw') answers.ask(ask.request);
        else orders.carryOut(ask.id, ask.operation);
      },
      stored: (lane) => {
        if (lane === 'raw') answers.stored();
      },
    });

  const routes = compileRoutes(file);
  const sourcesEnd = new AbortController();
  const end = new AbortController();
  const sources = [...file.sources].map(([id, part]) => {
    const kind = kinds.sources.find(({ key }) => key === part.kind);
    if (kind === undefined) throw new Error(`no source kind "${part.kind}"`);
    health.expect(`source ${id}`);
    const source = kind.make(part, {
      id,
      gateway: file.gateway,
      base: options.base,
      data: folder,
      clock: time,
      router: new Router(routes.get(id) ?? new Map<string, string>(), pipeline.series),
      random,
      opened: () => health.up(`source ${id}`),
      device: (name, problem) => {
        if (problem === undefined) health.up(`source ${id} ${name}`);
        else health.down(`source ${id} ${name}`, problem);
      },
      trouble: (detail) => health.down(`source ${id}`, detail),
      hurry: () => engine.hurry(),
    });
    return supervise(
      { id, source, health, clock: time, random, take: (delivery) => engine.take(delivery) },
      sourcesEnd.signal,
    );
  });
  const commits = engine.run(end.signal);
  const acting = actions.run(end.signal);
  const keepingTime = time.run(end.signal);
  const answering = answers.run(end.signal);
  const serving = thing?.run(end.signal) ?? Promise.resolve();
  const uplinking = uplink?.run(end.signal) ?? Promise.resolve();

  const commitUntil = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      void engine.commit();
      await time.sleep(50, signal);
    }
  };
  const closeSources = async (): Promise<void> => {
    sourcesEnd.abort();
    // A source may be waiting for room in the block.
    const closed = new AbortController();
    const committing = commitUntil(closed.signal);
    await Promise.all(sources);
    closed.abort();
    await committing;
  };

  return {
    folder,
    status: () => reporter.status(),
    async drain(maxMs) {
      await closeSources();
      await engine.commit();
      const until = clock.monotonicMs() + maxMs;
      while (outbox.pendingRecords > 0 && clock.monotonicMs() < until) await clock.sleep(20, end.signal);
    },
    async stop() {
      await closeControl();
      await closeSources();
      end.abort();
      await Promise.all([commits, acting, keepingTime, answering, serving]);
      await engine.commit({ checkpoint: true });
      await uplinking;
      // A disk that fails now has nothing left to say: everything else is closed all the same.
      const closed = await Promise.allSettled([outbox.close(), blackBox.close(), journal.close()]);
      for (const result of closed) {
        if (result.status === 'rejected')
          logger.warn('a file could not be closed', { reason: messageOf(result.reason) });
      }
      await unlock();
    },
  };
}

function makeActions(
  file: GatewayFile,
  kinds: readonly ActionKind[],
  { base, clock }: Pick<ActionContext, 'base' | 'clock'>,
): { messages: Map<string, Message>; levels: Map<string, Level> } {
  const [messages, levels] = [new Map<string, Message>(), new Map<string, Level>()];
  const unitOf = (signal: string): string => file.signals.get(signal)?.unit ?? '';
  for (const [id, part] of file.actions) {
    const kind = kinds.find(({ key }) => key === part.kind);
    if (kind === undefined) throw new Error(`no action kind "${part.kind}"`);
    const context = { id, gateway: file.gateway, base, unitOf, clock };
    if (kind.type === 'message') messages.set(id, kind.make(part, context));
    else levels.set(id, kind.make(part, context));
  }
  return { messages, levels };
}

function hubKey(hub: NonNullable<GatewayFile['hub']>, base: string): string | undefined {
  if (hub.keyFile === undefined) return process.env['WEIR_HUB_KEY'];
  return readSecret(hub.keyFile, base);
}

function randomId(): string {
  return randomBytes(8).toString('hex');
}
