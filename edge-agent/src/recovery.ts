// Starting where the last run stopped: the last checkpoint, then the journal's tail through the same pipeline.
//
// Blocks are replayed as they were committed, by the plan they were made with and each drained where it was drained then, so
// the outputs are the same and the outbox passes over those it has. A gateway file that has changed takes effect behind that.
// Transitions met on the way are acted on again only when no block says they were. Nothing here can keep the agent from
// starting: what is damaged is reported and left out.

import { randomBytes } from 'node:crypto';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import { isSamePlan, planFromJson, planToJson } from '@weir/shared/pipeline/plan-json.ts';
import { reconfigure } from '@weir/shared/pipeline/reconfigure.ts';
import { restore, snapshot } from '@weir/shared/pipeline/snapshot.ts';
import { z } from 'zod';
import { actedKey, type Unfinished } from './actions/actions.ts';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './log/checkpoint.ts';
import { joinPath, type Disk } from './log/disk.ts';
import { decodeBlock, type Block } from './log/journal-block.ts';
import { Log, type Seq } from './log/log.ts';
import { Outbox } from './log/outbox.ts';
import { messageOf, silentLogger, type Logger } from './logger.ts';
import { RecentReadings } from './recent-readings.ts';

/** The last blocks, whose readings a broker may still repeat. */
const blocksToRemember = 200;

export interface RecoveryOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly plan: Plan;
  readonly journalMaxBytes: number;
  readonly outboxMaxBytes: number;
  readonly logger: Logger;
  /** What a transition asks for, by rule. */
  readonly actionsOf: (rule: string) => readonly string[];
}

export interface Recovered {
  readonly pipeline: Pipeline;
  readonly journal: Log;
  readonly outbox: Outbox;
  readonly recent: RecentReadings;
  readonly checkpointPath: string;
  readonly replayedBytes: number;
  /** Actions an earlier run may not have taken, and those it surely has. */
  readonly unfinished: readonly Unfinished[];
  readonly done: ReadonlySet<string>;
}

export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { disk, folder, plan, logger } = options;
  const segmentBytes = Math.min(16e6, Math.max(1e6, Math.floor(options.journalMaxBytes / 8)));
  const journal = await Log.open(disk, { folder: joinPath(folder, 'journal'), segmentBytes, newIncarnation });
  const outbox = await Outbox.open(disk, {
    folder: joinPath(folder, 'outbox'),
    maxBytes: options.outboxMaxBytes,
    newIncarnation,
    journalIncarnation: journal.incarnation,
  });
  if (journal.salvage.bytes > 0) logger.warn('journal was damaged; what checks out is used', { ...journal.salvage });

  const checkpointPath = joinPath(folder, 'checkpoint');
  const found = await usableCheckpoint(disk, checkpointPath, journal, logger);
  const made = found && restorePipeline(planFromJson(found.plan) ?? plan, found, logger);
  // A checkpoint that cannot be used is none: the journal is then replayed from its beginning.
  const checkpoint = made === undefined ? undefined : found;
  const from = checkpoint?.seq ?? 0;
  const tail = await replayTail(made ?? new Pipeline(plan), { from, journal, outbox, options });
  const unfinished = [...parseUnfinished(checkpoint?.unacted ?? '[]'), ...tail.unfinished];

  const changed = !isSamePlan(tail.pipeline.plan, plan);
  const pipeline = changed ? await changePlan(tail.pipeline, plan, { journal, outbox, logger }) : tail.pipeline;
  // From here on blocks are made with the present plan: the next start must know.
  if (changed || checkpoint === undefined) {
    const unacted = JSON.stringify(unfinished.filter((one) => !tail.done.has(actedKey(one.action, one.transition))));
    const fresh = {
      journalIncarnation: journal.incarnation,
      seq: journal.last,
      unacted,
      plan: planToJson(plan),
      snapshot: snapshot(pipeline),
    };
    await writeCheckpoint(disk, checkpointPath, fresh).catch((error: unknown) => {
      logger.warn('no checkpoint could be written', { reason: messageOf(error) });
    });
  }
  const recent = await recallReadings(journal, pipeline);
  const pending = outbox.pendingReadings;
  logger.info('recovered', { checkpoint: from, journal: journal.last, replayed: tail.readings, pending });
  return { pipeline, journal, outbox, recent, checkpointPath, replayedBytes: tail.bytes, unfinished, done: tail.done };
}

interface Tail {
  readonly pipeline: Pipeline;
  readonly unfinished: readonly Unfinished[];
  readonly done: ReadonlySet<string>;
  readonly readings: number;
  readonly bytes: number;
}

