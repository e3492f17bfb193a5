// What comes out of a case, written down: expected.jsonl, one JSON object a line.
//
//   {"commit":<arrival>,"open":n}   begins what this commit gave; n readings are in windows no pane has reported yet
//   {"alert":…}                     transitions, then
//   {"pane":…}                      panes, with their statistics by name; null is undefined
//   {"ledger":…}                    at the very end: readings taken in, still open, lost by reason (in all, and by series),
//                                   and flagged as uncertain by why
//
// Times are ISO 8601; epoch milliseconds where they have a fraction.

import type { Transition } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { flags } from '@weir/shared/model/quality.ts';
import { lossReasons } from '@weir/shared/model/reading.ts';
import type { Books, Commit, Played } from './play.ts';

export function linesOf({ commits, books }: Played): string[] {
  return [...commits.flatMap(commitLines), ledgerLine(books)];
}

export function commitLines({ arrival, open, transitions, panes }: Commit): string[] {
  return [JSON.stringify({ commit: timeText(arrival), open }), ...transitions.map(alertLine), ...panes.map(paneLine)];
}

export function ledgerLine({ taken, open, lost, flagged, lostBySeries }: Books): string {
  const bySeries = [...lostBySeries].map(([series, losses]): [string, unknown] => [
    series,
    inOrder(lossReasons, (reason) => losses.get(reason)),
  ]);
  return JSON.stringify({
    ledger: {
      taken,
      open,
      lost: inOrder(lossReasons, (reason) => lost[reason]),
      bySeries: Object.fromEntries(bySeries.toSorted(([a], [b]) => (a < b ? -1 : 1))),
      flagged: inOrder(flags, (flag) => flagged.get(flag)),
    },
  });
}

function alertLine({ rule, series, state, severity, time, since, value, quiet }: Transition): string {
  return JSON.stringify({
    alert: rule,
    series: `${series.device}/${series.signal}`,
    state,
    severity,
    time: timeText(time),
    since: timeText(since),
    value,
    ...(quiet === '' ? {} : { quiet }),
  });
}

function paneLine(pane: Pane): string {
  const { series, window, start, end, timing, revision, retracted, count, accounted, fresh, values } = pane;
  const named = window.compute.map((statistic, index): [string, unknown] => [statistic, values[index]]);
  return JSON.stringify({
    pane: `${series.device}/${series.signal}`,
    window: window.id,
    start: timeText(start),
    end: timeText(end),
    timing,
    revision,
    ...(retracted ? { retracted } : {}),
    count,
    accounted,
    fresh,
    ...Object.fromEntries(named),
  });
}

function timeText(time: number): string | number {
  return Number.isInteger(time) ? new Date(time).toISOString().replace('.000Z', 'Z') : time;
}

/** Counts by name, in the order of the names: after a restart they come in another one. */
function inOrder<Name extends string>(
  names: readonly Name[],
  countOf: (name: Name) => number | undefined,
): Record<string, number> {
  return Object.fromEntries(
    names.flatMap((name): [string, number][] => {
      const count = countOf(name);
      return count === undefined ? [] : [[name, count]];
    }),
  );
}
