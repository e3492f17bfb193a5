// Plays a case through the core as the agent does: straight, with restarts, again from the journal, in other orders.

import { BlockBuilder, decodeBlock } from '@weir/edge-agent/log/journal-block.ts';
import { replayBlock } from '@weir/edge-agent/recovery.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import type { Losses } from '@weir/shared/model/ledger.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import type { Flag } from '@weir/shared/model/quality.ts';
import type { LossReason } from '@weir/shared/model/reading.ts';
import { Pipeline, type Outputs } from '@weir/shared/pipeline/pipeline.ts';
import { planFromJson, planToJson } from '@weir/shared/pipeline/plan-json.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import { restore, snapshot } from '@weir/shared/pipeline/snapshot.ts';
import type { ReadingStep, Step } from './case.ts';

export interface Commit extends Outputs {
  readonly arrival: number;
  /** Readings in windows that no pane has reported yet. */
  readonly open: number;
}

export interface Books {
  readonly taken: number;
  readonly open: number;
  readonly lost: Losses;
  readonly flagged: ReadonlyMap<Flag, number>;
  /** What was refused, by series. */
  readonly lostBySeries: ReadonlyMap<string, ReadonlyMap<LossReason, number>>;
}

export interface Played {
  readonly commits: readonly Commit[];
  readonly books: Books;
}

/** What a commit leaves on disk. */
export interface Saved {
  readonly checkpoint: Uint8Array;
  /** Undefined where the agent would write none, since nothing has come in or gone out. */
  readonly block: Uint8Array | undefined;
}

/** @param saved gets one entry for each commit */
export function play(plan: Plan, steps: readonly Step[], saved: Saved[] = []): Played {
  return run(plan, steps, (pipeline, entry) => {
    saved.push(entry);
    return pipeline;
  });
}

/** With a restart behind every commit. Between commits there is nothing to restart from. */
export function playWithRestarts(plan: Plan, steps: readonly Step[]): Played {
  return run(plan, steps, (_, { checkpoint }) => restart(plan, checkpoint));
}

/** What recovery makes of a crash after the last commit, with the checkpoint of the commit before `from`: 0 is none at all. */
export function replay(plan: Plan, saved: readonly Saved[], from: number): Played {
  const stored = planFromJson(planToJson(plan));
  if (stored === undefined) throw new Error('the plan cannot be read back');
  const checkpoint = saved[from - 1]?.checkpoint;
  const pipeline = checkpoint === undefined ? new Pipeline(stored) : restart(stored, checkpoint);
  const commits = saved.slice(from).flatMap(({ block }): Commit[] => {
    if (block === undefined) return [];
    const decoded = decodeBlock(block);
    replayBlock(pipeline, decoded);
    return [committed(pipeline, decoded.tick)];
  });
  return { commits, books: booksOf(pipeline) };
}

/** A commit after every reading. */
export function committedOften(steps: readonly Step[]): Step[] {
  return steps.flatMap((step): Step[] =>
    step.kind === 'commit' ? [step] : [step, { kind: 'commit', arrival: step.arrival }],
  );
}

/** Brought to an end: a commit when all is over. */
export function concluded(steps: readonly Step[]): Step[] {
  return [...steps, { kind: 'commit', arrival: Infinity }];
}

/** The same readings in another order; arrivals and commits stay as they are. @param isAllowed whether an order may be */
export function reordered(
  steps: readonly Step[],
  seed: number,
  isAllowed: (steps: readonly Step[]) => boolean,
): readonly Step[] {
  const random = randomFrom(seed);
  const places = steps.flatMap(({ kind }, place) => (kind === 'reading' ? [place] : []));
  const anyPlace = (): number => places[Math.floor(random() * places.length)] ?? 0;
  let current = steps;
  for (let swaps = places.length * 4; swaps > 0; swaps--) {
    const swapped = withSwapped(current, anyPlace(), anyPlace());
    if (isAllowed(swapped)) current = swapped;
  }
  return current;
}

/** What lies beyond has no date and is refused, whenever it comes. */
const maxTime = Date.UTC(9999, 11, 31);

/** Whether no reading comes too early or too late for the outcome to be the same. */
export function isWithinBounds(plan: Plan, steps: readonly Step[]): boolean {
  const newest = new Map<string, number>();
  for (const step of steps) {
    if (step.kind === 'commit') continue;
    const { device, signal, time, value, quality, arrival } = step;
    if (!Number.isFinite(value) || quality === 'bad' || Math.abs(time) > maxTime) continue;
    const key = `${device}/${signal}`;
    const before = newest.get(key) ?? -Infinity;
    if (time > arrival + plan.maxAheadMs || time < before - boundMs(plan, signal)) return false;
    newest.set(key, Math.max(time, before));
  }
  return true;
}

