// Faults in a recording: the same rows, as a broken sensor and a bad link would have left them. Pure, but for the order of the rows.

import type { Row } from './csv-rows.ts';
import { FaultTrack, type Truth } from './faults.ts';
import type { Random } from './random.ts';
import type { Fault } from './scenario.ts';
import { isSensorFault, SensorFaults } from './sensor-faults.ts';

/** Faults a recording can have: those of a sensor, and that nothing comes. */
export type InjectedFault = Exclude<Fault, { kind: 'overheat' | 'clock-ahead' | 'garble' }>;

export function canBeInjected(fault: Fault): fault is InjectedFault {
  return isSensorFault(fault) || fault.kind === 'dropout';
}

/**
 * Times of faults count from the first row.
 * @param rows in the order of their times
 * @param report hears of each fault when it is over
 */
export function* inject(
  rows: Iterable<Row>,
  faults: readonly InjectedFault[],
  random: Random,
  report: (truth: Truth) => void,
): Generator<Row, void, undefined> {
  let sensor: SensorFaults | undefined;
  let dropouts: FaultTrack[] = [];
  let lastMs = 0;
  for (const { timeMs, values } of rows) {
    if (sensor === undefined) {
      sensor = new SensorFaults(faults, timeMs, random, report);
      dropouts = faults.filter(({ kind }) => kind === 'dropout').map((fault) => new FaultTrack(fault, timeMs, report));
    }
    lastMs = timeMs;
    const measured = Object.entries(values).map(([signal, value]) => ({ signal, value }));
    const shown = sensor.apply(measured, timeMs);
    const holding = dropouts.filter((track) => track.holds(timeMs));
    for (const track of holding) track.affect(measured.length);
    if (holding.length === 0)
      yield { timeMs, values: Object.fromEntries(shown.map(({ signal, value }) => [signal, value])) };
  }
  for (const track of dropouts) track.close(lastMs);
  sensor?.close(lastMs);
}
