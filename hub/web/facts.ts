// Numbers with their names, in a row.

import { element, setText } from './dom.ts';

export class Facts {
  readonly root: HTMLDListElement;
  readonly #values: HTMLElement[];

  constructor(names: readonly string[], className = '') {
    this.root = element('dl', `facts ${className}`.trim());
    this.#values = names.map((name) => {
      const value = element('dd');
      this.root.append(element('div', '', element('dt', '', name), value));
      return value;
    });
  }

  update(texts: readonly string[]): void {
    for (const [index, value] of this.#values.entries()) setText(value, texts[index] ?? '');
  }

  /** Where the value with this index stands, for one that is more than text. */
  value(index: number): HTMLElement | undefined {
    return this.#values[index];
  }
}
