// Starting where the last run stopped: the last checkpoint, then the journal's tail through the same pipeline.
//
// Blocks are replayed as they were committed, by the plan they were made with and each drained where it was drained then, so
// the outputs are the same and the outbox passes over those it has. A gateway file that has changed takes effect behind that.
// Transitions met on the way are acted on again only when no block says they were. Blocks that were stamped before the time was
// known are moved to their place on the way (time/restamp.ts); as long as it is not known, what they give is held back.
// Nothing here can keep the agent from starting: what is damaged is reported and left out.

import { alertStates, severities, silences } from '@weir/shared/model/alert.ts';
import { randomBytes } from 'node:crypto';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import { isSamePlan, planFromJson, planToJson } from '@weir/shared/pipeline/plan-json.ts';
import { reconfigure } from '@weir/shared/pipeline/reconfigure.ts';
import { restore, snapshot } from '@weir/shared/pipeline/snapshot.ts';
import * as z from 'zod';
import { actedKey, type Unfinished } from './actions/actions.ts';
import { BlackBox } from './log/black-box.ts';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './log/checkpoint.ts';
import { joinPath, type Disk } from './log/disk.ts';
import { decodeBlock, decodeBlockHead, type Block } from './log/journal-block.ts';
import { Log, type Damage, type Seq } from './log/log.ts';
import { Outbox } from './log/outbox.ts';
import { messageOf, silentLogger, type Logger } from './logger.ts';
import { RecentReadings } from './recent-readings.ts';
import type { DeviceClocks } from './time/device-clocks.ts';
import { restamp, type LineSpan } from './time/restamp.ts';
import type { Stamped, TimeKeeper } from './time/time-keeper.ts';

/** The last blocks, whose readings a broker may still repeat. */
const blocksToRemember = 200;
/** The journal is a short tail; what is behind it is packed segment by segment. */
const journalSegmentBytes = 1e6;

export interface RecoveryOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly plan: Plan;
  readonly journalMaxBytes: number;
  readonly outboxMaxBytes: number;
  readonly logger: Logger;
  /** Opened; it begins here, when it is known what the journal is stamped with. */
  readonly time: TimeKeeper;
  readonly tailBytes?: number | undefined;
  readonly newIncarnation?: () => string;
  /** What a transition asks for, by rule. */
  readonly actionsOf: (rule: string) => readonly string[];
}

export interface Recovered {
  readonly pipeline: Pipeline;
  readonly journal: Log;
  readonly blackBox: BlackBox;
  readonly outbox: Outbox;
  readonly recent: RecentReadings;
  readonly checkpointPath: string;
  readonly replayedBytes: number;
  /** While the time is not known: what is held back, and where a replay is to start if no checkpoint could be written. */
  readonly held: { readonly bytes: number; readonly readings: number };
  readonly base: Checkpoint | undefined;
  /** Actions an earlier run may not have taken, and those it surely has. */
  readonly unfinished: readonly Unfinished[];
  readonly done: ReadonlySet<string>;
}

