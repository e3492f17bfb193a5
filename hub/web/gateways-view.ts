// Every gateway and its health: those in trouble first, then by name.

import type { GatewayView } from '../src/http/views.ts';
import { byId, element, KeyedViews } from './dom.ts';
import { formatCount } from './format.ts';
import { GatewayCard, type Card } from './gateway-card.ts';
import { chartedGateways, type State } from './state.ts';

/** Cards drawn before the reader asks for the rest. */
const firstShown = 30;

export class GatewaysView {
  readonly #empty = byId('gateways-empty', HTMLElement);
  readonly #more = byId('gateways-more', HTMLElement);
  readonly #cards: KeyedViews<Card>;
  #all = false;
  #shown: State | undefined;

  constructor(onShow: (gateway: string) => void, rerender: () => void) {
    this.#cards = new KeyedViews(byId('gateway-cards', HTMLElement), cardKey, () => new GatewayCard(onShow));
    this.#more.addEventListener('click', () => {
      this.#all = true;
      this.#shown = undefined;
      rerender();
    });
  }

  render(state: State): void {
    const { gateways: known, series, nowMs, loaded } = state;
    const before = this.#shown;
    this.#shown = state;
    // Panes come many times a second and change nothing here.
    if (before?.gateways === known && before.series === series && before.nowMs === nowMs && before.loaded === loaded)
      return;
    const charted = new Set(chartedGateways(state.series));
    const gateways = [...state.gateways.values()].map(({ view }) => view).sort(byTrouble);
    const shown = this.#all ? gateways : gateways.slice(0, firstShown);
    this.#cards.render(shown.map((gateway) => ({ gateway, nowMs: state.nowMs, charted: charted.has(gateway.name) })));
    this.#more.hidden = shown.length === gateways.length;
    this.#more.textContent = `Show all ${formatCount(gateways.length)}`;
    this.#empty.hidden = gateways.length > 0;
    this.#showEmpty(state.loaded);
  }

  #showEmpty(loaded: boolean): void {
    if (this.#empty.hidden || this.#empty.dataset.loaded === String(loaded)) return;
    this.#empty.dataset.loaded = String(loaded);
    if (!loaded) this.#empty.replaceChildren('Asking the hub.');
    else {
      this.#empty.replaceChildren(
        'No gateway has connected yet. On the hub: ',
        element('code', '', 'weir-hub gateway add <name>'),
        ' makes its key and says what to do on the gateway.',
      );
    }
  }
}

function cardKey(card: Card): string {
  return card.gateway.name;
}

function byTrouble(a: GatewayView, b: GatewayView): number {
  return trouble(b) - trouble(a) || a.name.localeCompare(b.name, 'en', { numeric: true });
}

function trouble(gateway: GatewayView): number {
  if (!gateway.online) return 2;
  return gateway.health.some((part) => !part.up) ? 1 : 0;
}
