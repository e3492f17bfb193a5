// The loss ledger as the equation it is: taken = stored + pending + open + lost, and whether that is true.

import type { GatewayView } from '../src/http/views.ts';
import { element, setData, setText } from './dom.ts';
import { formatCount, formatReason } from './format.ts';
import { icon, type IconName } from './icons.ts';
import { sumLedger, type LedgerSum } from './ledger.ts';

const terms = ['taken', 'stored', 'pending', 'open', 'lost'] as const;
const signs = ['', '=', '+', '+', '+'];

export class LedgerPart {
  readonly root = element('div', 'ledger');
  readonly #sum = element('dl', 'sum');
  readonly #verdict = element('p', 'verdict');
  readonly #reasons = element('ul', 'reasons');
  readonly #values = new Map<string, HTMLElement>();

  constructor() {
    for (const [index, term] of terms.entries()) {
      const value = element('dd');
      this.#values.set(term, value);
      // The stylesheet writes the sign before the number, so that the number stays alone in the document.
      setData(value, { sign: signs[index] ?? '' });
      this.#sum.append(element('div', '', element('dt', '', term), value));
    }
    this.root.append(this.#sum, this.#verdict, this.#reasons);
  }

  /** @param hooks the element that carries the counts in full */
  update(hooks: HTMLElement, gateway: GatewayView): void {
    const { taken, stored, pending, open } = gateway;
    const sum = sumLedger(gateway);
    const counts = { taken, stored, pending, open, lost: sum.lost };
    setData(hooks, { ...counts, balanced: sum.balanced });
    for (const [term, count] of Object.entries(counts)) {
      const value = this.#values.get(term);
      if (value !== undefined) setText(value, formatCount(count));
    }
    showVerdict(this.#verdict, sum);
    this.#showReasons(gateway.lost);
  }

  #showReasons(lost: GatewayView['lost']): void {
    const reasons = Object.entries(lost).filter(([, count]) => count > 0);
    reasons.sort(([, a], [, b]) => b - a);
    const text = JSON.stringify(reasons);
    if (this.#reasons.dataset.shown === text) return;
    this.#reasons.dataset.shown = text;
    this.#reasons.hidden = reasons.length === 0;
    this.#reasons.replaceChildren(
      ...reasons.map(([reason, count]) => {
        const item = element('li', '', element('b', '', formatCount(count)), ` ${formatReason(reason)}`);
        setData(item, { 'lost-reason': reason, count });
        return item;
      }),
    );
  }
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
