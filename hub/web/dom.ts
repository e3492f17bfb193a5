// The few things the views do to the document. Text from outside only ever becomes a text node or an attribute's value:
// a device may be called `<img onerror=…>` and is shown as just that.

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/** An element of index.html. @throws when the page has lost it, which is a mistake in the page */
export function byId<T extends HTMLElement>(id: string, kind: abstract new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} with the id ${id}`);
  return found;
}

/** Writes only what changed: an unchanged text keeps the reader's selection and costs no layout. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export type Data = Readonly<Record<string, string | number | boolean | null>>;

/** `data-*` attributes, numbers in full precision; null takes one away. */
export function setData(target: HTMLElement, data: Data): void {
  for (const [name, value] of Object.entries(data)) {
    const attribute = `data-${name}`;
    if (value === null) target.removeAttribute(attribute);
    else if (target.getAttribute(attribute) !== String(value)) target.setAttribute(attribute, String(value));
  }
}

export interface View<T> {
  readonly root: HTMLElement;
  update(item: T): void;
  /** Called once when its item is gone. */
  remove?(): void;
}

/** Keeps one view for each key, in the order of the items; what stays is updated in place, so focus and scroll survive. */
export class KeyedViews<T> {
  readonly #parent: HTMLElement;
  readonly #key: (item: T) => string;
  readonly #make: (item: T) => View<T>;
  readonly #views = new Map<string, View<T>>();

  constructor(parent: HTMLElement, key: (item: T) => string, make: (item: T) => View<T>) {
    this.#parent = parent;
    this.#key = key;
    this.#make = make;
  }

  render(items: readonly T[]): void {
    const wanted = new Set(items.map(this.#key));
    for (const [key, view] of this.#views) {
      if (wanted.has(key)) continue;
      view.remove?.();
      view.root.remove();
      this.#views.delete(key);
    }
    for (const [index, item] of items.entries()) {
      const key = this.#key(item);
      const view = this.#views.get(key) ?? this.#make(item);
      this.#views.set(key, view);
      const there = this.#parent.children[index];
      if (there !== view.root) this.#parent.insertBefore(view.root, there ?? null);
      view.update(item);
    }
  }
}
