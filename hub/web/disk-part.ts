// The disk and the clock of a gateway: what it writes, how long the card lasts at that, what was damaged, whether it knows
// the time.

import type { GatewayView } from '../src/http/views.ts';
import { clockWarnings, clockWord, diskFacts, diskTexts, diskWarnings } from './disk.ts';
import { element, setData } from './dom.ts';
import { Facts } from './facts.ts';
import { icon } from './icons.ts';

export class DiskPart {
  readonly warnings = element('ul', 'warnings');
  readonly #facts = new Facts([...diskFacts, 'Clock']);

  get facts(): HTMLElement {
    return this.#facts.root;
  }

  /** @param hooks the element that carries the numbers in full */
  update(hooks: HTMLElement, { storage, clock }: GatewayView, nowMs: number): void {
    this.facts.hidden = storage === null && clock === null;
    setData(hooks, {
      clock: clock?.state ?? null,
      years: storage?.years ?? null,
      'written-per-hour': storage?.writtenBytesPerHour ?? null,
    });
    this.#facts.update(storage === null ? diskFacts.map(() => '–') : diskTexts(storage, nowMs));
    this.#showClock(clock);
    this.#showWarnings([
      ...(clock === null ? [] : clockWarnings(clock)),
      ...(storage === null ? [] : diskWarnings(storage)),
    ]);
  }

  #showClock(clock: GatewayView['clock']): void {
    const cell = this.#facts.value(diskFacts.length);
    if (cell === undefined) return;
    const [name, words] = clock === null ? ['waiting' as const, '–'] : clockWord(clock);
    const shown = `${name} ${words}`;
    if (cell.dataset.shown === shown) return;
    cell.dataset.shown = shown;
    cell.className = `clock clock-${name}`;
    cell.replaceChildren(...(clock === null ? [words] : [icon(name), words]));
  }

  /** Written anew only when they changed. */
  #showWarnings(warnings: readonly string[]): void {
    const shown = JSON.stringify(warnings);
    if (this.warnings.dataset.shown === shown) return;
    this.warnings.dataset.shown = shown;
    this.warnings.hidden = warnings.length === 0;
    this.warnings.replaceChildren(...warnings.map((text) => element('li', '', icon('warning'), text)));
  }
}
