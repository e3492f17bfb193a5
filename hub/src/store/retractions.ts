// For a store that cannot mix writing and deleting: in which steps a batch with retractions has to be worked off.
//
// What becomes of one pane does not depend on any other, so the order of the batch has to be kept only among the panes of
// one key. Three steps do for any mixture: write what is retracted later in the batch (the store may refuse it, and has to
// be asked), delete, write the rest.

import { storedStart, type GatewayPane } from './store.ts';

export interface Placed {
  /** Into the panes of the batch. */
  readonly index: number;
  readonly row: GatewayPane;
}

export interface Steps {
  readonly before: readonly Placed[];
  /** The last retraction of each key. */
  readonly deleted: readonly Placed[];
  readonly after: readonly Placed[];
}

export function stepsOf(panes: readonly GatewayPane[]): Steps {
  const placed = panes.map((row, index): Placed => ({ index, row }));
  const retractions = new Map(placed.filter(isRetracted).map((one) => [keyOf(one.row), one]));
  const written = placed.filter((one) => !isRetracted(one));
  if (retractions.size === 0) return { before: [], deleted: [], after: written };
  const isBefore = ({ index, row }: Placed): boolean => index < (retractions.get(keyOf(row))?.index ?? 0);
  return {
    before: written.filter(isBefore),
    deleted: [...retractions.values()],
    after: written.filter((one) => !isBefore(one)),
  };
}

function isRetracted({ row }: Placed): boolean {
  return row.pane.retracted;
}

function keyOf({ gateway, pane: { series, window, start } }: GatewayPane): string {
  return `${storedStart(start)}/${gateway}/${series.device}/${series.signal}/${window.id}`;
}
