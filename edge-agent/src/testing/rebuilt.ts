// What a station's journal holds, and what comes of it in a pipeline that never saw a crash.

import type { Transition } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import { decodeBlock, type Block } from '../log/journal-block.ts';
import { replayBlock } from '../recovery.ts';
import type { Station } from './station.ts';

export interface Rebuilt {
  readonly pipeline: Pipeline;
  /** Everything it gave, in order. */
  readonly panes: readonly Pane[];
  readonly transitions: readonly Transition[];
}

export async function blocksOf(station: Station): Promise<Block[]> {
  const blocks: Block[] = [];
  for await (const { payload } of station.recovered.journal.entries(0)) blocks.push(decodeBlock(payload));
  return blocks;
}

export function rebuilt(plan: Plan, blocks: readonly Block[]): Rebuilt {
  const pipeline = new Pipeline(plan);
  const outputs = blocks.map((block) => {
    replayBlock(pipeline, block);
    return pipeline.drain();
  });
  return {
    pipeline,
    panes: outputs.flatMap(({ panes }) => panes),
    transitions: outputs.flatMap(({ transitions }) => transitions),
  };
}
