// The live panes of one gateway, one chart for each signal, and the choice of gateway and window.

import { byId, element, KeyedViews, setText } from './dom.ts';
import { formatWindow } from './format.ts';
import { ChartView, type Chart } from './chart-view.ts';
import { chartKeyOf, rawNote } from './raw.ts';
import { chartedGateways, type State } from './state.ts';
import { readTheme, onThemeChange } from './theme.ts';
import { defaultWindow, windowsOf, type Track, type WindowChoice } from './tracks.ts';

export interface Choices {
  gateway(name: string): void;
  window(id: string): void;
  /** Raw readings of a chart are wanted, or not any more. */
  raw(tracks: readonly Track[]): void;
  rerender(): void;
}

export class SignalsView {
  readonly #choices: Choices;
  readonly #form = byId('choices', HTMLElement);
  readonly #gateways = byId('choose-gateway', HTMLSelectElement);
  readonly #windows = byId('choose-window', HTMLElement);
  readonly #percentile = byId('choose-p95', HTMLInputElement);
  readonly #percentileLabel = byId('choose-p95-label', HTMLElement);
  readonly #empty = byId('signals-empty', HTMLElement);
  readonly #charts: KeyedViews<Chart>;
  #theme = readTheme();
  #offered = '';

  constructor(choices: Choices) {
    this.#choices = choices;
    const onRaw = (tracks: readonly Track[]): void => choices.raw(tracks);
    this.#charts = new KeyedViews<Chart>(byId('charts', HTMLElement), chartKey, () => new ChartView(onRaw));
    this.#gateways.addEventListener('change', () => choices.gateway(this.#gateways.value));
    this.#percentile.addEventListener('change', () => choices.rerender());
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    onThemeChange(() => {
      this.#theme = readTheme();
      choices.rerender();
    });
  }

  render(state: State): void {
    const tracks = [...state.tracks.values()];
    this.#form.hidden = tracks.length === 0;
    this.#empty.hidden = tracks.length > 0;
    setText(this.#empty, emptyText(state));
    this.#offer(state);
    this.#percentileLabel.hidden = !tracks.some((track) => track.window.compute.includes('p95'));
    const devices = [...new Set(tracks.map((track) => track.device))].sort(byName);
    const places = new Map(devices.map((device, place) => [device, place]));
    const shared = {
      places,
      // A window this gateway has nowhere is not what its charts lack.
      chosenWindow: windowsOf(state.series, state.gateway).find((window) => window.id === state.window),
      percentile: this.#percentile.checked,
      theme: this.#theme,
      nowMs: state.nowMs,
    };
    this.#charts.render(
      [...bySignal(tracks)].map(([signal, tracks]) => ({ ...shared, signal, tracks, raw: rawOf(state, signal) })),
    );
  }

  /** Writes the choices anew only when they changed: a list that is open must stay open. */
  #offer(state: State): void {
    const gateways = chartedGateways(state.series);
    const windows = windowsOf(state.series, state.gateway);
    const chosen = (windows.find((window) => window.id === state.window) ?? defaultWindow(windows))?.id;
    const offered = JSON.stringify([gateways, state.gateway, windows.map((window) => window.id), chosen]);
    if (offered === this.#offered) return;
    this.#offered = offered;
    this.#gateways.replaceChildren(
      ...gateways.map((name) => {
        const option = element('option', '', name);
        option.value = name;
        option.selected = name === state.gateway;
        return option;
      }),
    );
    const held = this.#windows.contains(document.activeElement);
    this.#windows.replaceChildren(...windows.map((window) => this.#segment(window, window.id === chosen)));
    if (held) this.#windows.querySelector<HTMLInputElement>('input:checked')?.focus();
  }

  #segment(window: WindowChoice, checked: boolean): HTMLElement {
    const { id } = window;
    const radio = element('input');
    radio.type = 'radio';
    radio.name = 'window';
    radio.value = id;
    radio.checked = checked;
    radio.addEventListener('change', () => this.#choices.window(id));
    return element('label', '', radio, element('span', '', formatWindow(window)));
  }
}

function chartKey(chart: Chart): string {
  const [first] = chart.tracks;
  return `${first?.gateway ?? ''}\u0000${first?.window.id ?? ''}\u0000${chart.signal}`;
}

function rawOf({ gateway, raw }: State, signal: string): Chart['raw'] {
  const shown = gateway === undefined ? undefined : raw.shown.get(chartKeyOf({ gateway, signal }));
  return shown === undefined ? undefined : { shown, note: rawNote(raw.requests, shown) };
}

function bySignal(tracks: readonly Track[]): Map<string, Track[]> {
  const grouped = new Map<string, Track[]>();
  const sorted = [...tracks].sort((a, b) => byName(a.signal, b.signal) || byName(a.device, b.device));
  for (const track of sorted) grouped.set(track.signal, [...(grouped.get(track.signal) ?? []), track]);
  return grouped;
}

/** band-2 before band-10. */
function byName(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function emptyText(state: State): string {
  if (!state.loaded) return 'Asking the hub.';
  return state.gateways.size === 0
    ? 'Charts appear here with the first pane of the first gateway.'
    : 'No pane has arrived yet. The first comes when its first window ends; windows are set in the gateway file, under windows.';
}
