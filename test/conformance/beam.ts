// Plays Apache Beam's trigger transcripts (beam-transcript.ts says what they are) through Weir's pipeline.
//
// One series, whose readings' values are their event times. Its disorder and its lateness are larger than any time in a
// transcript: readings alone never move the watermark, a `watermark` lifts it, and no reading is refused.
//
// What is compared, of every expected pane:
//
//   window                start, and end less one: Beam's windows name the last time in them
//   values                Beam compares the elements; a pane of Weir holds statistics: their count, sum, min and max
//   index                 the revision
//   nonspeculative_index  how many panes that were not early this window had before; -1 of an early one
//   early, late           the timing; a pane that is neither is on time
//
// What is not:
//
//   timestamp      what Beam's timestamp combiner makes of the elements' times; a pane's time is the start of its window
//   final: false   within the lateness a pane of Weir may always be followed by another
//   retractions    that a window ceased to exist because two sessions were joined; Beam has no word for it when it
//                  accumulates. The pane that restates their elements is compared.
//
// AfterCount(n) makes an early or a late pane when n elements have come since the last one. Weir's go by the arrival clock
// (`earlyEveryMs`, `lateEveryMs`), so the runner drives that clock: when n elements have come, the interval passes; until
// then time stands still. The first early pane and the first late one do not wait for the interval: up to them, there is no
// tick before n elements are there, and no commit while fewer than n late ones wait.

import type { Pane } from '@weir/shared/model/pane.ts';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import type { SeriesState } from '@weir/shared/pipeline/series-state.ts';
import { restore, snapshot } from '@weir/shared/pipeline/snapshot.ts';
import { planOf, readingOf, signalOf, specOf } from '@weir/shared/testing/plans.ts';
import type { Expectation, Transcript } from './beam-transcript.ts';

/** Longer than any transcript. */
const forever = 1e9;

/** Arrival time between early, and between late panes. */
const everyMs = 1000;

export interface Way {
  /** The elements of an input come the other way round. */
  readonly reversed?: boolean;
  /** After every step the state is saved, and read back into a new pipeline. */
  readonly restarted?: boolean;
}

interface Output {
  readonly pane: Pane;
  readonly nonspeculativeIndex: number;
}

/** @returns what is wrong with it, as Beam's own runner words it; undefined when all is as expected */
export function fault(transcript: Transcript, { reversed = false, restarted = false }: Way = {}): string | undefined {
  const player = new Player(transcript);
  let outputs: Output[] = [];
  for (const step of transcript.steps) {
    if (step.action === 'expect') {
      for (const expected of step.panes) {
        const at = outputs.findIndex((output) => isAsExpected(output, expected));
        if (at === -1) return `Unmatched output: ${JSON.stringify(expected)}, among ${said(outputs)}`;
        outputs.splice(at, 1);
      }
      continue;
    }
    if (outputs.length > 0) return `Unexpected output: ${said(outputs)}, before ${JSON.stringify(step)}`;
    outputs =
      step.action === 'watermark'
        ? player.liftTo(step.time)
        : player.input(reversed ? step.times.toReversed() : step.times);
    if (restarted) player.restart();
  }
  return outputs.length > 0 ? `Unexpected output: ${said(outputs)}, at the end` : undefined;
}

class Player {
  readonly #transcript: Transcript;
  readonly #plan: Plan;
  #pipeline: Pipeline;
  /** Arrival time. */
  #now = 0;
  /** Elements since the last pane. */
  #waiting = 0;
  /** Whether the watermark has passed a window: what comes is late. */
  #isOver = false;
  /** Whether the next early, or late, pane waits for the interval: there was one before. */
  #holds = false;
  /** Panes so far that were not early, by the window's start. */
  readonly #nonspeculative = new Map<number, number>();

