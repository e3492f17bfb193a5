// The life of one alarm, in the words of ISA-18.2 / IEC 62682 and OPC UA Part 9. What its condition says comes in reading by
// reading; what comes out is transitions.
//
//              holds               on-delay over                off-delay over
//   normal ------------> pending ----------------> firing --------------------------> normal   (cleared)
//     ^                     |                       ^   |
//     +----- no longer -----+         on-delay over |   | off-delay over, and nobody has acknowledged (`latch`)
//                                                   |   v
//                                                  latched -------- acknowledged ---> normal   (cleared)
//
// From 'firing' to 'cleared' is an episode; `since`, when its condition first held, names it.
//
// Two times. The delays run in event time, so that a recording replayed in a second fires where the night it recorded did:
// a reading that finds its delay over ends it, with the reading's time. What was last said counts until something else is
// said, so where no reading comes the clock ends the delay (a door that says `open` once), as long after the last reading
// arrived as the delay had left to run, with the time at which it was over. Event time only goes on: a reading from before
// what the clock has come to counts as of then. Everything else goes by arrival time: operators, shelves, reminders,
// suppression. `tick` brings it in, and tells what is due with the time it was due, in that order, and at last one reminder,
// however many are due. A tick that tells nothing changes nothing: it may be left out of a replay.
//
// Off-delay: readings that neither hold nor clear (the deadband) end a running one, and start none.
//
// Quiet: an alarm lives its life whether somebody is told or not, and the transitions say why nobody is. First come
// operators (disabled, shelved), then design (suppressed, while another alarm explains this one, and for a while after, so
// that what it explains can come back), then the readings themselves: 'late', when the last one arrived long after its time
// (no alarm today for yesterday's backlog), and 'chattering'. When the reason is gone and the condition still lasts,
// somebody is told after all: 'firing' again if it is the first time in this episode, otherwise 'reminded', unless somebody
// has acknowledged it. A late reading takes nothing back: what was told stays told.
//
// Chatter: an activation within 10 minutes (a minute, where there is no off-delay) of the end of the one before is a flap. Each
// flap doubles the off-delay, to an hour at most, so that chatter melts into one episode; from the second on nobody is told,
// unless the condition lasts for as long without a break: then it is no chatter. Coming back from 'latched' counts as an activation.

import type { AlertState, Operation, Silence } from '../model/alert.ts';
import { silences } from '../model/alert.ts';
import type { ByteReader, ByteWriter } from '../model/bytes.ts';

export interface AlarmSettings {
  /** On-delay. */
  readonly forMs: number;
  /** Off-delay. */
  readonly keepForMs: number;
  /** Whether an alarm stays until somebody has acknowledged it. */
  readonly latch: boolean;
  /** Re-alarm while nobody has acknowledged; Infinity: never. */
  readonly remindMs: number;
  /** What a late reading may do: be on record, or tell somebody. */
  readonly onLate: 'record' | 'fire';
  /** A reading that arrives so long after its event time is late. */
  readonly lateAfterMs: number;
  /** Whether an alarm that keeps coming back is held down; otherwise each time is told. */
  readonly holdsChatter: boolean;
}

/** @param quiet why nobody is told; '' when somebody is */
export type Emit = (state: AlertState, time: number, since: number, quiet: Silence) => void;

export const alarmPhases = ['normal', 'pending', 'firing', 'latched'] as const;

export type AlarmPhase = (typeof alarmPhases)[number];

const episodes = ['none', 'firing', 'latched'] as const;

/** Activations so soon after the end of the one before are chatter; what lasts so long is none. */
const chatterMs = 600_000;
/** For an alarm without an off-delay, whose end is meant to be seen at once. */
const quickChatterMs = 60_000;
const quietFlaps = 2;
const maxFlapDelayMs = 3_600_000;
/** More change nothing: even a millisecond doubled so often is longer than the longest off-delay. */
const maxFlaps = 22;
const minLingerMs = 10_000;