export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { disk, folder, plan, logger, time, newIncarnation = randomIncarnation } = options;
  const onDamage = (damage: Damage): void => logger.warn('a file was damaged; what checks out is used', { ...damage });
  const journal = await Log.open(disk, {
    folder: joinPath(folder, 'journal'),
    segmentBytes: Math.min(journalSegmentBytes, (options.tailBytes ?? Infinity) / 8),
    newIncarnation,
    onDamage,
  });
  const blackBox = await BlackBox.open(disk, {
    folder: joinPath(folder, 'blackbox'),
    maxBytes: options.journalMaxBytes,
    newIncarnation,
    journal,
    moveOf: (line) => time.moveOf(line),
    onDamage,
  });
  const outbox = await Outbox.open(disk, {
    folder: joinPath(folder, 'outbox'),
    maxBytes: options.outboxMaxBytes,
    newIncarnation,
    journalIncarnation: journal.incarnation,
    onDamage,
  });

  const checkpointPath = joinPath(folder, 'checkpoint');
  const found = await usableCheckpoint(disk, checkpointPath, journal, logger);
  const made = found && restorePipeline(planFromJson(found.plan) ?? plan, found, logger);
  // A checkpoint that cannot be used is none: the journal is then replayed from its beginning.
  const checkpoint = made === undefined ? undefined : found;
  const from = checkpoint?.seq ?? 0;
  const before = made ?? new Pipeline(plan);
  const changed = !isSamePlan(before.plan, plan);
  // Two plans cannot wait for the time together: what the former one has held back is taken as it is.
  await time.begin(await stampedIn(journal, from, logger), changed);
  const tail = await replayTail(before, { from, journal, outbox, options });
  const unfinished = [...parseUnfinished(checkpoint?.unacted ?? '[]'), ...tail.unfinished];

  const pipeline = changed ? changePlan(tail.pipeline, plan, { journal, outbox, logger }) : tail.pipeline;
  const isStored = tail.isStored && (!changed || (await stored(outbox, logger, () => outbox.sync())));
  // From here on blocks are made with the present plan: the next start must know.
  let base: Checkpoint | undefined;
  if (changed || (checkpoint === undefined && tail.held.bytes === 0) || (time.known && tail.moved)) {
    const unacted = JSON.stringify(unfinished.filter((one) => !tail.done.has(actedKey(one.action, one.transition))));
    const fresh = {
      journalIncarnation: journal.incarnation,
      seq: journal.last,
      unacted,
      plan: planToJson(plan),
      snapshot: snapshot(pipeline),
    };
    // Behind a checkpoint nobody would make again what is not in the outbox.
    const written = isStored
      ? writeCheckpoint(disk, checkpointPath, fresh)
      : Promise.reject(new Error('the outbox comes first'));
    await written.catch((error: unknown) => {
      logger.warn('no checkpoint could be written', { reason: messageOf(error) });
      if (!time.known) base = fresh;
    });
  }
  pipeline.maxAheadMs = time.known ? plan.maxAheadMs : Infinity;
  const recent = await recallReadings(journal, pipeline);
  const pending = outbox.pendingReadings;
  logger.info('recovered', { checkpoint: from, journal: journal.last, replayed: tail.readings, pending });
  const { bytes: replayedBytes, done, held } = tail;
  return { pipeline, journal, blackBox, outbox, recent, checkpointPath, replayedBytes, held, base, unfinished, done };
}

/** What the journal is stamped with: from what is to be replayed, and from its newest block. */
async function stampedIn(journal: Log, from: Seq, logger: Logger): Promise<Stamped> {
  const spans = new Map<string, LineSpan>();
  let lastKnown = -Infinity;
  for await (const { seq, payload } of journal.entries(Math.max(0, Math.min(from, journal.last - 1)))) {
    const head = readable(() => decodeBlockHead(payload), seq, logger);
    if (head === undefined) continue;
    const { line, tick } = head;
    if (line === undefined) lastKnown = Math.max(lastKnown, tick);
    else if (seq > from) spans.set(line, { line, begin: spans.get(line)?.begin ?? tick, end: tick });
  }
  return { spans: [...spans.values()], lastKnown };
}

interface Tail {
  readonly pipeline: Pipeline;
  readonly unfinished: readonly Unfinished[];
  readonly done: ReadonlySet<string>;
  readonly readings: number;
  readonly bytes: number;
  readonly held: Recovered['held'];
  /** Some of it was stamped provisionally. */
  readonly moved: boolean;
  /** What it gave is on disk. */
  readonly isStored: boolean;
}

/** Replays what is behind the checkpoint, by the plan it was made with, and puts into the outbox what is not there yet. */
async function replayTail(
  pipeline: Pipeline,
  { from, journal, outbox, options }: { from: Seq; journal: Log; outbox: Outbox; options: RecoveryOptions },
): Promise<Tail> {
  const { time, logger } = options;
  const unfinished: { made: Unfinished; moved: number }[] = [];
  const done = new Set<string>();
  const panesThere = outbox.lane('panes').synced;
  // Of what is moved, and of what is held back.
  let movedBy: DeviceClocks | undefined;
  const heldBy = time.newClocks(false);
  let [readings, bytes, evictThrough] = [0, 0, 0];
  const held = { bytes: 0, readings: 0 };
  for await (const { seq, payload } of journal.entries(from)) {
    const block = readBlock(payload, seq, logger);
    if (block === undefined) continue;
    const move = block.line === undefined ? 0 : time.moves.get(block.line);
    if (block.line !== undefined && move !== undefined && movedBy === undefined) {
      movedBy = time.newClocks(true);
      // As they were numbered when it was replayed while the agent ran.
      await internAll(pipeline, journal, seq - 1, logger);
    }
    pipeline.maxAheadMs = move === undefined ? Infinity : pipeline.plan.maxAheadMs;
    const clocks = move === undefined ? heldBy : movedBy;
    replayBlock(pipeline, block.line === undefined || clocks === undefined ? block : restamp(block, move ?? 0, clocks));
    const outputs = pipeline.drain();
    if (move !== undefined) outbox.append(seq, outputs);
    else {
      held.bytes += payload.length;
      held.readings += outputs.panes.reduce((sum, { fresh }) => sum + fresh, 0);
    }
    for (const transition of outputs.transitions) {
      if (transition.quiet !== '') continue;
      for (const action of options.actionsOf(transition.rule))
        unfinished.push({ made: { action, transition }, moved: move ?? 0 });
    }
    for (const key of block.acted) done.add(key);
    evictThrough = Math.max(evictThrough, block.evicted.through);
    readings += block.readings.length;
    bytes += payload.length;
  }
  // A damaged journal may have lost its last blocks; the outbox has seen their numbers.
  journal.skipTo(Math.max(outbox.cause, from));
  const isStored = await stored(outbox, logger, async () => {
    await outbox.sync();
    // Written into the journal, and perhaps not done any more. An outbox that was made anew since knows nothing of it.
    await outbox.evict(Math.min(evictThrough, panesThere));
  });
  const left = unfinished.filter(({ made, moved }) => !isDone(made, moved, done)).map(({ made }) => made);
  return { pipeline, unfinished: left, done, readings, bytes, held, moved: movedBy !== undefined, isStored };
}