  constructor(transcript: Transcript) {
    this.#transcript = transcript;
    const { early, late } = transcript.trigger;
    const window = specOf(transcript.shape, {
      compute: ['sum', 'min', 'max'],
      earlyEveryMs: early < Infinity ? everyMs : 0,
      lateEveryMs: late > 1 ? everyMs : 0,
    });
    const signal = signalOf({ disorderMs: forever, latenessMs: forever, windows: [window] });
    this.#plan = planOf([signal], { idleAfterMs: 0 });
    this.#pipeline = new Pipeline(this.#plan);
  }

  input(times: readonly number[]): Output[] {
    for (const time of times) {
      const reason = this.#pipeline.ingest(readingOf(this.#pipeline, time, time), this.#now);
      if (reason !== undefined) throw new Error(`the reading of ${time} was refused: ${reason}`);
    }
    this.#waiting += times.length;
    const { early, late } = this.#transcript.trigger;
    const isEnough = this.#waiting >= (this.#isOver ? late : early);
    if (isEnough) this.#now += everyMs;
    const isLookedAt = isEnough || this.#holds;
    if (isLookedAt) this.#pipeline.tick(this.#now);
    return isLookedAt || !this.#isOver ? this.#commit() : [];
  }

  liftTo(time: number): Output[] {
    const state = this.#state();
    state.watermark.liftTo(time);
    // With `idleAfterMs` 0 a series is silent at once: a tick looks whether a window is over.
    if (time >= state.nextDue) this.#pipeline.tick(this.#now);
    return this.#commit();
  }

  restart(): void {
    this.#pipeline = restore(this.#plan, snapshot(this.#pipeline)).pipeline;
  }

  #commit(): Output[] {
    const panes = this.#pipeline.drain().panes.filter(({ retracted }) => !retracted);
    if (panes.length > 0) {
      this.#waiting = 0;
      this.#holds = panes.every(({ timing }) => timing !== 'on_time');
    }
    return panes.map((pane) => {
      if (pane.timing === 'early') return { pane, nonspeculativeIndex: -1 };
      this.#isOver = true;
      const nonspeculativeIndex = this.#nonspeculative.get(pane.start) ?? 0;
      this.#nonspeculative.set(pane.start, nonspeculativeIndex + 1);
      return { pane, nonspeculativeIndex };
    });
  }

  /** There from the start, since the watermark may come before any reading. */
  #state(): SeriesState {
    this.#pipeline.series.intern('oven', 'temperature');
    this.#pipeline.materialize();
    const [state] = this.#pipeline.states();
    if (state === undefined) throw new Error('the pipeline has no series');
    return state;
  }
}

function isAsExpected({ pane, nonspeculativeIndex }: Output, expected: Expectation): boolean {
  const { window, values, index, nonspeculative_index, early, late } = expected;
  const pairs: (readonly [actual: unknown, expected: unknown])[] = [
    [pane.start, window[0]],
    [pane.end - 1, window[1]],
    [pane.revision, index],
    [nonspeculativeIndex, nonspeculative_index],
    [pane.timing === 'early', early],
    [pane.timing === 'late', late],
  ];
  if (values !== undefined) {
    const sum = values.reduce((all, value) => all + value, 0);
    pairs.push([pane.count, values.length]);
    pairs.push(
      ...[sum, Math.min(...values), Math.max(...values)].map((value, at) => [pane.values[at], value] as const),
    );
  }
  return pairs.every(([actual, wanted]) => wanted === undefined || actual === wanted);
}

function said(outputs: readonly Output[]): string {
  const all = outputs.map(({ pane: { start, end, timing, revision, count, values }, nonspeculativeIndex }) => {
    const [sum, min, max] = values;
    const index = `index ${revision}, nonspeculative ${nonspeculativeIndex}`;
    return `{[${start}, ${end - 1}] ${timing}, ${index}, count ${count}, sum ${sum}, min ${min}, max ${max}}`;
  });
  return `[${all.join(', ')}]`;
}