export class Alarm {
  readonly #settings: AlarmSettings;
  /** What every reading looks at, side by side: the fields below with an accessor. */
  readonly #clock = Float64Array.of(Infinity, -Infinity, -Infinity);
  #episode: (typeof episodes)[number] = 'none';
  #since = NaN;
  /** A delay is running: the off-delay while firing, otherwise the on-delay. */
  #turning = false;
  /** Since then it has; while firing without, the condition has lasted since then. Event time. */
  #run = NaN;
  #late = false;
  #acknowledged = false;
  /** Arrival time at which somebody was last told of this episode; NaN when nobody ever was. */
  #toldAt = NaN;
  /** Something was to be told, and there was a reason not to. */
  #hushed = false;
  /** The last such reason. */
  #why: Silence = '';
  #disabled = false;
  /** -Infinity when it is not. */
  #shelvedUntil = -Infinity;
  /** When suppression ends: -Infinity when there is none, Infinity while what explains this alarm holds. */
  #suppressedUntil = -Infinity;
  /** Event time of the last end of an activation. */
  #over = -Infinity;
  #flaps = 0;
  /** Somebody was told of this activation: it is chatter no more. */
  #excused = false;

  constructor(settings: AlarmSettings) {
    this.#settings = settings;
  }

  /** The earliest arrival time at which a tick tells something; Infinity when none does. */
  get nextTick(): number {
    return this.#clock[0] ?? NaN;
  }

