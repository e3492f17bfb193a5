// What a store ends up with when panes have come in, in their order.

import type { Pane } from '@weir/shared/model/pane.ts';

/**
 * The last pane under every key, without those that were retracted.
 * @throws Error when revisions do not count up, or a window comes back after it was retracted
 */
export function finalPanes(panes: readonly Pane[]): Map<string, Pane> {
  const last = new Map<string, Pane>();
  for (const pane of panes) {
    const key = paneKey(pane);
    const before = last.get(key);
    const isNext =
      before === undefined
        ? pane.revision === 0 && !pane.retracted
        : pane.revision === before.revision + 1 && !before.retracted;
    if (!isNext) throw new Error(`revision ${pane.revision} of ${key} cannot come after ${JSON.stringify(before)}`);
    last.set(key, pane);
  }
  return new Map([...last].filter(([, { retracted }]) => !retracted));
}

export function paneKey({ series, window, start }: Pane): string {
  return `${series.device}/${series.signal} ${window.id} ${start}`;
}
