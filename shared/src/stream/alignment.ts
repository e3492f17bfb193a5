// Where tumbling windows begin and end: at whole multiples of their size since 1970 (UTC), or by the local time of a zone.
//
// By local time, a window begins whenever the zone's clock shows a whole multiple of the size, counted from midnight, or
// from Monday's midnight for weeks. Each begins where the one before it ends, so windows follow each other without gap
// or overlap, and each is as long as its size says unless a shift of the clock falls into it. At a shift:
//   - By a whole multiple of the size, forward or back: nothing changes. Windows of 15 minutes, or of an hour, stay that
//     long where the clock shifts by an hour, and the hour the clock shows twice has its windows twice.
//   - Forward, otherwise: the window it falls into is shorter (a day of 23 hours). If the clock jumps over the beginning of
//     a window, that window begins right after the jump (a day without a midnight).
//   - Back, otherwise, by less than the size: the window it falls into is longer (a day of 25 hours). No window begins
//     until the clock shows something new, so each local day, and each of its parts, is one window.
//   - Back by more than the size and no multiple of it: windows begin wherever the clock shows a multiple, once more.
//
// The offset of a zone comes from Intl, a microsecond each time. It is asked for once a day of event time, in cells of
// 32 days; the days between which it differs are searched for the second of the shift. Two shifts on one day that undo
// each other would be missed: in all of the time zone data the closest ones are four days apart.

import { distance } from 'fastest-levenshtein';

/** Epoch milliseconds; fractions, and times before 1970, are fine. */
export interface Alignment {
  /** The last start of a window at or before this time. */
  startOf(time: number): number;
  /** The first start of a window after this one: where it ends. */
  endOf(start: number): number;
}

const secondMs = 1000;
const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
/** Monday, 5 January 1970. */
const firstMondayMs = 4 * dayMs;
const cellMs = 32 * dayMs;
/** More than five years of event time a zone. */
const maxCells = 64;
const maxZones = 64;

/**
 * @param sizeMs a whole number
 * @param zone an IANA name; undefined is UTC, counted from 1970 (weeks then begin on Thursday)
 * @throws {RangeError} where `zoneProblem` has something to say
 */
export function alignmentOf(sizeMs: number, zone: string | undefined): Alignment {
  if (!Number.isInteger(sizeMs) || sizeMs <= 0) throw new RangeError(`a window cannot be ${sizeMs} ms long`);
  if (zone === undefined) return fixed(sizeMs);
  const problem = zoneProblem(sizeMs, zone);
  if (problem !== undefined) throw new RangeError(problem);
  return new ZonedAlignment(sizeMs, localTimeOf(zone));
}

/** @returns what is wrong with windows of this size in this zone, for the person who wrote them; undefined when nothing is */
export function zoneProblem(sizeMs: number, zone: string): string | undefined {
  if (localTimes.get(zone) === undefined && !isZone(zone)) return `no time zone "${zone}"; ${hintAt(zone)}`;
  const fits = Number.isInteger(sizeMs) && sizeMs > 0 && (dayMs % sizeMs === 0 || sizeMs === weekMs);
  return fits ? undefined : 'with a zone a window is a whole part of a day (such as 15m or 8h), 1d or 1w';
}

/** All series share theirs. */
const fixedAlignments = new Map<number, FixedAlignment>();

function fixed(sizeMs: number): FixedAlignment {
  let known = fixedAlignments.get(sizeMs);
  if (known === undefined) fixedAlignments.set(sizeMs, (known = new FixedAlignment(sizeMs)));
  return known;
}

class FixedAlignment implements Alignment {
  readonly #sizeMs: number;

  constructor(sizeMs: number) {
    this.#sizeMs = sizeMs;
  }

  startOf(time: number): number {
    // Whole milliseconds first: of a time just before a window's start, the quotient could round up to a whole number.
    // Adding zero makes a zero of -0, which snapshots would tell apart.
    return Math.floor(Math.floor(time) / this.#sizeMs) * this.#sizeMs + 0;
  }

  endOf(start: number): number {
    return start + this.#sizeMs;
  }
}

class ZonedAlignment implements Alignment {
  readonly #sizeMs: number;
  readonly #originMs: number;
  readonly #localTime: LocalTime;
  // The stretch last asked for: nearly always the one asked for next.
  #stretch: Stretch;

  constructor(sizeMs: number, localTime: LocalTime) {
    this.#sizeMs = sizeMs;
    this.#originMs = sizeMs === weekMs ? firstMondayMs : 0;
    this.#localTime = localTime;
    this.#stretch = localTime.stretchAt(0);
  }

  startOf(time: number): number {
    for (let at = Math.floor(time); ;) {
      const stretch = this.#stretchAt(at);
      const start = this.#lastStart(stretch, at);
      if (start >= stretch.from) return start;
      at = stretch.from - 1;
    }
  }

  endOf(start: number): number {
    for (let at = Math.floor(start) + 1; ;) {
      const stretch = this.#stretchAt(at);
      const next = this.#firstStart(stretch, at);
      if (next < stretch.until) return next;
      at = stretch.until;
    }
  }

  #stretchAt(time: number): Stretch {
    const { from, until } = this.#stretch;
    if (time < from || time >= until) this.#stretch = this.#localTime.stretchAt(time);
    return this.#stretch;
  }

