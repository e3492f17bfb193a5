// A sensor and what stands between it and the gateway, as far as the gateway's process does not reach: a broker that keeps what
// was not acknowledged and repeats it (`repeats`), or a serial line whose unread bytes are gone with the process.
//
// Every reading can be told from every other by the windows it ends up in. The n-th reading of a device has the value 4^(n mod 26),
// and a window holds fewer than 26 readings in a row: so the digits of a window's sum, to the base of 4, say which readings are in it
// and how often each of them is.

import type { LossReason } from '@weir/shared/model/reading.ts';
import {
  sourceKind,
  type Delivery,
  type Source,
  type SourceContext,
  type SourceKind,
} from '@weir/edge-agent/sources/source.ts';
import * as z from 'zod';
import type { Chance } from './chance.ts';
import type { Life } from './life.ts';
import type { VirtualTime } from './virtual-time.ts';

export const slots = 26;

export interface Issued {
  readonly gateway: string;
  readonly device: string;
  /** Counts up for each device. */
  readonly number: number;
  readonly time: number;
  readonly value: number;
  readonly repeats: boolean;
  /** How often it was handed to the gateway, and when first in the present process. */
  handed: number;
  handedAt: number;
  acknowledged: boolean;
  /** Whatever happens, it may not be lost any more. */
  durable: boolean;
}

/** What may be changed about how readings are handed over. */
export type Handing = (delivery: Delivery) => Delivery;

export interface SensorParts {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly gateway: string;
  readonly name: string;
  readonly repeats: boolean;
  readonly devices: number;
  /** Between two readings of a device, about. */
  readonly everyMs: number;
  /** Told when a reading is handed over and when it is acknowledged. */
  readonly handed: (readings: readonly Issued[]) => void;
  readonly acknowledged: (readings: readonly Issued[]) => void;
}

const maxUnacknowledged = 20;
const maxTogether = 4;
const lineBuffer = 60;

export class Sensor {
  readonly issued: Issued[] = [];
  readonly #parts: SensorParts;
  /** In the order they are handed over. */
  #waiting: Issued[] = [];
  #unacknowledged: Issued[] = [];
  #open: { readonly life: Life; readonly arrived: () => void } | undefined;
  #running = true;

  constructor(parts: SensorParts) {
    this.#parts = parts;
    for (let device = 0; device < parts.devices; device++) void this.#run(`${parts.name}-${device}`);
  }

  get name(): string {
    return this.#parts.name;
  }

  /** Everything is taken and acknowledged. */
  get isThrough(): boolean {
    return !this.#running && this.#waiting.length === 0 && this.#unacknowledged.length === 0;
  }

  /** No more readings. */
  stop(): void {
    this.#running = false;
  }

  /** As the source of one process; the one before is gone. */
  source(life: Life, context: SourceContext, handing: Handing): Source {
    return { open: (signal) => this.#deliveries(life, context, handing, signal) };
  }

  async #run(device: string): Promise<void> {
    const { time, chance, everyMs, gateway, repeats } = this.#parts;
    const own = chance.of(`${this.name} ${device}`);
    await time.wait(own.between(0, everyMs));
    for (let number = 0; this.#running; number++) {
      const reading: Issued = {
        gateway,
        device,
        number,
        time: time.now,
        value: 4 ** (number % slots),
        repeats,
        handed: 0,
        handedAt: Number.NaN,
        acknowledged: false,
        durable: false,
      };
      this.issued.push(reading);
      // Most come at once, some out of order, a few late enough to find their window closed.
      const delay = own.happens(0.8) ? 0 : own.happens(0.8) ? own.between(0, 2 * everyMs) : own.between(0, 90_000);
      time.after(delay, () => this.#arrive(reading));
      await time.wait(own.between(0.8 * everyMs, 1.2 * everyMs));
    }
  }

  #arrive(reading: Issued): void {
    const isHeard = this.#open !== undefined && this.#open.life.alive;
    if (!this.#parts.repeats && (!isHeard || this.#waiting.length >= lineBuffer)) return;
    this.#waiting.push(reading);
    if (isHeard) this.#open?.arrived();
  }

  async *#deliveries(
    life: Life,
    context: SourceContext,
    handing: Handing,
    signal: AbortSignal,
  ): AsyncGenerator<Delivery> {
    const { chance, repeats } = this.#parts;
    let wake: () => void = () => undefined;
    this.#open = { life, arrived: () => wake() };
    const stop = (): void => wake();
    signal.addEventListener('abort', stop);
    // A broker begins with what was not acknowledged; of a line, what nobody read is gone.
    this.#waiting = repeats ? [...this.#unacknowledged, ...this.#waiting] : [];
    this.#unacknowledged = [];
    context.opened();
    while (!signal.aborted) {
      if (this.#waiting.length === 0 || this.#unacknowledged.length >= maxUnacknowledged) {
        if (this.#waiting.length > 0) context.hurry();
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      const isAgain = (this.#waiting[0]?.handed ?? 0) > 0;
      const count = this.#waiting.findIndex(({ handed }) => handed > 0 !== isAgain);
      const together = chance.whole(1, maxTogether);
      const readings = this.#waiting.splice(0, Math.min(together, count < 0 ? together : count));
      if (repeats) this.#unacknowledged.push(...readings);
      yield handing(this.#delivery(life, context, readings, isAgain, () => wake()));
    }
    this.#open = undefined;
  }

  #delivery(
    life: Life,
    { clock, router }: SourceContext,
    issued: readonly Issued[],
    isAgain: boolean,
    freed: () => void,
  ): Delivery {
    const { time, repeats } = this.#parts;
    for (const reading of issued) {
      reading.handed += 1;
      reading.handedAt = time.now;
    }
    this.#parts.handed(issued);
    return {
      readings: issued.map(({ device, time, value }) => {
        const series = router.route(device, 'temperature');
        if (typeof series === 'string') throw new Error(`no series: ${series satisfies LossReason}`);
        return { series, time, value, quality: 'good' as const };
      }),
      deadLetters: [],
      arrival: clock.now(),
      received: clock.monotonicMs(),
      attempt: repeats ? (isAgain ? 'again' : 'first') : 'only',
      ack: () => {
        if (!life.alive) return;
        const done = new Set(issued);
        this.#unacknowledged = this.#unacknowledged.filter((reading) => !done.has(reading));
        this.#parts.acknowledged(issued);
        freed();
      },
    };
  }
}

export const sensorConfig = {
  key: 'sensor',
  schema: z.strictObject({ sensor: z.string() }),
  channels: () => ['temperature'],
};

/** The kind of source that leads to sensors, for one process. */
export function sensorKind(find: (name: string) => Sensor, life: Life, handing: Handing): SourceKind {
  return sourceKind({
    ...sensorConfig,
    make: ({ sensor }, context) => find(sensor).source(life, context, handing),
  });
}
