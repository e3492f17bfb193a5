// How many readings a frame reported that cannot be taken: it may still be protobuf, only not one that makes sense. So
// that even a poisoned frame leaves the sums balanced, as far as it can be told.

import { fromBinary } from '@bufbuild/protobuf';
import { FrameSchema } from '@weir/shared/wire/weir_pb.js';

/** @returns readings the frame says it reports for the first time; 0 when it cannot be read at all */
export function freshReadings(frame: Uint8Array): number {
  try {
    let fresh = 0;
    for (const block of fromBinary(FrameSchema, frame).panes) for (const count of block.fresh) fresh += count;
    return fresh;
  } catch {
    return 0;
  }
}