  /** The last start in a stretch up to `at`; what is before the stretch when there is none. */
  #lastStart(stretch: Stretch, at: number): number {
    const toGrid = stretch.offsetMs - this.#originMs;
    const start = Math.floor((at + toGrid) / this.#sizeMs) * this.#sizeMs - toGrid;
    if (start >= this.#newFrom(stretch)) return start;
    return this.#skipsStart(stretch) ? stretch.from : -Infinity;
  }

  /** The first start in a stretch from `at` on; what is behind the stretch when there is none. */
  #firstStart(stretch: Stretch, at: number): number {
    if (at === stretch.from && this.#skipsStart(stretch)) return at;
    const toGrid = stretch.offsetMs - this.#originMs;
    const from = Math.max(at, this.#newFrom(stretch));
    return Math.ceil((from + toGrid) / this.#sizeMs) * this.#sizeMs - toGrid;
  }

  /** From when on windows begin in this stretch: at once, or when the clock, set back by less than a window, shows something new. */
  #newFrom({ from, shiftMs }: Stretch): number {
    return shiftMs < 0 && -shiftMs < this.#sizeMs ? from - shiftMs : from;
  }

  /** Whether the clock has jumped over the start of a window at the beginning of this stretch. */
  #skipsStart({ from, offsetMs, shiftMs }: Stretch): boolean {
    if (shiftMs <= 0 || shiftMs % this.#sizeMs === 0) return false;
    const after = from + offsetMs - this.#originMs;
    return Math.floor(after / this.#sizeMs) * this.#sizeMs >= after - shiftMs;
  }
}

/** A stretch of time in which a zone's offset from UTC stays the same. */
interface Stretch {
  readonly from: number;
  readonly until: number;
  /** Local time is UTC plus this. */
  readonly offsetMs: number;
  /** By how much the clock was shifted at `from`; 0 where it was not, and the stretch only begins there in our books. */
  readonly shiftMs: number;
}

class LocalTime {
  readonly #format: Intl.DateTimeFormat;
  readonly #cells = new Map<number, readonly Stretch[]>();

  constructor(zone: string) {
    // With the hour, and without a date: the quickest format that says the offset.
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hour: 'numeric', timeZoneName: 'longOffset' });
  }

  stretchAt(time: number): Stretch {
    const cell = Math.floor(time / cellMs);
    let stretches = this.#cells.get(cell);
    if (stretches === undefined) {
      if (this.#cells.size >= maxCells) this.#cells.clear();
      stretches = this.#survey(cell);
      this.#cells.set(cell, stretches);
    }
    const stretch = stretches.findLast(({ from }) => from <= time);
    if (stretch === undefined) throw new RangeError(`no local time at ${time}`);
    return stretch;
  }

  /** The stretches of a cell. The first begins a day early if the clock was shifted then: it may still repeat itself. */
  #survey(cell: number): Stretch[] {
    const until = (cell + 1) * cellMs;
    const stretches: Stretch[] = [];
    let from = cell * cellMs;
    let day = from - dayMs;
    let offsetMs = this.#offsetAt(day);
    let shiftMs = 0;
    for (; day < until; day += dayMs) {
      const later = this.#offsetAt(day + dayMs);
      if (later === offsetMs) continue;
      const shift = this.#shiftWithin(day, offsetMs);
      if (from < shift) stretches.push({ from, until: shift, offsetMs, shiftMs });
      from = shift;
      shiftMs = later - offsetMs;
      offsetMs = later;
    }
    stretches.push({ from, until, offsetMs, shiftMs });
    return stretches;
  }

  /** When on this day the offset ceases to be `offsetMs`: shifts are at whole seconds. */
  #shiftWithin(day: number, offsetMs: number): number {
    let before = 0;
    let after = dayMs / secondMs;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.#offsetAt(day + middle * secondMs) === offsetMs) before = middle;
      else after = middle;
    }
    return day + after * secondMs;
  }

  #offsetAt(time: number): number {
    // Such as "1 AM GMT+05:45"; "1 AM GMT" where local time is UTC; with seconds before zones had whole minutes.
    const text = this.#format.format(time);
    const offset = /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(text);
    if (offset === null) throw new RangeError(`no offset from UTC in "${text}"`);
    const [, sign, hours = 0, minutes = 0, seconds = 0] = offset;
    const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    return (sign === '-' ? -total : total) * secondMs;
  }
}

/** One for all windows in a zone: a format takes 30 kB. What is remembered here shows in speed alone. */
const localTimes = new Map<string, LocalTime>();

function localTimeOf(zone: string): LocalTime {
  const known = localTimes.get(zone);
  if (known !== undefined) return known;
  if (localTimes.size >= maxZones) localTimes.clear();
  const localTime = new LocalTime(zone);
  localTimes.set(zone, localTime);
  return localTime;
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The zone that was meant, by its name or by its city's; an example when none is close. */
function hintAt(word: string): string {
  const wanted = word.toLowerCase();
  const [nearest] = Intl.supportedValuesOf('timeZone')
    .map((zone) => {
      const name = zone.toLowerCase();
      return { zone, edits: Math.min(distance(wanted, name), distance(wanted, name.split('/').at(-1) ?? name)) };
    })
    .toSorted((a, b) => a.edits - b.edits);
  return nearest !== undefined && nearest.edits <= wanted.length / 3
    ? `did you mean ${nearest.zone}?`
    : 'zones are named such as Europe/Zurich or UTC';
}