/** A disk that takes nothing must not keep the agent from starting: what the outbox holds in memory goes with the next commit. */
async function stored(outbox: Outbox, logger: Logger, store: () => Promise<void>): Promise<boolean> {
  try {
    await store();
    return true;
  } catch (error) {
    logger.warn('the outbox cannot be written; what it holds waits for the disk', {
      records: outbox.pendingRecords,
      reason: messageOf(error),
    });
    return false;
  }
}

/** What was acted on before the time was known was named by the time it seemed to be. */
function isDone({ action, transition }: Unfinished, moved: number, done: ReadonlySet<string>): boolean {
  const seemed = { ...transition, since: transition.since - moved };
  return done.has(actedKey(action, transition)) || done.has(actedKey(action, seemed));
}

/** Numbers every series of the blocks behind `after`. */
async function internAll(pipeline: Pipeline, journal: Log, after: Seq, logger: Logger): Promise<void> {
  for await (const { seq, payload } of journal.entries(after)) {
    for (const { device, signal } of readBlock(payload, seq, logger)?.interned ?? []) {
      if (pipeline.plan.signals.has(signal)) pipeline.series.intern(device, signal);
    }
  }
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
function changePlan(
  before: Pipeline,
  plan: Plan,
  { journal, outbox, logger }: { journal: Log; outbox: Outbox; logger: Logger },
): Pipeline {
  const { pipeline, dropped, cleared } = reconfigure(before, plan);
  logger.info('the gateway file has changed; the state of what stays is kept', {
    dropped: dropped.length,
    such: dropped.slice(0, 5).join(' '),
    cleared: cleared.length,
  });
  // A number of its own: a crash before the checkpoint says it once more, which changes nothing.
  journal.skipTo(journal.last + 1);
  outbox.append(journal.last, { panes: [], transitions: [...cleared] });
  return pipeline;
}

/** @returns undefined when an agent of another version has written the block */
export function readBlock(payload: Uint8Array, seq: Seq, logger: Logger): Block | undefined {
  return readable(() => decodeBlock(payload), seq, logger);
}

function readable<T>(decode: () => T, seq: Seq, logger: Logger): T | undefined {
  try {
    return decode();
  } catch (error) {
    logger.warn('a journal block cannot be read; going on without it', { block: seq, reason: messageOf(error) });
    return undefined;
  }
}

function randomIncarnation(): string {
  return randomBytes(8).toString('hex');
}

/** Tells the pipeline what it was told then. */
export function replayBlock(pipeline: Pipeline, block: Block): void {
  if (block.jumpMs > 0) pipeline.jump(block.jumpMs);
  if (!Number.isNaN(block.awake)) pipeline.awake(block.awake);
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
  for (const operation of block.operations) pipeline.operate(operation, block.tick);
  pipeline.tick(block.tick);
}

async function usableCheckpoint(
  disk: Disk,
  path: string,
  journal: Log,
  logger: Logger,
): Promise<Checkpoint | undefined> {
  const checkpoint = await readCheckpoint(disk, path, (damage) => logger.warn(damage));
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
      state: z.enum(alertStates),
      severity: z.enum(severities),
      time: z.number(),
      since: z.number(),
      // JSON has no NaN.
      value: z
        .number()
        .nullable()
        .transform((value) => value ?? NaN),
      reason: z.string(),
      quiet: z.enum(silences),
      by: z.string(),
      comment: z.string(),
    }),
    count: z.int().min(1).optional(),
  }),
);

function parseUnfinished(json: string): Unfinished[] {
  const parsed = unfinishedSchema.safeParse(JSON.parse(json));
  return parsed.success ? parsed.data : [];
}
