// Alert transitions, each once, and the notifications that are still due.
//
// A transition's natural key is (gateway, rule, device, signal, since, state). The first time it is recorded, one
// notification is noted for each target in the same transaction; it is removed when the target has taken it. So a
// restart neither repeats nor forgets one (a crash between the target's answer and the removal repeats it once: the
// notification carries its key).

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Transition } from '@weir/shared/model/alert.ts';
import { number, numberOrNull, text, type Row } from './rows.ts';

export interface GatewayTransition {
  readonly gateway: string;
  readonly transition: Transition;
}

/** One episode: from firing to cleared. */
export interface Episode {
  readonly gateway: string;
  readonly rule: string;
  readonly device: string;
  readonly signal: string;
  readonly severity: string;
  readonly sinceMs: number;
  readonly firedMs: number;
  readonly clearedMs: number | null;
  /** The value that fired it. */
  readonly value: number;
  readonly reason: string;
  /** Why nobody was told; empty when somebody was. */
  readonly quiet: string;
  readonly acknowledgedMs: number | null;
  readonly acknowledgedBy: string;
  /** What was said when it was acknowledged. */
  readonly comment: string;
  /** Waits for somebody to acknowledge it, though its condition has gone. */
  readonly latched: boolean;
}

export interface DueNotification {
  readonly id: number;
  readonly addedMs: number;
  readonly gateway: string;
  readonly rule: string;
  readonly device: string;
  readonly signal: string;
  readonly severity: string;
  readonly state: string;
  readonly sinceMs: number;
  readonly timeMs: number;
  readonly value: number | null;
  /** In words; empty where there is nothing to add. */
  readonly reason: string;
}

const maxTransitions = 100_000;
const maxNotifications = 10_000;
const maxActive = 1000;

const eventOf = `FROM alarm_events e WHERE e.gateway = t.gateway AND e.rule = t.rule AND e.device = t.device
  AND e.signal = t.signal AND e.since_ms = t.since_ms`;

/** The firing row of each episode with the time of its clearing; a clearing whose firing was lost stands for itself. */
const episodes = `
  SELECT t.gateway, t.rule, t.device, t.signal, t.severity, t.since_ms, t.value, t.reason, t.quiet,
    (SELECT e.time_ms ${eventOf} AND e.state = 'acknowledged' ORDER BY e.time_ms DESC LIMIT 1) AS acknowledged_ms,
    (SELECT e.operator ${eventOf} AND e.state = 'acknowledged' ORDER BY e.time_ms DESC LIMIT 1) AS operator,
    (SELECT e.comment ${eventOf} AND e.state = 'acknowledged' ORDER BY e.time_ms DESC LIMIT 1) AS comment,
    EXISTS (SELECT 1 ${eventOf} AND e.state = 'latched') AS latched,
    CASE t.state WHEN 'firing' THEN t.time_ms ELSE t.since_ms END AS fired_ms,
    CASE t.state WHEN 'cleared' THEN t.time_ms ELSE c.time_ms END AS cleared_ms
  FROM transitions t LEFT JOIN transitions c ON t.state = 'firing' AND c.state = 'cleared' AND c.gateway = t.gateway
    AND c.rule = t.rule AND c.device = t.device AND c.signal = t.signal AND c.since_ms = t.since_ms
  WHERE (t.state = 'firing' OR NOT EXISTS (
    SELECT 1 FROM transitions f WHERE f.state = 'firing' AND f.gateway = t.gateway AND f.rule = t.rule
      AND f.device = t.device AND f.signal = t.signal AND f.since_ms = t.since_ms))`;

