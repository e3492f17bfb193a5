// What waits for one message action, and what goes next. No clock and no I/O in here: time is handed in, monotonic.
//
// Order: the most severe first, then the oldest. What belongs to one group (`group`) waits for its group's time to be over and
// goes as one message.
//
// Floods: in any interval there are at most `limit` messages. One place is kept for the digest, and of the others half for
// what is critical. What finds no place is gathered: for one interval everything that comes is (critical ones still go by
// themselves as long as they find a place), and then it goes as one digest. A digest that could not be delivered takes in what
// came meanwhile.
//
// Bounded: so many transitions are kept in full. Beyond that the oldest of the least severe are only counted, by rule and
// state, in the digest that goes next.

import { severities, type Severity, type Transition } from '@weir/shared/model/alert.ts';
import type { Delivery } from './delivery.ts';
import type { Notice, Told } from './notice.ts';

interface Entry extends Told {
  /** When it came. */
  readonly at: number;
  /** When it may go. */
  readonly due: number;
}

interface Tally extends Entry {
  /** The latest it stands for. */
  readonly latest: Transition;
}

/** In the order in which they came. */
type Queue = Readonly<Record<Severity, Set<Entry>>>;

const mostSevereFirst = severities.toReversed();

export class Waiting {
  readonly #delivery: Delivery;
  readonly #max: number;
  readonly #fresh: Queue = { info: new Set(), warning: new Set(), critical: new Set() };
  readonly #gathered: Queue = { info: new Set(), warning: new Set(), critical: new Set() };
  /** Those that are only counted, by rule and state. */
  readonly #tallies = new Map<string, Tally>();
  /** When each group may go. */
  readonly #groupDue = new Map<string, number>();
  /** Of the last messages, when they were delivered. */
  #delivered: number[] = [];
  /** End of the interval in which everything is gathered. */
  #gatherUntil: number | undefined;

  constructor(delivery: Delivery, max: number) {
    this.#delivery = delivery;
    this.#max = max;
  }

