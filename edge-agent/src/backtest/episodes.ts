// Alarms as episodes, from when they began to when they were over, and which of them two sets of rules have in common.

import type { AlertState, Severity, Silence, Transition } from '@weir/shared/model/alert.ts';
import type { Series } from '@weir/shared/model/series.ts';

export interface Episode {
  readonly rule: string;
  readonly series: Pick<Series, 'device' | 'signal'>;
  readonly severity: Severity;
  /** Event time at which the alarm began, epoch milliseconds. */
  readonly from: number;
  /** Event time at which the condition was over; Infinity when it lasts. */
  readonly to: number;
  readonly value: number;
  readonly reason: string;
  /** Why nobody was told; '' when somebody was. */
  readonly quiet: Silence;
}

/** An episode of one set of rules, of the other, or of both: then as the second has it. */
export interface Compared {
  readonly episode: Episode;
  readonly by: 'present' | 'changed' | 'both';
}

/** More are counted, and not kept. */
export const mostEpisodes = 100_000;

const ends: ReadonlySet<AlertState> = new Set(['cleared', 'latched']);

export class Episodes {
  /** How many there were that are not kept. */
  left = 0;
  readonly #from: number;
  readonly #most: number;
  readonly #all: Episode[] = [];
  /** Places in `#all` of those that last, by alarm. */
  readonly #open = new Map<string, number>();

  /** @param from episodes that began earlier do not count */
  constructor(from: number, most = mostEpisodes) {
    this.#from = from;
    this.#most = most;
  }

  /** In the order in which they began. */
  get all(): readonly Episode[] {
    return this.#all;
  }

  add({ rule, series, severity, state, time, value, reason, quiet }: Transition): void {
    const key = `${rule}/${series.device}/${series.signal}`;
    const place = this.#open.get(key);
    const open = place === undefined ? undefined : this.#all[place];
    if (open !== undefined && place !== undefined) {
      if (ends.has(state)) {
        this.#all[place] = { ...open, to: time };
        this.#open.delete(key);
      }
      // Told after all: what kept it quiet is gone.
      else if (state === 'firing' && quiet === '') this.#all[place] = { ...open, quiet };
      return;
    }
    if (state !== 'firing' || time < this.#from) return;
    if (this.#all.length === this.#most) {
      this.left += 1;
      return;
    }
    this.#open.set(key, this.#all.length);
    this.#all.push({ rule, series, severity, from: time, to: Infinity, value, reason, quiet });
  }
}

/** Episodes of one alarm that overlap are the same. @returns in the order in which they began */
export function compare(present: readonly Episode[], changed: readonly Episode[]): Compared[] {
  const byAlarm = Map.groupBy(present, alarmOf);
  const shared = new Set<Episode>();
  const found = changed.map((episode): Compared => {
    const same =
      byAlarm.get(alarmOf(episode))?.filter(({ from, to }) => from <= episode.to && to >= episode.from) ?? [];
    for (const one of same) shared.add(one);
    return { episode, by: same.length > 0 ? 'both' : 'changed' };
  });
  for (const episode of present) if (!shared.has(episode)) found.push({ episode, by: 'present' });
  return found.toSorted((a, b) => a.episode.from - b.episode.from);
}

function alarmOf({ rule, series }: Episode): string {
  return `${rule}/${series.device}/${series.signal}`;
}