export class AlertBook {
  readonly #insert: StatementSync;
  readonly #event: StatementSync;
  readonly #trimEvents: StatementSync;
  readonly #notify: StatementSync;
  readonly #trimTransitions: StatementSync;
  readonly #trimNotifications: StatementSync;
  readonly #active: StatementSync;
  readonly #activeOf: StatementSync;
  readonly #newest: StatementSync;
  readonly #one: StatementSync;
  readonly #due: StatementSync;
  readonly #done: StatementSync;
  readonly #dueCount: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      `INSERT INTO transitions (gateway, rule, device, signal, since_ms, state, severity, time_ms, value, reason, quiet)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (gateway, rule, device, signal, since_ms, state) DO UPDATE SET
         time_ms = excluded.time_ms, value = excluded.value, reason = excluded.reason, quiet = ''
         WHERE quiet <> '' AND excluded.quiet = ''
       RETURNING id`,
    );
    this.#event = database.prepare(
      `INSERT INTO alarm_events (gateway, rule, device, signal, since_ms, state, time_ms, quiet, operator, comment)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    );
    this.#trimEvents = database.prepare('DELETE FROM alarm_events WHERE id <= ?');
    this.#notify = database.prepare('INSERT INTO notifications (transition_id, target, added_ms) VALUES (?, ?, ?)');
    this.#trimTransitions = database.prepare('DELETE FROM transitions WHERE id <= ?');
    this.#trimNotifications = database.prepare('DELETE FROM notifications WHERE id <= ?');
    this.#active = database.prepare(
      `${episodes} AND t.state = 'firing' AND c.id IS NULL ORDER BY t.since_ms DESC LIMIT ?`,
    );
    this.#activeOf = database.prepare(
      `${episodes} AND t.state = 'firing' AND c.id IS NULL AND t.rule = ? ORDER BY t.since_ms DESC LIMIT ?`,
    );
    this.#newest = database.prepare(`${episodes} ORDER BY t.since_ms DESC LIMIT ?`);
    this.#one = database.prepare(
      `${episodes} AND t.gateway = ? AND t.rule = ? AND t.device = ? AND t.signal = ? AND t.since_ms = ?`,
    );
    this.#due = database.prepare(
      `SELECT n.id, n.added_ms, t.gateway, t.rule, t.device, t.signal, t.severity, t.state, t.since_ms, t.time_ms, t.value,
         t.reason
       FROM notifications n JOIN transitions t ON t.id = n.transition_id WHERE n.target = ? ORDER BY n.id LIMIT 1`,
    );
    this.#done = database.prepare('DELETE FROM notifications WHERE id = ?');
    this.#dueCount = database.prepare('SELECT count(*) AS due FROM notifications');
  }

  /**
   * Run inside a transaction.
   * @param targets who is to be notified of it
   * @returns false when it was known already
   */
  record({ gateway, transition: t }: GatewayTransition, targets: readonly string[], nowMs: number): boolean {
    const value = Number.isFinite(t.value) ? t.value : null;
    const { device, signal } = t.series;
    const episode = [gateway, t.rule, device, signal, t.since] as const;
    if (t.state !== 'firing' && t.state !== 'cleared') {
      const done = this.#event.run(...episode, t.state, t.time, t.quiet, t.by, t.comment);
      this.#trimEvents.run(Number(done.lastInsertRowid) - maxTransitions);
      return done.changes > 0;
    }
    // One that fired for old readings, and still does, is told then.
    const row = this.#insert.get(...episode, t.state, t.severity, t.time, value, t.reason, t.quiet);
    if (row === undefined) return false;
    const id = number(row, 'id');
    for (const target of t.quiet === '' ? targets : []) {
      const { lastInsertRowid } = this.#notify.run(id, target, nowMs);
      this.#trimNotifications.run(Number(lastInsertRowid) - maxNotifications);
    }
    this.#trimTransitions.run(id - maxTransitions);
    return true;
  }

  /** Newest first; the active ones are always among them, however old. */
  episodes(limit: number): Episode[] {
    const found = new Map<string, Episode>();
    for (const row of [...this.#active.all(maxActive), ...this.#newest.all(limit)]) {
      const episode = toEpisode(row);
      const { gateway, rule, device, signal, sinceMs } = episode;
      found.set(`${gateway}/${rule}/${device}/${signal}/${sinceMs}`, episode);
    }
    const active = [...found.values()].filter((episode) => episode.clearedMs === null);
    const ended = [...found.values()].filter((episode) => episode.clearedMs !== null);
    return [...active, ...ended.slice(0, Math.max(0, limit - active.length))].toSorted((a, b) => b.sinceMs - a.sinceMs);
  }

  /** Of one rule, those that are firing. */
  activeOf(rule: string): Episode[] {
    return this.#activeOf.all(rule, maxActive).map(toEpisode);
  }

  episodeOf({ gateway, transition: t }: GatewayTransition): Episode | undefined {
    const row = this.#one.get(gateway, t.rule, t.series.device, t.series.signal, t.since);
    return row === undefined ? undefined : toEpisode(row);
  }

  /** The oldest notification the target has not taken yet. */
  nextDue(target: string): DueNotification | undefined {
    const row = this.#due.get(target);
    if (row === undefined) return undefined;
    return {
      id: number(row, 'id'),
      addedMs: number(row, 'added_ms'),
      gateway: text(row, 'gateway'),
      rule: text(row, 'rule'),
      device: text(row, 'device'),
      signal: text(row, 'signal'),
      severity: text(row, 'severity'),
      state: text(row, 'state'),
      sinceMs: number(row, 'since_ms'),
      timeMs: number(row, 'time_ms'),
      value: numberOrNull(row, 'value'),
      reason: text(row, 'reason'),
    };
  }

  notified(id: number): void {
    this.#done.run(id);
  }

  dueCount(): number {
    return number(this.#dueCount.get() ?? {}, 'due');
  }
}

function toEpisode(row: Row): Episode {
  return {
    gateway: text(row, 'gateway'),
    rule: text(row, 'rule'),
    device: text(row, 'device'),
    signal: text(row, 'signal'),
    severity: text(row, 'severity'),
    sinceMs: number(row, 'since_ms'),
    firedMs: number(row, 'fired_ms'),
    clearedMs: numberOrNull(row, 'cleared_ms'),
    value: numberOrNull(row, 'value') ?? Number.NaN,
    reason: text(row, 'reason'),
    quiet: text(row, 'quiet'),
    acknowledgedMs: numberOrNull(row, 'acknowledged_ms'),
    acknowledgedBy: row['operator'] === null ? '' : text(row, 'operator'),
    comment: row['comment'] === null ? '' : text(row, 'comment'),
    latched: number(row, 'latched') === 1,
  };
}