/** How far behind the newest a reading may come: of what is not restated, the disorder is the limit. */
function boundMs({ signals }: Plan, signal: string): number {
  const plan = signals.get(signal);
  if (plan === undefined) return Infinity;
  const hasCount = plan.windows.some(({ shape }) => shape.kind === 'count');
  const isAligned = [...signals.values()].some(
    ({ derived }) =>
      derived !== undefined && derived.alignMs > 0 && derived.inputs.some((input) => input.signal === signal),
  );
  return plan.disorderMs + (hasCount || isAligned ? 0 : plan.latenessMs);
}

/**
 * The last pane under each key, without what was retracted.
 * @throws Error when revisions do not count up, or a window comes back after it was retracted
 */
export function finalPanes({ commits }: Played): Map<string, Pane> {
  const last = new Map<string, Pane>();
  for (const pane of commits.flatMap(({ panes }) => panes)) {
    const key = keyOf(pane);
    const before = last.get(key);
    const isNext =
      before === undefined ? !pane.retracted && pane.revision === 0 : pane.revision === before.revision + 1;
    if (!isNext || before?.retracted === true) throw new Error(`revision ${pane.revision} of ${key} cannot come now`);
    last.set(key, pane);
  }
  for (const [key, { retracted }] of last) if (retracted) last.delete(key);
  return last;
}

function keyOf({ series, window, start }: Pane): string {
  return `${series.device}/${series.signal} ${window.id} ${start}`;
}

function run(plan: Plan, steps: readonly Step[], afterCommit: (pipeline: Pipeline, saved: Saved) => Pipeline): Played {
  let pipeline = new Pipeline(plan);
  let block = new BlockBuilder(pipeline.series);
  const commits: Commit[] = [];
  for (const step of steps) {
    if (step.kind === 'reading') take(pipeline, block, step);
    else {
      pipeline.tick(step.arrival);
      const isQuiet = block.isEmpty && !pipeline.hasWork;
      commits.push(committed(pipeline, step.arrival));
      const saved = { checkpoint: snapshot(pipeline), block: isQuiet ? undefined : block.finish(step.arrival) };
      pipeline = afterCommit(pipeline, saved);
      block = new BlockBuilder(pipeline.series);
    }
    if (pipeline.open !== pipeline.countOpen()) {
      throw new Error(`the ledger says ${pipeline.open} readings are open, the windows hold ${pipeline.countOpen()}`);
    }
  }
  return { commits, books: booksOf(pipeline) };
}

/** As the agent takes what its sources say. */
function take(pipeline: Pipeline, block: BlockBuilder, step: ReadingStep): void {
  const { device, signal, arrival, time, value, quality } = step;
  const isMapped = pipeline.plan.signals.has(signal);
  const series = isMapped ? pipeline.series.intern(device, signal) : undefined;
  if (series === undefined) {
    const reason = isMapped ? 'too_many_series' : 'unmapped';
    pipeline.reject(reason, 1);
    block.refuse(reason, 1);
    return;
  }
  const reading = { series: series.id, time, value, quality };
  block.add(reading, arrival);
  pipeline.ingest(reading, arrival);
}

function committed(pipeline: Pipeline, arrival: number): Commit {
  const outputs = pipeline.drain();
  return { arrival, open: pipeline.open, ...outputs };
}

function booksOf(pipeline: Pipeline): Books {
  const { ledger, open, flagged } = pipeline;
  const withLosses = pipeline.states().filter(({ losses }) => losses.size > 0);
  const lostBySeries = new Map(withLosses.map(({ series, losses }) => [`${series.device}/${series.signal}`, losses]));
  return { taken: ledger.taken, open, lost: ledger.losses(), flagged, lostBySeries };
}

function restart(plan: Plan, checkpoint: Uint8Array): Pipeline {
  const { pipeline, dropped } = restore(plan, checkpoint);
  if (dropped.length > 0) throw new Error(`a restart has dropped ${dropped.join(', ')}`);
  return pipeline;
}

/** What two rows say changes places; when they arrive does not. */
function withSwapped(steps: readonly Step[], a: number, b: number): readonly Step[] {
  const [one, other] = [steps[a], steps[b]];
  if (one?.kind !== 'reading' || other?.kind !== 'reading') return steps;
  return steps.with(a, { ...other, arrival: one.arrival }).with(b, { ...one, arrival: other.arrival });
}
