// Sensors whose clock is wrong: what they say is stamped with the gateway's time, and somebody is told.
//
// A clock that runs ahead is known by readings from the future, beyond what `maxAhead` allows. How far it runs ahead is its largest
// lead over the arrival seen lately, that of the reading that was on its way for the shortest time; every reading from the future
// is put back by that much, so that the intervals between them stay. A delivery is looked at as a whole before any of it is stamped: a
// device that sends an hour's readings at once, oldest first, keeps their intervals too.
//
// A reading that is not from the future is left as it is, also of a device whose clock ran ahead a moment ago: somebody has set it.
// A clock that is behind is not told from a reading that was kept back, and that is what allowed lateness is for: bands sync at night. Only
// an event time from before this century belongs to a clock that was never set, and is put right like one that runs ahead.

/** Sensors that say an earlier time were never told the time. */
const neverSetMs = Date.UTC(2000, 0, 1);
/** Leads are remembered for one to two of these: so long a clock that was put back a little is taken for what it was. */
const recentMs = 300_000;
/** A lead that is so much smaller is that of a clock that was set, or was garbled before. */
const otherMs = 1_800_000;
/** A clock is right again when it has been right for so long. */
const wellAfterMs = 60_000;
/** Devices that are remembered as wrong; beyond it each delivery is judged by itself. */
const maxDevices = 10_000;

export interface WrongClock {
  readonly device: string;
  /** How far its clock is ahead of the gateway's; negative when it is behind. */
  readonly aheadMs: number;
  /** Readings that were stamped with the gateway's time since it went wrong. */
  readonly stamped: number;
}

interface Device {
  readonly name: string;
  /** Largest lead over the arrival in the present piece of time, and in the one before. */
  lead: number;
  leadBefore: number;
  pieceEnd: number;
  lastWrong: number;
  stamped: number;
}

export class DeviceClocks {
  /** A reading further ahead of its arrival than this is from the future; Infinity while nobody knows what time it is. */
  readonly #maxAheadMs: number;
  readonly #wrong = new Map<string, Device>();
  /** Readings stamped since the start. */
  #stamped = 0;

  constructor(maxAheadMs: number) {
    this.#maxAheadMs = maxAheadMs;
  }

  get stamped(): number {
    return this.#stamped;
  }

  /**
   * @param readings one delivery @param arrival epoch milliseconds, as the pipeline is told @param deviceOf whose clock it is
   * @returns the same with event times put right: the very same array when nothing is wrong
   */
  stamp<R extends { readonly time: number }>(
    readings: readonly R[],
    arrival: number,
    deviceOf: (reading: R) => string,
  ): readonly R[] {
    let wrong: Map<string, { lead: number; count: number }> | undefined;
    for (const reading of readings) {
      if (!this.#isWrong(reading.time, arrival)) continue;
      wrong ??= new Map();
      const name = deviceOf(reading);
      const said = wrong.get(name) ?? { lead: -Infinity, count: 0 };
      wrong.set(name, { lead: Math.max(said.lead, reading.time - arrival), count: said.count + 1 });
    }
    if (wrong === undefined) return readings;
    for (const [name, { lead, count }] of wrong) this.#learn(name, lead, count, arrival);
    return readings.map((reading) => {
      if (!this.#isWrong(reading.time, arrival)) return reading;
      return { ...reading, time: reading.time - this.#ahead(deviceOf(reading)) };
    });
  }

  /** The devices whose clock is wrong at present. @param now arrival time: those that are well are forgotten */
  look(now: number): readonly WrongClock[] {
    for (const device of this.#wrong.values()) {
      if (now - device.lastWrong >= wellAfterMs) this.#wrong.delete(device.name);
    }
    return [...this.#wrong.values()].map(({ name, lead, leadBefore, stamped }) => ({
      device: name,
      aheadMs: Math.max(lead, leadBefore),
      stamped,
    }));
  }

  #isWrong(time: number, arrival: number): boolean {
    return time > arrival + this.#maxAheadMs || (time < neverSetMs && arrival >= neverSetMs);
  }

  /** @param lead the largest of a delivery @param count readings that are wrong */
  #learn(name: string, lead: number, count: number, arrival: number): void {
    const device = this.#wrong.get(name) ?? this.#admit(name);
    if (lead < Math.max(device.lead, device.leadBefore) - otherMs) device.lead = device.leadBefore = -Infinity;
    if (arrival >= device.pieceEnd) {
      device.leadBefore = arrival < device.pieceEnd + recentMs ? device.lead : -Infinity;
      device.lead = -Infinity;
      device.pieceEnd = arrival + recentMs;
    }
    device.lead = Math.max(device.lead, lead);
    device.lastWrong = arrival;
    device.stamped += count;
    this.#stamped += count;
  }

  #admit(name: string): Device {
    if (this.#wrong.size >= maxDevices) {
      const [oldest] = this.#wrong.keys();
      if (oldest !== undefined) this.#wrong.delete(oldest);
    }
    const device = {
      name,
      lead: -Infinity,
      leadBefore: -Infinity,
      pieceEnd: -Infinity,
      lastWrong: -Infinity,
      stamped: 0,
    };
    this.#wrong.set(name, device);
    return device;
  }

  #ahead(name: string): number {
    const device = this.#wrong.get(name);
    return device === undefined ? 0 : Math.max(device.lead, device.leadBefore);
  }
}

/** For the person who can set it. */
export function describeWrongClock({ aheadMs, stamped }: WrongClock): string {
  const how = aheadMs > 0 ? `runs ${roughly(aheadMs)} ahead` : 'was never set';
  const what = aheadMs > 0 ? 'set the clock' : 'set the clock, or look whether "timeUnit" is right';
  return `${how}; ${stamped} readings are stamped with the gateway's time; ${what}`;
}

/** A duration as people say it. */
export function roughly(ms: number): string {
  const [count, unit] =
    ms < 120_000
      ? [ms / 1000, 's']
      : ms < 7_200_000
        ? [ms / 60_000, 'min']
        : ms < 172_800_000
          ? [ms / 3_600_000, 'h']
          : [ms / 86_400_000, 'days'];
  return `${Math.round(count)} ${unit}`;
}
