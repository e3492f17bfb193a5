// The button that says "somebody has seen this alarm". Who, is asked once and remembered by the browser.

import type { AlertView } from '../src/http/views.ts';
import { element, setText } from './dom.ts';

const remembered = 'weir.operator';

export class AcknowledgeButton {
  readonly root = element('button', 'quiet');
  #alert: AlertView | undefined;
  /** The alarm it was pressed for: until the gateway has answered it stays so. */
  #asked = '';

  constructor() {
    this.root.type = 'button';
    this.root.addEventListener('click', () => {
      if (this.#alert !== undefined) void this.#send(this.#alert);
    });
  }

  update(alert: AlertView): void {
    this.#alert = alert;
    // The hub's own alarms end by themselves.
    this.root.hidden = alert.rule.startsWith('weir.') || alert.acknowledged !== null;
    const isAsked = this.#asked === keyOf(alert);
    this.root.disabled = isAsked;
    setText(this.root, isAsked ? 'Asked the gateway' : 'Acknowledge');
    this.root.setAttribute('aria-label', `Acknowledge ${alert.rule} on ${alert.gateway}, ${alert.device}`);
  }

  async #send(alert: AlertView): Promise<void> {
    const by = operator();
    if (by === undefined) return;
    this.#asked = keyOf(alert);
    this.update(alert);
    const { gateway, rule, device, signal, since } = alert;
    const body = JSON.stringify({ gateway, kind: 'acknowledge', rule, device, signal, since, by });
    const headers = { 'content-type': 'application/json' };
    const isTaken = await fetch('/api/operations', { method: 'POST', headers, body }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isTaken) return;
    this.#asked = '';
    this.update(alert);
    setText(this.root, 'Not taken, try again');
  }
}

/** @returns undefined when nobody wants to say who they are */
function operator(): string | undefined {
  const known = localStorage.getItem(remembered);
  if (known !== null) return known;
  const name = prompt('Your name, for the record')?.trim();
  if (name === undefined || name === '') return undefined;
  localStorage.setItem(remembered, name);
  return name;
}

function keyOf({ gateway, rule, device, signal, since }: AlertView): string {
  return [gateway, rule, device, signal, since].join('/');
}
