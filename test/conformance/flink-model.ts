// A window operator as Apache Flink defines it, over whole milliseconds and a handful of elements: the other side of the
// comparison in flink.test.ts. Written from the documentation (Event Time; Windows: Window Lifecycle, Allowed Lateness, Late
// elements considerations) for one key, the default trigger, and a watermark that follows every element.
//
// Windows are named by start and end, the end exclusive. The watermark is Flink's: no element of that time or before is
// expected any more, so it is the greatest time less the bound less 1, and a window is over when the last time in it, its
// end less 1, is not after the watermark.

import type { WindowShape } from '@weir/shared/model/pane.ts';

interface Window {
  readonly start: number;
  readonly end: number;
  readonly elements: readonly number[];
}

export interface FlinkOptions {
  readonly shape: WindowShape;
  readonly boundMs: number;
  readonly latenessMs: number;
}

export class FlinkWindows {
  readonly #options: FlinkOptions;
  #watermark = -Infinity;
  #windows: readonly Window[] = [];

  constructor(options: FlinkOptions) {
    this.#options = options;
  }

  /** @returns the windows that fire because of it, in any order; undefined when it is dropped */
  element(time: number): readonly Window[] | undefined {
    const { shape, boundMs } = this.#options;
    const windows = assigned(shape, time).map((window) => this.#withElements(window, time));
    const kept = windows.filter((window) => !this.#isForgotten(window));
    if (kept.length === 0) return undefined;
    for (const window of kept) this.#put(window);
    const late = kept.filter((window) => this.#isOver(window));
    const open = this.#windows.filter((window) => !this.#isOver(window));
    this.#watermark = Math.max(this.#watermark, time - boundMs - 1);
    const onTime = open.filter((window) => this.#isOver(window));
    this.#windows = this.#windows.filter((window) => !this.#isForgotten(window));
    return [...late, ...onTime];
  }

  /** With what is in it already; of a session, with every session closer than the gap. */
  #withElements({ start, end }: Window, time: number): Window {
    const isSession = this.#options.shape.kind === 'session';
    const same = this.#windows.filter((other) =>
      isSession ? other.start < end && start < other.end : other.start === start,
    );
    return {
      start: Math.min(start, ...same.map((other) => other.start)),
      end: Math.max(end, ...same.map((other) => other.end)),
      elements: [...same.flatMap(({ elements }) => elements), time],
    };
  }

  #put(window: Window): void {
    const isReplaced = ({ start }: Window): boolean =>
      this.#options.shape.kind === 'session' ? start >= window.start && start < window.end : start === window.start;
    this.#windows = [...this.#windows.filter((other) => !isReplaced(other)), window];
  }

  #isOver({ end }: Window): boolean {
    return end - 1 <= this.#watermark;
  }

  /** Its state is removed, and what comes for it is dropped. */
  #isForgotten({ end }: Window): boolean {
    return end - 1 + this.#options.latenessMs <= this.#watermark;
  }
}

function assigned(shape: WindowShape, time: number): Window[] {
  switch (shape.kind) {
    case 'tumbling':
      return assigned({ kind: 'hopping', sizeMs: shape.sizeMs, slideMs: shape.sizeMs }, time);
    case 'hopping': {
      const last = Math.floor(time / shape.slideMs) * shape.slideMs;
      const count = Math.ceil((shape.sizeMs - (time - last)) / shape.slideMs);
      return Array.from({ length: count }, (_, index) => {
        const start = last - index * shape.slideMs;
        return { start, end: start + shape.sizeMs, elements: [] };
      });
    }
    case 'session':
      return [{ start: time, end: time + shape.gapMs, elements: [] }];
    case 'count':
      throw new RangeError('count windows know no event time');
  }
}
