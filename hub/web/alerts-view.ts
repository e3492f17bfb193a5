// What is firing now, most severe first, and what has cleared, newest first.

import { AcknowledgeButton } from './acknowledge.ts';
import type { AlertView } from '../src/http/views.ts';
import { byId, element, KeyedViews, setData, setText, type View } from './dom.ts';
import { formatCount, formatDuration, formatReason, formatTime, formatValueWithUnit } from './format.ts';
import { icon, severityIcon } from './icons.ts';
import { requestOfAlert } from './raw.ts';
import { alertKey, clearedAlerts, firingAlerts, type State } from './state.ts';

/** Rows drawn of what fires; a storm of thousands must not freeze the page that shows it. */
const maxFiringShown = 100;

interface Row {
  readonly alert: AlertView;
  readonly unit: string;
  readonly nowMs: number;
  /** Whether the raw readings around it have come, or were asked for. */
  readonly raw: 'there' | 'asked' | 'none';
}

/** Shows the raw readings around an alert. */
type ShowRaw = (alert: AlertView) => void;

export class AlertsView {
  readonly #empty = byId('alerts-empty', HTMLElement);
  readonly #more = byId('alerts-more', HTMLElement);
  readonly #history = byId('alerts-history', HTMLElement);
  readonly #clearedCount = byId('alerts-cleared-count', HTMLElement);
  readonly #announcer = byId('announcer', HTMLElement);
  readonly #firing: KeyedViews<Row>;
  readonly #cleared: KeyedViews<Row>;
  #announced: ReadonlySet<string> | undefined;
  #shown: State | undefined;

  constructor(showRaw: ShowRaw) {
    this.#firing = new KeyedViews<Row>(byId('alerts-firing', HTMLElement), rowKey, () => new FiringRow(showRaw));
    this.#cleared = new KeyedViews<Row>(byId('alerts-cleared', HTMLElement), rowKey, () => new ClearedRow(showRaw));
  }

