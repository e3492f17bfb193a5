// Apache Beam's trigger transcripts: what one says, in Weir's words, or why it cannot be said in them.
//
// Beam states what windows and triggers mean in a file that all its SDKs are tested with: sdks/python/apache_beam/testing/
// data/trigger_transcripts.yaml (Apache-2.0; what its fields mean is what apache_beam/transforms/trigger_test.py makes of
// them). A document is one transcript, a list of steps:
//
//   input      elements that come in together; an element's value is its timestamp
//   watermark  event time has come this far
//   expect     all panes that the step before made; of a pane only what is written there has to be so
//
// and with `error` it is a bad one: a runner has to find just that fault in it.
//
//   FixedWindows(n)                    a tumbling window
//   SlidingWindows(size, period)       a hopping window
//   Sessions(gap)                      a session window
//   Default                            a pane at the watermark, and one for every late input
//   AfterWatermark(early=…, late=…)    early and late panes after so many elements, AfterCount(n)
//
// Anything else, a field or a step nobody here has heard of included, makes the document one that says why it cannot be
// played. `broken_on` (Beam's own runners that fail it) and `timestamp_combiner` (see beam.ts on `timestamp`) say nothing
// about Weir. Of the bad transcripts one writes `windowfn`: Beam overlooks it and takes its global window, which has no
// output either; here it is read as `window_fn`.

import type { WindowShape } from '@weir/shared/model/pane.ts';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';

const time = z.int();

const expectation = z.strictObject({
  /** Both ends are in it. */
  window: z.tuple([time, time]),
  values: z.array(time).optional(),
  index: time.optional(),
  nonspeculative_index: time.optional(),
  early: z.boolean().optional(),
  late: z.boolean().optional(),
  final: z.boolean().optional(),
  timestamp: time.optional(),
});

const fields = z.strictObject({
  name: z.string(),
  error: z.string().optional(),
  window_fn: z.string().optional(),
  windowfn: z.string().optional(),
  trigger_fn: z.string().default('Default'),
  accumulation_mode: z.string().default('accumulating'),
  allowed_lateness: z.number().optional(),
  timestamp_combiner: z.string().optional(),
  broken_on: z.array(z.string()).optional(),
  transcript: z.array(z.record(z.string(), z.unknown())),
});

export type Expectation = z.infer<typeof expectation>;

export type Step =
  | { readonly action: 'input'; readonly times: readonly number[] }
  | { readonly action: 'watermark'; readonly time: number }
  | { readonly action: 'expect'; readonly panes: readonly Expectation[] };

/** So many elements make a pane; Infinity is never. */
export interface Trigger {
  readonly early: number;
  readonly late: number;
}

export interface Transcript {
  readonly name: string;
  readonly shape: WindowShape;
  readonly trigger: Trigger;
  /** The fault it has to be rejected for. */
  readonly error: string | undefined;
  readonly steps: readonly Step[];
}

/** A document that Weir's windows have no words for. */
export interface Inexpressible {
  readonly name: string;
  readonly reason: string;
}

/** Every document of the file, in its order. */
export function readTranscripts(text: string): (Transcript | Inexpressible)[] {
  return parseAllDocuments(text).map((document, index) => {
    const raw: unknown = document.toJS();
    try {
      const [mistake] = document.errors;
      if (mistake !== undefined) throw new Unsayable(mistake.message);
      return transcriptOf(raw);
    } catch (error) {
      if (!(error instanceof Unsayable)) throw error;
      const named = z.object({ name: z.string() }).safeParse(raw);
      return { name: named.data?.name ?? `document ${index + 1}`, reason: error.message };
    }
  });
}

class Unsayable extends Error {}

function transcriptOf(raw: unknown): Transcript {
  const { name, error, transcript, ...of } = understood(fields, raw);
  if (of.accumulation_mode !== 'accumulating') throw new Unsayable(`Weir's panes accumulate: ${of.accumulation_mode}`);
  if (of.allowed_lateness !== undefined)
    throw new Unsayable('allowed_lateness is counted from the end of the window; Weir counts it from the reading');
  const shape = shapeOf(of.window_fn ?? of.windowfn ?? 'GlobalWindows');
  const trigger = triggerOf(of.trigger_fn);
  const steps = transcript.map(stepOf);
  if (isByCount(trigger)) checkOneWindow(shape, steps);
  return { name, error, shape, trigger, steps };
}

function isByCount({ early, late }: Trigger): boolean {
  return early < Infinity || late > 1;
}

function shapeOf(text: string): WindowShape {
  const [, name, first, second] = /^(\w+)\(([1-9]\d*)(?:, *([1-9]\d*))?\)$/.exec(text) ?? [];
  const size = Number(first);
  if (second === undefined && name === 'FixedWindows') return { kind: 'tumbling', sizeMs: size, zone: undefined };
  if (second === undefined && name === 'Sessions') return { kind: 'session', gapMs: size };
  if (second !== undefined && name === 'SlidingWindows') {
    return { kind: 'hopping', sizeMs: size, slideMs: Number(second) };
  }
  throw new Unsayable(`no kind of window here is ${text}`);
}

const afterWatermark = /^AfterWatermark\((?:early=AfterCount\((\d+)\))?(?:, *)?(?:late=AfterCount\((\d+)\))?\)$/;

function triggerOf(text: string): Trigger {
  if (/^Default(Trigger)?(\(\))?$/.test(text)) return { early: Infinity, late: 1 };
  const [found, early, late] = afterWatermark.exec(text) ?? [];
  if (found === undefined) throw new Unsayable(`no pane of Weir's is made by ${text}`);
  if (late === undefined) throw new Unsayable('without late=… a pane is the last one; Weir corrects it all the same');
  return { early: early === undefined ? Infinity : Number(early), late: Number(late) };
}

function stepOf(raw: Readonly<Record<string, unknown>>): Step {
  const [[action, said] = ['nothing', undefined], ...more] = Object.entries(raw);
  if (more.length > 0) throw new Unsayable(`a step with more than one action: ${Object.keys(raw).join(', ')}`);
  switch (action) {
    case 'input':
      return { action, times: understood(z.array(time), said) };
    case 'watermark':
      return { action, time: understood(time, said) };
    case 'expect': {
      const panes = understood(z.array(expectation), said);
      if (panes.some(({ final }) => final === true))
        throw new Unsayable('final: true; a pane of Weir does not know that it is the last one');
      return { action, panes };
    }
    default:
      throw new Unsayable(`no step of the runner is "${action}"`);
  }
}

/** Beam counts elements window by window; the arrival clock, which stands in for that here, is one for a series. */
function checkOneWindow(shape: WindowShape, steps: readonly Step[]): void {
  const times = steps.flatMap((step) => (step.action === 'input' ? step.times : [])).toSorted((a, b) => a - b);
  const isOne =
    shape.kind === 'session'
      ? times.every((at, index) => at - (times[index - 1] ?? at) < shape.gapMs)
      : shape.kind === 'tumbling' && new Set(times.map((at) => Math.floor(at / shape.sizeMs))).size <= 1;
  if (!isOne) throw new Unsayable('AfterCount counts window by window; the arrival clock knows one window at a time');
}

function understood<T>(schema: z.ZodType<T>, raw: unknown): T {
  const { data, error } = schema.safeParse(raw);
  if (error !== undefined) throw new Unsayable(z.prettifyError(error).replaceAll('\n', ' '));
  return data;
}