/** Replays what is behind the checkpoint, by the plan it was made with, and puts into the outbox what is not there yet. */
async function replayTail(
  pipeline: Pipeline,
  { from, journal, outbox, options }: { from: Seq; journal: Log; outbox: Outbox; options: RecoveryOptions },
): Promise<Tail> {
  const unfinished: Unfinished[] = [];
  const done = new Set<string>();
  const panesThere = outbox.lane('panes').synced;
  let [readings, bytes, evictThrough] = [0, 0, 0];
  for await (const { seq, payload } of journal.entries(from)) {
    const block = readBlock(payload, seq, options.logger);
    if (block === undefined) continue;
    replayBlock(pipeline, block);
    const outputs = pipeline.drain();
    outbox.append(seq, outputs);
    for (const transition of outputs.transitions) {
      for (const action of options.actionsOf(transition.rule)) unfinished.push({ action, transition });
    }
    for (const key of block.acted) done.add(key);
    evictThrough = Math.max(evictThrough, block.evicted.through);
    readings += block.readings.length;
    bytes += payload.length;
  }
  // A damaged journal may have lost its last blocks; the outbox has seen their numbers.
  journal.skipTo(Math.max(outbox.cause, from));
  await outbox.sync();
  // Written into the journal, and perhaps not done any more. An outbox that was made anew since knows nothing of it.
  await outbox.evict(Math.min(evictThrough, panesThere));
  return { pipeline, unfinished, done, readings, bytes };
}

/** The readings a broker may still repeat. */
async function recallReadings(journal: Log, pipeline: Pipeline): Promise<RecentReadings> {
  const recent = new RecentReadings();
  for await (const { seq, payload } of journal.entries(Math.max(0, journal.last - blocksToRemember))) {
    for (const { device, signal, time, value } of readBlock(payload, seq, silentLogger)?.readings ?? []) {
      const series = pipeline.plan.signals.has(signal) ? pipeline.series.intern(device, signal) : undefined;
      if (series !== undefined) recent.add(series.id, time, value);
    }
  }
  return recent;
}

/** The gateway file has changed: goes on with the state of what stays, and tells the hub of the alerts that do not. */
async function changePlan(
  before: Pipeline,
  plan: Plan,
  { journal, outbox, logger }: { journal: Log; outbox: Outbox; logger: Logger },
): Promise<Pipeline> {
  const { pipeline, dropped, cleared } = reconfigure(before, plan);
  logger.info('the gateway file has changed; the state of what stays is kept', {
    dropped: dropped.length,
    such: dropped.slice(0, 5).join(' '),
    cleared: cleared.length,
  });
  // A number of its own: a crash before the checkpoint says it once more, which changes nothing.
  journal.skipTo(journal.last + 1);
  outbox.append(journal.last, { panes: [], transitions: [...cleared] });
  await outbox.sync();
  return pipeline;
}

/** @returns undefined when an agent of another version has written the block */
function readBlock(payload: Uint8Array, seq: Seq, logger: Logger): Block | undefined {
  try {
    return decodeBlock(payload);
  } catch (error) {
    logger.warn('a journal block cannot be read; going on without it', { block: seq, reason: messageOf(error) });
    return undefined;
  }
}

function newIncarnation(): string {
  return randomBytes(8).toString('hex');
}

/** Tells the pipeline what it was told then. */
export function replayBlock(pipeline: Pipeline, block: Block): void {
  for (const { device, signal } of block.interned) {
    if (pipeline.plan.signals.has(signal)) pipeline.series.intern(device, signal);
  }
  for (const { device, signal, arrival, time, value, quality } of block.readings) {
    const series = pipeline.plan.signals.has(signal) ? pipeline.series.intern(device, signal) : undefined;
    if (series === undefined) pipeline.reject('reconfigured', 1);
    else pipeline.ingest({ series: series.id, time, value, quality }, arrival);
  }
  for (const [reason, count] of block.refusals) pipeline.reject(reason, count);
  pipeline.evict(block.evicted.readings);
  pipeline.tick(block.tick);
}

async function usableCheckpoint(
  disk: Disk,
  path: string,
  journal: Log,
  logger: Logger,
): Promise<Checkpoint | undefined> {
  const checkpoint = await readCheckpoint(disk, path);
  if (typeof checkpoint === 'string') {
    logger.warn(checkpoint);
    return undefined;
  }
  if (checkpoint === undefined || checkpoint.journalIncarnation === journal.incarnation) return checkpoint;
  // The journal is gone and another has begun: the checkpoint is the best there is, and nothing comes after it.
  const neverBegan = checkpoint.seq === 0 && journal.last === 0;
  if (!neverBegan) logger.warn('the journal of the checkpoint is gone; going on from the checkpoint');
  return { ...checkpoint, seq: 0 };
}

/** @returns undefined when the snapshot is of another version or damaged */
function restorePipeline(plan: Plan, checkpoint: Checkpoint, logger: Logger): Pipeline | undefined {
  try {
    return restore(plan, checkpoint.snapshot).pipeline;
  } catch (error) {
    logger.warn('the checkpoint cannot be used; replaying the whole journal instead', { reason: messageOf(error) });
    return undefined;
  }
}

const unfinishedSchema = z.array(
  z.object({
    action: z.string(),
    transition: z.object({
      rule: z.string(),
      series: z.object({ device: z.string(), signal: z.string() }),
      state: z.enum(['firing', 'cleared']),
      severity: z.enum(['info', 'warning', 'critical']),
      time: z.number(),
      since: z.number(),
      value: z.number(),
    }),
  }),
);

function parseUnfinished(json: string): Unfinished[] {
  const parsed = unfinishedSchema.safeParse(JSON.parse(json));
  return parsed.success ? parsed.data : [];
}
