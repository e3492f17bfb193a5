// One gateway: is it there, does its ledger balance, what is down, what could it not read.

import type { GatewayView } from '../src/http/views.ts';
import { element, KeyedViews, setData, setText, type View } from './dom.ts';
import { formatAgo, formatBytes, formatCount, formatRate, formatReason, formatTime } from './format.ts';
import { DiskPart } from './disk-part.ts';
import { Facts } from './facts.ts';
import { icon, type IconName } from './icons.ts';
import { LedgerPart } from './ledger-part.ts';

export interface Card {
  readonly gateway: GatewayView;
  readonly nowMs: number;
  readonly charted: boolean;
}

type Health = GatewayView['health'][number];
type DeadLetter = GatewayView['deadLetters'][number];

export class GatewayCard implements View<Card> {
  readonly root = element('article', 'gateway');
  readonly #status = element('span', 'status');
  readonly #name = element('h3');
  readonly #about = element('span', 'about');
  readonly #show = element('button', 'quiet', 'Show its signals');
  readonly #facts = new Facts(['Readings per second', 'Outbox', 'Journal', 'Memory']);
  readonly #ledger = new LedgerPart();
  readonly #disk = new DiskPart();
  readonly #healthLine = element('p', 'health-line');
  readonly #down = element('ul', 'down');
  readonly #downRows = new KeyedViews<{ part: Health; nowMs: number }>(
    this.#down,
    ({ part }) => part.part,
    () => new DownRow(),
  );
  readonly #letters = new DeadLetters();

  constructor(onShow: (gateway: string) => void) {
    this.#show.type = 'button';
    this.#show.addEventListener('click', () => onShow(this.#name.textContent));
    const title = element('div', 'gateway-title', this.#name, this.#status, this.#about);
    this.root.append(
      element('header', 'gateway-head', title, this.#show),
      element(
        'div',
        'gateway-body',
        element('div', 'gateway-facts', this.#facts.root, this.#disk.facts),
        this.#ledger.root,
      ),
      this.#disk.warnings,
      this.#healthLine,
      this.#down,
      this.#letters.root,
    );
  }

  update({ gateway, nowMs, charted }: Card): void {
    const down = gateway.health.filter((part) => !part.up);
    setData(this.root, {
      'gateway-card': gateway.name,
      online: gateway.online,
      seen: gateway.seen,
      rate: gateway.readingsPerSecond,
      down: down.length,
    });
    setText(this.#name, gateway.name);
    showStatus(this.#status, gateway.online);
    const seen = gateway.seen === 0 ? 'no status yet' : `status ${formatAgo(gateway.seen, nowMs)}`;
    setText(this.#about, [gateway.version, seen].filter((part) => part !== '').join(' · '));
    this.#show.hidden = !charted;
    this.#facts.update([
      gateway.online ? formatRate(gateway.readingsPerSecond) : '–',
      formatBytes(gateway.outboxBytes),
      formatBytes(gateway.journalBytes),
      formatBytes(gateway.memoryBytes),
    ]);
    this.#ledger.update(this.root, gateway, nowMs);
    this.#disk.update(this.root, gateway, nowMs);
    this.#healthLine.hidden = down.length > 0 || gateway.health.length === 0;
    setText(
      this.#healthLine,
      gateway.health.length === 1 ? 'Its one part is up.' : `All ${gateway.health.length} parts are up.`,
    );
    this.#down.hidden = down.length === 0;
    this.#downRows.render(down.map((part) => ({ part, nowMs })));
    this.#letters.update(gateway.deadLetters, nowMs);
  }
}

function showStatus(target: HTMLElement, online: boolean): void {
  const [name, word]: [IconName, string] = online ? ['good', 'Online'] : ['bad', 'Offline'];
  if (target.textContent === word) return;
  target.className = `status status-${name}`;
  target.replaceChildren(icon(name), word);
}

class DownRow implements View<{ part: Health; nowMs: number }> {
  readonly root = element('li');
  readonly #part = element('strong');
  readonly #since = element('span', 'since');
  readonly #detail = element('span', 'detail');

  constructor() {
    this.root.append(icon('bad'), element('div', '', this.#part, this.#since, this.#detail));
  }

  update({ part, nowMs }: { part: Health; nowMs: number }): void {
    setData(this.root, { part: part.part, up: part.up, since: part.since });
    setText(this.#part, `${part.part} is down`);
    setText(this.#since, part.since === 0 ? '' : `since ${formatTime(part.since, nowMs)}`);
    setText(this.#detail, part.detail);
  }
}

/** Few and short-lived, so the rows are written anew when the list changed. */
class DeadLetters {
  readonly root = element('details', 'letters');
  readonly #count = element('span', 'badge');
  readonly #rows = element('tbody');
  #shown: readonly DeadLetter[] | undefined;

  constructor() {
    const head = element('tr');
    for (const name of ['Time', 'Where', 'Reason', 'What is wrong', 'Sample']) {
      const cell = element('th', '', name);
      cell.scope = 'col';
      head.append(cell);
    }
    const table = element('table', '', element('thead', '', head), this.#rows);
    const scroll = element('div', 'scroll', table);
    scroll.tabIndex = 0;
    scroll.setAttribute('role', 'region');
    scroll.setAttribute('aria-label', 'Dead letters');
    this.root.append(element('summary', '', 'Last dead letters ', this.#count), scroll);
  }

  update(letters: readonly DeadLetter[], nowMs: number): void {
    if (this.#shown === letters) return;
    this.#shown = letters;
    this.root.hidden = letters.length === 0;
    setText(this.#count, formatCount(letters.length));
    this.#rows.replaceChildren(...letters.map((letter) => letterRow(letter, nowMs)));
  }
}

function letterRow(letter: DeadLetter, nowMs: number): HTMLElement {
  const row = element(
    'tr',
    '',
    element('td', 'time', formatTime(letter.arrival, nowMs)),
    element('td', '', letter.where),
    element('td', '', formatReason(letter.reason)),
    element('td', 'detail', letter.detail),
    element('td', '', element('code', 'sample', letter.sample)),
  );
  setData(row, { 'dead-letter': letter.reason, where: letter.where, arrival: letter.arrival });
  return row;
}