  /** Event time of the last reading, or what the clock has come to since. */
  get #time(): number {
    return this.#clock[1] ?? NaN;
  }

  set #time(time: number) {
    this.#clock[1] = time;
  }

  /** When that was, in arrival time. */
  get #arrival(): number {
    return this.#clock[2] ?? NaN;
  }

  set #arrival(arrival: number) {
    this.#clock[2] = arrival;
  }

  /** The episode is on: firing, or latched. */
  get firing(): boolean {
    return this.#episode !== 'none';
  }

  /** Whether only a reading can change anything: no episode, no delay and no date is waited for. */
  get isCalm(): boolean {
    return this.#episode === 'none' && !this.#turning && this.nextTick === Infinity;
  }

  get phase(): AlarmPhase {
    if (this.#episode !== 'none') return this.#episode;
    return this.#turning ? 'pending' : 'normal';
  }

  /** Whether an on- or off-delay is running. */
  get waiting(): boolean {
    return this.#turning;
  }

  get acknowledged(): boolean {
    return this.#acknowledged;
  }

  /** Epoch milliseconds; -Infinity when it is not shelved. */
  get shelvedUntil(): number {
    return this.#shelvedUntil;
  }

  get disabled(): boolean {
    return this.#disabled;
  }

  /** Another alarm explains this one, or did a moment ago. */
  get suppressed(): boolean {
    return this.#suppressedUntil > (this.firing ? -Infinity : this.#arrival);
  }

  get chattering(): boolean {
    if (this.#flaps < quietFlaps) return false;
    return this.#episode === 'firing' ? !this.#excused : this.#time - this.#over < this.#chatterMs;
  }

  /** When the condition first held; NaN when it does not. */
  get since(): number {
    if (this.firing) return this.#since;
    return this.#turning ? this.#run : NaN;
  }

  /** Whether somebody was told of this episode. */
  get told(): boolean {
    return !Number.isNaN(this.#toldAt);
  }

  /**
   * Takes what a reading says of the condition.
   * @param time not before that of the last one
   * @param clears whether it ends the alarm; not asked while the condition holds
   */
  observe(time: number, arrival: number, holds: boolean, clears: boolean, emit: Emit): void {
    if (arrival >= this.nextTick) this.#lapse(arrival, emit);
    if (time > this.#time) this.#time = time;
    this.#arrival = arrival;
    if (!holds && !this.#turning && this.#episode === 'none') return;
    this.#late = arrival - time > this.#settings.lateAfterMs && this.#settings.onLate === 'record';
    const isTurning = this.#episode === 'firing' ? clears && !holds : holds;
    if (isTurning !== this.#turning) {
      this.#turning = isTurning;
      this.#run = this.#time;
    }
    if (isTurning && this.#time >= this.#run + this.#delayMs) this.#turn(emit);
    else this.#announce(this.#time, arrival, emit);
    this.#arm();
  }

  /** Brings arrival time in. */
  tick(now: number, emit: Emit): void {
    if (now < this.nextTick) return;
    for (let due = this.#dueAt(); due <= now; due = this.#dueAt()) this.#step(due, emit);
    if (this.#remindsAt() <= now) this.#remind(now, emit);
    this.#arm();
  }

  /** What an operator does. @param now arrival time @returns false when that changed nothing */
  operate({ kind, until }: Pick<Operation, 'kind' | 'until'>, now: number, emit: Emit): boolean {
    const isDone = this.#operate(kind, until, now, emit);
    this.#arm();
    return isDone;
  }

  /** Another alarm explains this one, or does no more. @param now arrival time */
  suppress(on: boolean, now: number, emit: Emit): void {
    if (on === (this.#suppressedUntil === Infinity)) return;
    if (on) {
      const isNew = this.#suppressedUntil === -Infinity;
      this.#suppressedUntil = Infinity;
      if (isNew && this.firing) {
        this.#hush();
        emit('suppressed', now, this.#since, 'suppressed');
      }
    } else this.#suppressedUntil = now + Math.max(this.#settings.forMs, minLingerMs);
    this.#arm();
  }

  /** The rule is no more. */
  abandon(emit: Emit): void {
    const quiet = this.#quietEnd;
    this.#turning = false;
    if (this.firing) this.#clear(this.#time, quiet, emit);
    this.#arm();
  }

  /**
   * Arrival times go on from `ms` later, though no time has passed. An episode keeps its name, unless it is only pending, and a
   * shelf the date it ends on.
   * @param isOwn whether event times come from the same clock, and go on from later too
   */
  jump(ms: number, isOwn: boolean): void {
    this.#arrival += ms;
    this.#toldAt += ms;
    this.#suppressedUntil += ms;
    if (isOwn) {
      this.#run += ms;
      this.#time += ms;
      this.#over += ms;
    }
    this.#arm();
  }

  /** Nobody listened until now: what was last said has not counted meanwhile. @param now arrival time */
  awake(now: number): void {
    if (!this.#turning || now <= this.#arrival) return;
    this.#arrival = now;
    this.#arm();
  }

  write(to: ByteWriter): void {
    to.varint(episodes.indexOf(this.#episode));
    to.varint(silences.indexOf(this.#why));
    to.varint(this.#flaps);
    for (const is of [this.#turning, this.#late, this.#acknowledged, this.#hushed, this.#disabled, this.#excused])
      to.varint(Number(is));
    for (const time of [this.#since, this.#run, this.#time, this.#arrival]) to.float(time);
    for (const time of [this.#toldAt, this.#shelvedUntil, this.#suppressedUntil, this.#over]) to.float(time);
  }

  read(from: ByteReader): void {
    this.#episode = episodes[from.varint()] ?? 'none';
    this.#why = silences[from.varint()] ?? '';
    this.#flaps = from.varint();
    this.#turning = from.varint() === 1;
    this.#late = from.varint() === 1;
    this.#acknowledged = from.varint() === 1;
    this.#hushed = from.varint() === 1;
    this.#disabled = from.varint() === 1;
    this.#excused = from.varint() === 1;
    this.#since = from.float();
    this.#run = from.float();
    this.#time = from.float();
    this.#arrival = from.float();
    this.#toldAt = from.float();
    this.#shelvedUntil = from.float();
    this.#suppressedUntil = from.float();
    this.#over = from.float();
    this.#arm();
  }

  /** Takes over what operators did to another alarm: the rule asks something else now, and its episode says nothing here. */
  keepOperations(from: Alarm): void {
    this.#disabled = from.#disabled;
    this.#shelvedUntil = from.#shelvedUntil;
    this.#arm();
  }

  /** Of the delay that is running, or would be. */
  get #delayMs(): number {
    return this.#episode === 'firing' ? this.#offDelayMs : this.#settings.forMs;
  }

  get #offDelayMs(): number {
    const { keepForMs } = this.#settings;
    return this.#flaps === 0 ? keepForMs : Math.max(keepForMs, Math.min(maxFlapDelayMs, keepForMs * 2 ** this.#flaps));
  }

  get #chatterMs(): number {
    return this.#settings.keepForMs > 0 ? chatterMs : quickChatterMs;
  }

  /** Whether somebody has yet to be told, as soon as nothing speaks against it. */
  get #isOwed(): boolean {
    return this.#hushed && this.#episode === 'firing' && !this.#turning && !(this.told && this.#acknowledged);
  }

  /** Why nobody is to be told now, chatter aside. */
  get #reason(): Silence {
    if (this.#disabled) return 'disabled';
    if (this.#shelvedUntil > -Infinity) return 'shelved';
    if (this.#suppressedUntil > -Infinity) return 'suppressed';
    return this.#late ? 'late' : '';
  }

  /** Why nobody is to be told now. @param time event time the clock has come to */
  #quiet(time: number): Silence {
    const reason = this.#reason;
    if (reason !== '' || this.#flaps < quietFlaps || this.#excused) return reason;
    const lasts = this.#episode === 'firing' && !this.#turning && time >= this.#run + this.#chatterMs;
    return lasts ? '' : 'chattering';
  }

  /** One thing that is due at that time. */
  #step(at: number, emit: Emit): void {
    if (this.#lapse(at, emit)) {
      // Clocks are put ahead: a shelf may end on a date before the last reading.
      const from = Math.max(at, this.#arrival);
      this.#announce(from, from, emit);
    } else if (at >= this.#turnsAt()) {
      this.#comeTo(this.#run + this.#delayMs, at);
      this.#turn(emit);
    } else {
      this.#comeTo(this.#run + this.#chatterMs, at);
      this.#announce(this.#time, at, emit);
    }
  }

  /** The clock has come to an event time. */
  #comeTo(time: number, arrival: number): void {
    this.#time = time;
    this.#arrival = arrival;
  }

  /** Ends the silences that are over by then. @returns whether that was told */
  #lapse(at: number, emit: Emit): boolean {
    const { firing } = this;
    const isShelfOver = this.#shelvedUntil > -Infinity && this.#shelvedUntil <= at;
    if (isShelfOver) {
      const until = this.#shelvedUntil;
      this.#shelvedUntil = -Infinity;
      emit('unshelved', until, firing ? this.#since : until, '');
    }
    const isExplained = this.#suppressedUntil > at;
    const until = this.#suppressedUntil;
    if (!isExplained && until > -Infinity) {
      this.#suppressedUntil = -Infinity;
      if (firing) emit('unsuppressed', until, this.#since, 'suppressed');
    }
    this.#arm();
    return isShelfOver || (firing && !isExplained && until > -Infinity);
  }

  /** A delay is over. */
  #turn(emit: Emit): void {
    if (this.#episode !== 'firing') {
      this.#activate(emit);
      return;
    }
    const quiet = this.#quietEnd;
    this.#turning = false;
    this.#over = this.#time;
    if (this.#settings.latch && !this.#acknowledged) this.#latch(quiet, emit);
    else this.#clear(this.#time, quiet, emit);
  }

  #activate(emit: Emit): void {
    const time = this.#time;
    // That suppression was over was not worth telling while there was no episode.
    if (this.#suppressedUntil <= this.#arrival) this.#suppressedUntil = -Infinity;
    const pause = time - this.#over;
    if (!this.#settings.holdsChatter) this.#flaps = 0;
    else if (pause <= this.#chatterMs) this.#flaps = Math.min(maxFlaps, this.#flaps + 1);
    else if (pause > this.#offDelayMs) this.#flaps = 0;
    const isNew = this.#episode === 'none';
    if (isNew) this.#since = this.#run;
    this.#episode = 'firing';
    this.#turning = false;
    this.#excused = false;
    const quiet = this.#quiet(time);
    const isFirst = isNew || (quiet === '' && !this.told);
    if (quiet === '') this.#toldAt = this.#arrival;
    this.#hushed = quiet !== '';
    this.#why = quiet;
    this.#excused = quiet === '';
    emit(isFirst ? 'firing' : 'reminded', time, this.#since, quiet);
  }

  #latch(quiet: Silence, emit: Emit): void {
    this.#episode = 'latched';
    emit('latched', this.#time, this.#since, quiet);
  }

  #clear(time: number, quiet: Silence, emit: Emit): void {
    this.#episode = 'none';
    this.#acknowledged = false;
    this.#toldAt = NaN;
    emit('cleared', time, this.#since, quiet);
  }

  /** Who was told that it began is told that it is over, operators' silences aside; who was not, is not. */
  get #quietEnd(): Silence {
    const quiet = this.#quiet(this.#time);
    if (this.told) return quiet === 'disabled' || quiet === 'shelved' ? quiet : '';
    return quiet === '' ? this.#why : quiet;
  }

  /** What somebody was told of is not to be told of for now. */
  #hush(): void {
    if (this.#episode === 'firing') this.#hushed = true;
  }

  /** Tells what is owed, if nothing speaks against it. */
  #announce(time: number, arrival: number, emit: Emit): void {
    if (!this.#isOwed || this.#quiet(this.#time + (arrival - this.#arrival)) !== '') return;
    const state = this.told ? 'reminded' : 'firing';
    this.#hushed = false;
    this.#excused = true;
    this.#toldAt = arrival;
    emit(state, time, this.#since, '');
  }

  /** Of several reminders that are due by now, the last. */
  #remind(now: number, emit: Emit): void {
    const { remindMs } = this.#settings;
    this.#toldAt += Math.floor((now - this.#toldAt) / remindMs) * remindMs;
    this.#hushed = false;
    emit('reminded', this.#toldAt, this.#since, '');
  }

  #operate(kind: Operation['kind'], until: number, now: number, emit: Emit): boolean {
    const since = this.firing ? this.#since : now;
    switch (kind) {
      case 'acknowledge':
        if (!this.firing || this.#acknowledged) return false;
        this.#acknowledged = true;
        emit('acknowledged', now, since, '');
        if (this.#episode === 'latched') this.#clear(now, this.#quietEnd, emit);
        return true;
      case 'shelve':
        if (!(until > now) || until === this.#shelvedUntil) return false;
        this.#shelvedUntil = until;
        this.#hush();
        emit('shelved', now, since, '');
        return true;
      case 'unshelve':
        if (this.#shelvedUntil === -Infinity) return false;
        this.#shelvedUntil = -Infinity;
        emit('unshelved', now, since, '');
        break;
      case 'disable':
        if (this.#disabled) return false;
        this.#disabled = true;
        this.#hush();
        emit('disabled', now, since, '');
        return true;
      case 'enable':
        if (!this.#disabled) return false;
        this.#disabled = false;
        emit('enabled', now, since, '');
        break;
    }
    this.#announce(now, now, emit);
    return true;
  }

  /** Arrival time at which the clock ends the delay. */
  #turnsAt(): number {
    return this.#turning ? this.#arrival + (this.#run + this.#delayMs - this.#time) : Infinity;
  }

  /** Arrival time at which the condition has lasted too long for chatter, where nothing else keeps it quiet. */
  #lastsAt(): number {
    if (!this.#isOwed || this.#reason !== '' || this.#flaps < quietFlaps || this.#excused) return Infinity;
    return this.#arrival + (this.#run + this.#chatterMs - this.#time);
  }

  #remindsAt(): number {
    const isDue = this.#episode === 'firing' && this.told && !this.#acknowledged && this.#quiet(this.#time) === '';
    return isDue ? this.#toldAt + this.#settings.remindMs : Infinity;
  }

  /** The earliest arrival time at which there is something to tell, reminders aside. */
  #dueAt(): number {
    const shelf = this.#shelvedUntil > -Infinity ? this.#shelvedUntil : Infinity;
    const suppression = this.firing && this.#suppressedUntil > -Infinity ? this.#suppressedUntil : Infinity;
    return Math.min(shelf, suppression, this.#turnsAt(), this.#lastsAt());
  }

  #arm(): void {
    this.#clock[0] = Math.min(this.#dueAt(), this.#remindsAt());
  }
}
