// The raw readings around one alert, in a dialog over the page.

import type { AlertView } from '../src/http/views.ts';
import { rawLine, type ChartData } from './chart-data.ts';
import { byId, setData, setText } from './dom.ts';
import { formatTime, formatValueWithUnit } from './format.ts';
import { Plot } from './plot.ts';
import { alertRaw, rawNote, type RawPoint, type RawShown } from './raw.ts';
import type { State } from './state.ts';
import { readTheme } from './theme.ts';

const none: readonly RawPoint[] = [];

export class RawDialog {
  readonly #root = byId('raw-dialog', HTMLDialogElement);
  readonly #title = byId('raw-title', HTMLElement);
  readonly #what = byId('raw-what', HTMLElement);
  readonly #target = byId('raw-plot', HTMLElement);
  readonly #note = byId('raw-note', HTMLElement);
  #alert: AlertView | undefined;
  #plot: Plot | undefined;
  #drawn: readonly RawPoint[] | undefined;

  constructor(onClose: () => void) {
    byId('raw-close', HTMLButtonElement).addEventListener('click', () => this.#root.close());
    this.#root.addEventListener('close', () => {
      this.#alert = undefined;
      this.#clear();
      onClose();
    });
    this.#target.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      this.#plot?.step(by);
    });
    this.#target.addEventListener('blur', () => this.#plot?.hideCursor());
  }

  open(alert: AlertView): void {
    this.#clear();
    this.#alert = alert;
    this.#root.showModal();
  }

  render({ raw, series, nowMs }: State): void {
    const shown = raw.shown.get(alertRaw);
    const alert = this.#alert;
    if (shown === undefined || alert === undefined) return;
    const { gateway, device, signal, rule } = alert;
    const unit =
      series.find((one) => one.gateway === gateway && one.device === device && one.signal === signal)?.unit ?? '1';
    setText(this.#title, `Raw readings of ${signal}`);
    const fired = `${rule} fired at ${formatTime(alert.fired, nowMs)} with ${formatValueWithUnit(alert.value, unit)}`;
    setText(this.#what, `${gateway} · ${device} · ${fired}`);
    setText(this.#note, rawNote(raw.requests, shown) || 'Asking the hub');
    const readings = shown.readings.get(device) ?? none;
    setData(this.#root, { readings: readings.length });
    if (readings === this.#drawn) return;
    this.#clear();
    this.#drawn = readings;
    this.#target.setAttribute('aria-label', `${signal} over time. The arrow keys read single readings.`);
    if (readings.length === 0) return;
    const line = { device, place: 0, statistics: [rawLine], hidden: false, loose: false };
    const shape = { unit, stepped: unit === 'state', lines: [line] };
    this.#plot = new Plot(this.#target, shape, dataOf(readings, shown), readTheme());
  }

  #clear(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#drawn = undefined;
  }
}

/** The whole range, so that what is missing at either end is seen. */
function dataOf(readings: readonly RawPoint[], { from, to }: RawShown): ChartData {
  const times = readings.map(({ time }) => time);
  return { times, lines: [[readings.map(({ value }) => value)]], fromMs: from, toMs: to };
}
