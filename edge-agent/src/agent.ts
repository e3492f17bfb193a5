// The agent, wired: the only place where its parts meet. Read it from top to bottom and you know what runs on a gateway.

import { join, resolve } from 'node:path';
import { compilePlan, compileRoutes } from '@weir/shared/config/compile.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import { Actions } from './actions/actions.ts';
import { actionKinds } from './actions/registry.ts';
import { Engine } from './engine.ts';
import { Health } from './health.ts';
import { realDisk, type Disk } from './log/disk.ts';
import { lock } from './log/lock.ts';
import type { Logger } from './logger.ts';
import { readSecret } from './mqtt/options.ts';
import { recover } from './recovery.ts';
import { sourceKinds } from './sources/registry.ts';
import { Router } from './sources/router.ts';
import { supervise } from './sources/supervisor.ts';
import { StatusReporter, type AgentStatus } from './status.ts';
import { systemClock, type Clock } from './time/clock.ts';
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
  readonly disk?: Disk;
  readonly random?: () => number;
  readonly statusMs?: number;
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
  const { file, logger, clock = systemClock, disk = realDisk, random = Math.random } = options;
  const folder = resolve(options.base, options.data ?? file.data ?? join('weir-data', file.gateway));
  await disk.makeFolder(folder);
  const unlock = await lock(join(folder, 'lock'));

  const health = new Health(
    () => clock.now(),
    ({ part, up, detail }) => (up ? logger.info(`${part} is up`) : logger.warn(`${part} is down`, { detail })),
  );
  const plan = compilePlan(file);
  const byRule = new Map(
    [...plan.signals.values()].flatMap(({ rules }) => rules.map((rule) => [rule.id, rule.actions] as const)),
  );
  const actionsOf = (rule: string): readonly string[] => (byRule.get(rule) ?? []).filter((id) => file.actions.has(id));
  const recovered = await recover({
    disk,
    folder,
    plan,
    journalMaxBytes: file.settings.journal,
    outboxMaxBytes: file.settings.outbox,
    logger,
    actionsOf,
  });
  const { pipeline, journal, outbox } = recovered;

  const actions = new Actions({
    actions: makeActions(file, options.base),
    actionsOf,
    health,
    logger,
    clock,
    random,
    acted: (key) => engine.acted(key),
  });
  actions.resume(recovered.unfinished, recovered.done);

  const engine = new Engine({
    ...recovered,
    actions,
    health,
    clock,
    disk,
    commitMs: file.settings.commit,
    journalMaxBytes: file.settings.journal,
    outboxGrew: () => uplink?.nudge(),
  });

  const reporter = new StatusReporter({ file, pipeline, engine, actions, journal, outbox, health, clock });

  const hub = file.hub;
  const uplink =
    hub &&
    new Uplink({
      url: hub.url,
      gateway: file.gateway,
      key: () => options.hubKey ?? hubKey(hub, options.base),
      outbox,
      health,
      clock,
      random,
      status: (online) => reporter.encoded(online),
      statusMs: options.statusMs ?? 5000,
    });

  const routes = compileRoutes(file);
  const sourcesEnd = new AbortController();
  const end = new AbortController();
  const sources = [...file.sources].map(([id, part]) => {
    const kind = sourceKinds.find(({ key }) => key === part.kind);
    if (kind === undefined) throw new Error(`no source kind "${part.kind}"`);
    health.expect(`source ${id}`);
    const source = kind.make(part, {
      id,
      gateway: file.gateway,
      base: options.base,
      clock,
      router: new Router(routes.get(id) ?? new Map<string, string>(), pipeline.series),
      opened: () => health.up(`source ${id}`),
      hurry: () => engine.hurry(),
    });
    return supervise(
      { id, source, health, clock, random, take: (delivery) => engine.take(delivery) },
      sourcesEnd.signal,
    );
  });
  const commits = engine.run(end.signal);
  const acting = actions.run(end.signal);
  const uplinking = uplink?.run(end.signal) ?? Promise.resolve();

  const closeSources = async (): Promise<void> => {
    sourcesEnd.abort();
    // A source may be waiting for room in the block.
    const committing = setInterval(() => void engine.commit(), 50);
    await Promise.all(sources);
    clearInterval(committing);
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
      await closeSources();
      end.abort();
      await Promise.all([commits, acting]);
      await engine.commit({ checkpoint: true });
      await uplinking;
      await outbox.close();
      await journal.close();
      await unlock();
    },
  };
}

function makeActions(file: GatewayFile, base: string) {
  return new Map(
    [...file.actions].map(([id, part]) => {
      const kind = actionKinds.find(({ key }) => key === part.kind);
      if (kind === undefined) throw new Error(`no action kind "${part.kind}"`);
      return [id, kind.make(part, { id, gateway: file.gateway, base })] as const;
    }),
  );
}

function hubKey(hub: NonNullable<GatewayFile['hub']>, base: string): string | undefined {
  const path = 'keyFile' in hub ? hub.keyFile : undefined;
  if (path === undefined) return process.env['WEIR_HUB_KEY'];
  return readSecret(path, base);
}