  render(state: State): void {
    const { alerts, series, nowMs, loaded } = state;
    const { requests } = state.raw;
    const before = this.#shown;
    this.#shown = state;
    // Panes come many times a second and change nothing here.
    const same = before?.alerts === alerts && before.series === series && before.raw.requests === requests;
    if (same && before.nowMs === nowMs && before.loaded === loaded) return;
    const firing = firingAlerts(state.alerts);
    const cleared = clearedAlerts(state.alerts);
    const row = (alert: AlertView): Row => {
      const request = requestOfAlert(requests, alert);
      const raw = request === undefined ? 'none' : request.done === null ? 'asked' : 'there';
      return { alert, unit: unitOf(state, alert), nowMs: state.nowMs, raw };
    };
    this.#firing.render(firing.slice(0, maxFiringShown).map(row));
    this.#cleared.render(cleared.map(row));
    const hidden = firing.length - maxFiringShown;
    this.#more.hidden = hidden <= 0;
    setText(this.#more, `and ${formatCount(hidden)} more, less severe or older`);
    this.#empty.hidden = firing.length > 0;
    if (this.#empty.childNodes.length === 0) this.#empty.append(icon('good'), '');
    const words = this.#empty.lastChild;
    if (words !== null) setText(words, state.loaded ? 'Nothing is firing.' : 'Asking the hub.');
    this.#history.hidden = cleared.length === 0;
    setText(this.#clearedCount, formatCount(cleared.length));
    if (state.loaded) this.#announce(firing);
  }

  /** Says aloud what began to fire while the page was open, not what was there when it was opened. */
  #announce(firing: readonly AlertView[]): void {
    const before = this.#announced;
    this.#announced = new Set(firing.map(alertKey));
    if (before === undefined) return;
    const fresh = firing.filter((alert) => !before.has(alertKey(alert)));
    if (fresh.length === 0) return;
    const said = fresh.slice(0, 3).map((alert) => `${alert.severity}: ${alert.rule} on ${alert.gateway}`);
    setText(this.#announcer, said.join('. '));
  }
}

class FiringRow implements View<Row> {
  readonly root = element('li', 'alert');
  readonly #severity = element('span', 'severity');
  readonly #rule = element('strong', 'rule');
  readonly #where = element('span', 'where');
  readonly #value = element('span', 'value');
  readonly #lasted = element('span', 'lasted');
  readonly #since = element('span', 'since');
  readonly #reason = element('span', 'where');
  readonly #acknowledge = new AcknowledgeButton();
  readonly #raw: RawButton;

  constructor(showRaw: ShowRaw) {
    this.#raw = new RawButton(showRaw);
    this.root.append(
      this.#severity,
      element('div', 'what', this.#rule, this.#where, this.#reason),
      this.#value,
      element('div', 'when', this.#lasted, this.#since),
      this.#acknowledge.root,
      this.#raw.root,
    );
  }

  update(row: Row): void {
    const { alert, unit, nowMs } = row;
    this.#raw.update(row);
    setData(this.root, alertData(alert));
    showSeverity(this.#severity, alert.severity);
    setText(this.#rule, alert.rule);
    setText(this.#where, whereText(alert));
    setText(this.#value, formatValueWithUnit(alert.value, unit));
    setText(this.#lasted, `for ${formatDuration(nowMs - alert.since)}`);
    setText(this.#since, `since ${formatTime(alert.since, nowMs)}`);
    setText(this.#reason, reasonText(alert));
    this.#acknowledge.update(alert);
  }
}

class ClearedRow implements View<Row> {
  readonly root = element('tr');
  readonly #severity = element('span', 'severity');
  readonly #rule = element('th');
  readonly #where = element('td');
  readonly #value = element('td', 'number');
  readonly #fired = element('td', 'time');
  readonly #cleared = element('td', 'time');
  readonly #lasted = element('td', 'time');
  readonly #raw: RawButton;

  constructor(showRaw: ShowRaw) {
    this.#raw = new RawButton(showRaw);
    const raw = element('td', '', this.#raw.root);
    this.#rule.scope = 'row';
    const severity = element('td', '', this.#severity);
    this.root.append(this.#rule, severity, this.#where, this.#value, this.#fired, this.#cleared, this.#lasted, raw);
  }

  update(row: Row): void {
    const { alert, unit, nowMs } = row;
    this.#raw.update(row);
    setData(this.root, alertData(alert));
    showSeverity(this.#severity, alert.severity);
    setText(this.#rule, alert.rule);
    setText(this.#where, whereText(alert));
    setText(this.#value, formatValueWithUnit(alert.value, unit));
    setText(this.#fired, formatTime(alert.fired, nowMs));
    setText(this.#cleared, formatTime(alert.cleared ?? nowMs, nowMs));
    setText(this.#lasted, formatDuration((alert.cleared ?? nowMs) - alert.fired));
  }
}

function reasonText({ reason, quiet, latched, acknowledged, acknowledgedBy, comment }: AlertView): string {
  const seen =
    acknowledged === null ? '' : `seen by ${acknowledgedBy || 'somebody'}${comment === '' ? '' : `: ${comment}`}`;
  const told = quiet === '' ? '' : `nobody was told (${quiet})`;
  return [reason, latched ? 'over, waits to be acknowledged' : '', told, seen]
    .filter((part) => part !== '')
    .join(' · ');
}

const rawWords = { there: 'Raw readings', asked: 'Raw asked for', none: 'Ask for raw' } as const;

class RawButton implements View<Row> {
  readonly root = element('button', 'quiet');
  #alert: AlertView | undefined;

  constructor(showRaw: ShowRaw) {
    this.root.type = 'button';
    this.root.addEventListener('click', () => {
      if (this.#alert !== undefined) showRaw(this.#alert);
    });
  }

  update({ alert, raw }: Row): void {
    this.#alert = alert;
    // What the hub itself alerts of (`weir.ledger`) has no readings.
    this.root.hidden = alert.rule.startsWith('weir.');
    setText(this.root, rawWords[raw]);
    this.root.setAttribute('aria-label', `${rawWords[raw]} around ${alert.rule} on ${whereText(alert)}`);
    setData(this.root, { 'alert-raw': raw });
  }
}

function rowKey(row: Row): string {
  return alertKey(row.alert);
}

function alertData(alert: AlertView): Record<string, string | number | null> {
  const { rule, gateway, device, signal, severity, since, fired, cleared, value } = alert;
  const state = cleared === null ? 'firing' : 'cleared';
  return { alert: rule, state, gateway, device, signal, severity, since, fired, cleared, value };
}

function showSeverity(target: HTMLElement, severity: string): void {
  if (target.textContent === formatReason(severity)) return;
  target.className = `severity severity-${severityIcon(severity)}`;
  target.replaceChildren(icon(severityIcon(severity)), formatReason(severity));
}

function whereText(alert: AlertView): string {
  return [alert.gateway, alert.device, alert.signal].filter((part) => part !== '').join(' · ');
}

function unitOf(state: State, alert: AlertView): string {
  const { gateway, device, signal } = alert;
  return (
    state.series.find((one) => one.gateway === gateway && one.device === device && one.signal === signal)?.unit ?? '1'
  );
}
