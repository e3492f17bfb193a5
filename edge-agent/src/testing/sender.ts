// A sender that repeats what it has seen no ack for, as a broker does.

import type { Station } from './station.ts';
import { tell, type Told } from './tell.ts';

export class Sender {
  /** Every delivery, in order. */
  readonly sent: (readonly Told[])[] = [];
  #unacked: (readonly Told[])[] = [];

  async send(station: Station, told: readonly Told[]): Promise<void> {
    this.sent.push(told);
    this.#unacked.push(told);
    await this.#deliver(station, told, 'first');
  }

  async repeat(station: Station): Promise<void> {
    for (const told of this.#unacked) await this.#deliver(station, told, 'again');
  }

  #deliver(station: Station, told: readonly Told[], attempt: 'first' | 'again'): Promise<void> {
    return tell(station, told, {
      attempt,
      ack: () => (this.#unacked = this.#unacked.filter((other) => other !== told)),
    });
  }
}
