// What the panes under the cursor say, beside the cursor.

import type uPlot from 'uplot';
import { element, setText } from './dom.ts';
import { formatTime, formatValue, formatValueWithUnit } from './format.ts';
import { lineColours } from './theme.ts';

/** Devices named; the chart shows the others. */
const maxRows = 8;
const gapPx = 12;

export interface TipRow {
  readonly device: string;
  readonly place: number;
  readonly unit: string;
  readonly statistics: readonly string[];
  readonly values: readonly (number | null | undefined)[];
}

export class PlotTip {
  readonly #root = element('div', 'tip');
  readonly #time = element('div', 'tip-time');
  readonly #rows = element('ul');
  readonly #read: (column: number) => { timeMs: number; rows: TipRow[] };

  constructor(read: (column: number) => { timeMs: number; rows: TipRow[] }) {
    this.#read = read;
    this.#root.hidden = true;
    this.#root.append(this.#time, this.#rows);
  }

  follow(plot: uPlot): void {
    if (this.#root.parentElement === null) plot.over.append(this.#root);
    const { idx, left = -1 } = plot.cursor;
    // The cursor is shared by all charts; the words belong to the one the reader points at.
    const mine = plot.over.closest('section, dialog')?.matches(':hover, :focus-within') ?? false;
    this.#root.hidden = !mine || left < 0 || typeof idx !== 'number';
    if (this.#root.hidden || typeof idx !== 'number') return;
    const { timeMs, rows } = this.#read(idx);
    setText(this.#time, formatTime(timeMs, Date.now()));
    const items = rows.slice(0, maxRows).map(tipItem);
    if (rows.length > maxRows) items.push(element('li', '', `and ${rows.length - maxRows} more`));
    this.#rows.replaceChildren(...(items.length > 0 ? items : [element('li', '', 'no pane')]));
    const { clientWidth } = plot.over;
    const width = this.#root.offsetWidth;
    // Right of the cursor, or left of it where the chart ends; on a phone over it, never outside the page.
    const beside = left + gapPx + width <= clientWidth ? left + gapPx : left - gapPx - width;
    this.#root.style.left = `${Math.max(beside, Math.min(0, clientWidth - width))}px`;
  }
}

function tipItem({ device, place, unit, statistics, values }: TipRow): HTMLElement {
  const [main, ...others] = statistics;
  const rest = others.map((statistic, index) => `${statistic} ${formatValue(values[index + 1])}`);
  return element(
    'li',
    '',
    element('span', `swatch ${swatchClass(place)}`),
    element('span', 'tip-device', device),
    element('b', '', formatValueWithUnit(values[0], unit)),
    element('span', 'tip-rest', [main === 'mean' ? '' : main, ...rest].filter((part) => part !== '').join(', ')),
  );
}

/** The line's colour and dash as classes of page.css. */
export function swatchClass(place: number): string {
  return `line-${(place % lineColours) + 1} dash-${Math.floor(place / lineColours) % 3}`;
}
