// The head of the page: whether what is shown is live, and the hub in six numbers.

import type { GatewayView } from '../src/http/views.ts';
import { byId, setData, setText } from './dom.ts';
import { formatAgo, formatCount, formatRate } from './format.ts';
import { icon } from './icons.ts';
import { sumLedger } from './ledger.ts';
import type { Link, State } from './state.ts';

const linkIcons = { connecting: 'waiting', live: 'good', lost: 'bad' } as const;

export class SummaryView {
  readonly #link = byId('link', HTMLElement);
  readonly #totals = byId('totals', HTMLElement);
  readonly #notice = byId('notice', HTMLElement);
  readonly #linkText = document.createTextNode('');
  #shownLink: Link | undefined;

  render(state: State): void {
    this.#renderLink(state);
    this.#notice.hidden = state.notice === undefined;
    setText(this.#notice, state.notice ?? '');
    if (!state.loaded) return;
    const gateways = [...state.gateways.values()].map(({ view }) => view);
    const firing = [...state.alerts.values()].filter(({ view }) => view.cleared === null).length;
    const lost = sum(gateways, (gateway) => sumLedger(gateway).lost);
    const pending = sum(gateways, (gateway) => gateway.pending);
    const online = gateways.filter((gateway) => gateway.online).length;
    this.#total('firing', formatCount(firing), firing, firing > 0 ? 'alarm' : 'plain');
    this.#total('online', `${online} of ${gateways.length}`, online, online < gateways.length ? 'attention' : 'plain');
    const rate = sum(gateways, (gateway) => (gateway.online ? gateway.readingsPerSecond : 0));
    this.#total('rate', formatRate(rate), rate);
    const stored = sum(gateways, (gateway) => gateway.stored);
    this.#total('stored', formatCount(stored), stored);
    this.#total('pending', formatCount(pending), pending);
    this.#total('lost', formatCount(lost), lost, lost > 0 ? 'attention' : 'plain');
    document.title = firing > 0 ? `(${firing}) Weir` : 'Weir';
  }

  #renderLink(state: State): void {
    if (this.#shownLink !== state.link) {
      this.#shownLink = state.link;
      this.#link.replaceChildren(icon(linkIcons[state.link]), this.#linkText);
      setData(this.#link, { link: state.link });
      setData(document.body, { stale: state.link === 'lost' });
    }
    setText(this.#linkText, linkText(state));
  }

  #total(name: string, text: string, value: number, tone = 'plain'): void {
    const cell = this.#totals.querySelector<HTMLElement>(`[data-total=${name}]`);
    if (cell === null) throw new Error(`index.html has no total ${name}`);
    setText(cell, text);
    setData(cell, { value, tone });
  }
}

function linkText(state: State): string {
  if (state.link === 'live') return 'Live';
  if (state.link === 'connecting') return 'Connecting';
  return state.heardMs === 0
    ? 'No answer from the hub, trying again'
    : `Reconnecting, shown as of ${formatAgo(state.heardMs, state.nowMs)}`;
}

function sum(gateways: readonly GatewayView[], of: (gateway: GatewayView) => number): number {
  return gateways.reduce((total, gateway) => total + of(gateway), 0);
}
