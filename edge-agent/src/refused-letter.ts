// A reading the gate refused, as a dead letter: for the person who looks at why something is missing.

import type { DeadLetter, LossReason } from '@weir/shared/model/reading.ts';

const refusalTexts: Partial<Record<LossReason, string>> = {
  out_of_range: "outside the signal's range",
  future: 'further ahead of the arrival time than settings.maxAhead; is its clock right?',
  too_late: 'behind the watermark by more than the allowed lateness, or than settings.lateMemory can hold',
  not_a_number: 'not a finite number',
  bad_time: 'no usable event time',
  bad_quality: 'the sensor says the value is bad',
};

/** @param arrival epoch milliseconds */
export function refusedLetter(
  reason: LossReason,
  { device, signal }: { device: string; signal: string },
  reading: { time: number; value: number },
  arrival: number,
): DeadLetter {
  const time =
    Number.isFinite(reading.time) && Math.abs(reading.time) < 8.64e15
      ? new Date(reading.time).toISOString()
      : String(reading.time);
  return {
    reason,
    where: `${device}/${signal}`,
    arrival,
    detail: refusalTexts[reason] ?? reason,
    sample: `${reading.value} at ${time}`,
  };
}