  /** Kept in full. */
  get size(): number {
    return severities.reduce((sum, severity) => sum + this.#fresh[severity].size + this.#gathered[severity].size, 0);
  }

  /** Those that are only counted. */
  get counted(): number {
    return [...this.#tallies.values()].reduce((sum, { count }) => sum + count, 0);
  }

  push(transition: Transition, now: number, count = 1): void {
    const entry = { transition, count, lastTime: transition.time, at: now, due: this.#dueAt(transition, now) };
    if (count > 1) this.#tally(entry);
    else this.#fresh[transition.severity].add(entry);
    if (this.size > this.#max) this.#countOldest();
  }

  /** What is to be told now, or how long nothing is: Infinity until something comes. It stays until it is `done`. */
  next(now: number): { readonly notice: Notice } | { readonly waitMs: number } {
    if (this.#gatherUntil === undefined) {
      const head = this.#head(now);
      if (head !== undefined && this.#hasPlace(head)) return { notice: this.#groupOf(head) };
      if (head !== undefined) this.#gatherUntil = head.at + this.#delivery.limit.intervalMs;
      else if (this.#tallies.size > 0) this.#gatherUntil = now;
      else return { waitMs: this.#nextDue() - now };
    }
    const critical = first(this.#fresh.critical);
    if (critical !== undefined && critical.due <= now && now < this.#gatherUntil && this.#hasPlace(critical))
      return { notice: this.#groupOf(critical) };
    this.#gather();
    const all = now < this.#gatherUntil ? undefined : noticeOf(this.#everything());
    if (all !== undefined && now >= this.#placeAt()) return { notice: all };
    return { waitMs: Math.max(this.#gatherUntil, this.#placeAt()) - now };
  }

  /** It was told, or is given up. @param isDelivered it counts as a message */
  done(told: readonly Told[], now: number, isDelivered: boolean): void {
    for (const one of told) this.#remove(one);
    if (isDelivered && this.#delivery.limit.count !== Infinity)
      this.#delivered = [...this.#delivered, now].slice(-this.#delivery.limit.count);
    const isGathered = mostSevereFirst.some((severity) => this.#gathered[severity].size > 0);
    if (!isGathered && this.#tallies.size === 0) this.#gatherUntil = undefined;
  }

  /** What has waited since before that time. */
  before(at: number): Told[] {
    return this.#everything().filter((entry) => entry.at <= at);
  }

  all(): readonly Told[] {
    return this.#everything();
  }

  /** The next one by itself: of the most severe, the oldest, if its time has come. */
  #head(now: number): Entry | undefined {
    for (const severity of mostSevereFirst) {
      const entry = first(this.#fresh[severity]);
      if (entry !== undefined && entry.due <= now) return entry;
    }
    return undefined;
  }

  #nextDue(): number {
    return Math.min(...mostSevereFirst.map((severity) => first(this.#fresh[severity])?.due ?? Infinity));
  }

  /** In the order in which they came. */
  #everything(): Entry[] {
    const all = severities.flatMap((severity) => [...this.#gathered[severity], ...this.#fresh[severity]]);
    return [...this.#tallies.values(), ...all].toSorted((a, b) => a.at - b.at);
  }

  #gather(): void {
    for (const severity of severities) {
      for (const entry of this.#fresh[severity]) this.#gathered[severity].add(entry);
      this.#fresh[severity].clear();
    }
    this.#groupDue.clear();
  }

  #groupOf(head: Entry): Notice {
    const key = this.#groupKey(head.transition);
    if (key === undefined) return [head];
    this.#groupDue.delete(key);
    const group = severities.flatMap((severity) =>
      [...this.#fresh[severity]].filter((entry) => this.#groupKey(entry.transition) === key),
    );
    return noticeOf(group.toSorted((a, b) => a.at - b.at)) ?? [head];
  }

  #groupKey({ rule, series }: Transition): string | undefined {
    const { group } = this.#delivery;
    return group && (group.by === 'rule' ? rule : series.device);
  }

  #dueAt(transition: Transition, now: number): number {
    const key = this.#groupKey(transition);
    if (key === undefined || this.#delivery.group === undefined) return now;
    const due = this.#groupDue.get(key) ?? now + this.#delivery.group.waitMs;
    this.#groupDue.set(key, due);
    return due;
  }

  /** Asked as of when it came: who is slow to take messages gets no more of them for that. */
  #hasPlace({ transition, at }: Entry): boolean {
    const { count, intervalMs } = this.#delivery.limit;
    const taken = this.#delivered.filter((delivered) => delivered > at - intervalMs).length;
    const places = Math.max(1, count - 1);
    return taken < (transition.severity === 'critical' ? places : Math.ceil(places / 2));
  }

  /** When a message more is within the limit. */
  #placeAt(): number {
    const { count, intervalMs } = this.#delivery.limit;
    return (this.#delivered.at(-count) ?? -Infinity) + intervalMs;
  }

  #countOldest(): void {
    for (const severity of severities) {
      const entry = first(this.#gathered[severity]) ?? first(this.#fresh[severity]);
      if (entry === undefined) continue;
      this.#drop(entry);
      this.#tally(entry);
      return;
    }
  }

  #tally(entry: Entry): void {
    const key = tallyKey(entry);
    const before = this.#tallies.get(key);
    const { transition, at } = before ?? entry;
    const { lastTime, due } = entry;
    const count = (before?.count ?? 0) + entry.count;
    this.#tallies.set(key, { transition, at, due, count, lastTime, latest: entry.transition });
  }

  #remove(told: Told): void {
    const entry = this.#find(told);
    if (entry !== undefined) {
      this.#drop(entry);
      return;
    }
    // It was counted, or more was counted to it, while it was told.
    const key = tallyKey(told);
    const tally = this.#tallies.get(key);
    if (tally === undefined) return;
    const count = tally.count - told.count;
    if (count > 0) this.#tallies.set(key, { ...tally, transition: tally.latest, count });
    else this.#tallies.delete(key);
  }

  #find(told: Told): Entry | undefined {
    const { severity } = told.transition;
    const isThere = isEntry(told) && (this.#fresh[severity].has(told) || this.#gathered[severity].has(told));
    return isThere ? told : undefined;
  }

  #drop(entry: Entry): void {
    const { severity } = entry.transition;
    this.#fresh[severity].delete(entry);
    this.#gathered[severity].delete(entry);
  }
}

function first(entries: ReadonlySet<Entry>): Entry | undefined {
  return entries.values().next().value;
}

function isEntry(told: Told): told is Entry {
  return 'due' in told;
}

function noticeOf([one, ...others]: readonly Told[]): Notice | undefined {
  return one && [one, ...others];
}

function tallyKey({ transition }: Told): string {
  return `${transition.rule} ${transition.state}`;
}
