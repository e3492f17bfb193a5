// Opens a source as the agent does and gathers what it gives.

import { SeriesTable } from '@weir/shared/model/series.ts';
import { onTestFinished } from 'vitest';
import { Router } from '../sources/router.ts';
import type { Delivery, SourceKind } from '../sources/source.ts';
import { systemClock, type Clock } from '../time/clock.ts';

interface PullerOptions {
  readonly channels?: readonly string[];
  readonly paused?: boolean;
  readonly clock?: Clock;
}

export class Puller {
  readonly deliveries: Delivery[] = [];
  /** `device/signal = value`, in the order they came. */
  readonly readings: string[] = [];
  opened = 0;
  /** What is wrong with a part of it, as last said. */
  trouble: string | undefined;
  hurried = 0;
  /** Devices that are not well, with what is wrong. */
  readonly problems = new Map<string, string>();
  /** What the source threw. */
  error: unknown;
  ended = false;
  readonly #series = new SeriesTable(1000);
  readonly #end = new AbortController();
  readonly #done: Promise<void>;
  #goOn: (() => void) | undefined;
  #paused: boolean;

  /** Call it inside a test. @param channels each is a signal of the same name */
  constructor(kind: SourceKind, raw: object, options: PullerOptions = {}) {
    this.#paused = options.paused ?? false;
    const channels = options.channels ?? ['temp', 'rh'];
    const source = kind.make(
      { kind: kind.key, raw },
      {
        id: 'board',
        gateway: 'bench',
        base: '/',
        data: '/',
        clock: options.clock ?? systemClock,
        router: new Router(new Map(channels.map((channel) => [channel, channel])), this.#series),
        random: () => 0.5,
        device: (name, problem) => {
          if (problem === undefined) this.problems.delete(name);
          else this.problems.set(name, problem);
        },
        opened: () => {
          this.opened += 1;
          this.trouble = undefined;
        },
        trouble: (detail) => void (this.trouble = detail),
        hurry: () => void (this.hurried += 1),
      },
    );
    this.#done = this.#pull(source.open(this.#end.signal));
    onTestFinished(() => this.end());
  }

  get deadLetters() {
    return this.deliveries.flatMap(({ deadLetters }) => deadLetters);
  }

  ackAll(): void {
    for (const { ack } of this.deliveries.splice(0)) ack();
  }

  /** Pulls on, when made `paused`. */
  resume(): void {
    this.#paused = false;
    this.#goOn?.();
  }

  /** Closes the source, as the agent does when it stops. */
  async end(): Promise<void> {
    this.#end.abort();
    this.resume();
    await this.#done;
  }

  async #pull(source: AsyncIterable<Delivery>): Promise<void> {
    try {
      for await (const delivery of source) {
        this.deliveries.push(delivery);
        for (const { series, value } of delivery.readings) {
          const { device, signal } = this.#series.at(series);
          this.readings.push(`${device}/${signal} = ${value}`);
        }
        if (this.#paused) await new Promise<void>((resolve) => (this.#goOn = resolve));
      }
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }
}
