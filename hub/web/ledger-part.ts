// The loss ledger as the equation it is: taken = stored + pending + open + lost, and whether that is true; what of it was
// lost why, and where most.

import type { GatewayView } from '../src/http/views.ts';
import { element, setData, setText, type Data } from './dom.ts';
import { formatCount, formatReason } from './format.ts';
import { icon, type IconName } from './icons.ts';
import { flaggedText, gapsText, mostFirst, sumLedger, thinnedText, type LedgerSum } from './ledger.ts';

const terms = ['taken', 'stored', 'pending', 'open', 'lost'] as const;
const signs = ['', '=', '+', '+', '+'];

export class LedgerPart {
  readonly root = element('div', 'ledger');
  readonly #sum = element('dl', 'sum');
  readonly #verdict = element('p', 'verdict');
  readonly #reasons = element('ul', 'reasons');
  readonly #notes = ['gaps', 'thinned', 'flagged'].map((name) => element('p', `note note-${name}`));
  readonly #series = element('details', 'losses');
  readonly #seriesRows = element('ul', 'reasons');
  readonly #values = new Map<string, HTMLElement>();

  constructor() {
    for (const [index, term] of terms.entries()) {
      const value = element('dd');
      this.#values.set(term, value);
      // The stylesheet writes the sign before the number, so that the number stays alone in the document.
      setData(value, { sign: signs[index] ?? '' });
      this.#sum.append(element('div', '', element('dt', '', term), value));
    }
    this.#series.append(element('summary', '', 'Series with the most losses'), this.#seriesRows);
    this.root.append(this.#sum, this.#verdict, this.#reasons, this.#series, ...this.#notes);
  }

  /** @param hooks the element that carries the counts in full */
  update(hooks: HTMLElement, gateway: GatewayView, nowMs: number): void {
    const { taken, stored, pending, open } = gateway;
    const sum = sumLedger(gateway);
    const counts = { taken, stored, pending, open, lost: sum.lost };
    setData(hooks, { ...counts, balanced: sum.balanced, imbalance: gateway.imbalance, gaps: gateway.gaps.count });
    for (const [term, count] of Object.entries(counts)) {
      const value = this.#values.get(term);
      if (value !== undefined) setText(value, formatCount(count));
    }
    showVerdict(this.#verdict, sum);
    this.#showReasons(gateway.lost);
    this.#showSeries(gateway.seriesLosses);
    const notes = [gapsText(gateway.gaps, nowMs), thinnedText(gateway.thinned), flaggedText(gateway.flagged)];
    for (const [index, note] of this.#notes.entries()) {
      const text = notes[index] ?? '';
      note.hidden = text === '';
      setText(note, text);
    }
  }

  #showReasons(lost: GatewayView['lost']): void {
    showItems(
      this.#reasons,
      mostFirst(lost).map(([reason, count]) => ({
        count,
        text: formatReason(reason),
        data: { 'lost-reason': reason, count },
      })),
    );
  }

  #showSeries(losses: GatewayView['seriesLosses']): void {
    this.#series.hidden = losses.length === 0;
    showItems(
      this.#seriesRows,
      losses.map(({ device, signal, reason, count }) => ({
        count,
        text: `${formatReason(reason)}, ${device} ${signal}`,
        data: { 'series-loss': `${device}/${signal}`, reason, count },
      })),
    );
  }
}

interface Item {
  readonly count: number;
  readonly text: string;
  readonly data: Data;
}

/** Writes the list anew only when it changed: nobody's selection is lost. */
function showItems(target: HTMLElement, items: readonly Item[]): void {
  const shown = JSON.stringify(items);
  if (target.dataset.shown === shown) return;
  target.dataset.shown = shown;
  target.hidden = items.length === 0;
  target.replaceChildren(
    ...items.map(({ count, text, data }) => {
      const item = element('li', '', element('b', '', formatCount(count)), ` ${text}`);
      setData(item, data);
      return item;
    }),
  );
}

function showVerdict(target: HTMLElement, sum: LedgerSum): void {
  const [name, words] = verdict(sum);
  if (target.textContent === words) return;
  target.className = `verdict verdict-${name}`;
  target.replaceChildren(icon(name), words);
}

function verdict({ apart, balanced, settling }: LedgerSum): [IconName, string] {
  if (balanced) return ['good', 'Balances: every reading is accounted for'];
  const readings = `${formatCount(Math.abs(apart))} ${apart > 0 ? 'not yet accounted for' : 'counted on both sides'}`;
  if (settling) return ['waiting', `Settling: ${readings}, while acknowledgements are under way`];
  return ['critical', `Does not balance: ${formatCount(Math.abs(apart))} ${apart > 0 ? 'missing' : 'too many'}`];
}
