// Weir's watermark and windows against the definitions in Apache Flink's documentation, one row a definition. What the rows
// leave between them, flink-model.test.ts looks at.
//
// The same in other words: Flink's Watermark(t) says that no element with a time <= t is expected any more, so its generator
// emits greatest time - bound - 1, an element is late when time <= t, and a window is over when end - 1 <= t. Weir says it
// with the first time that may still come, W = t + 1 = greatest time - bound: late is time < W, over is end <= W. Between
// whole milliseconds there is no difference; of Weir's event times, which may have a fraction, no other one is the last.
//
// Where Weir does otherwise is in a table of its own. Why: a reading is too late, or not, for all windows alike (docs/decisions/
// 006-lateness-by-time.md); a pane's key is the start of its window, so one that is no window any more is retracted; each
// series has a watermark of its own, so no other can move it, and the arrival clock does (014-silence.md).

import { readingOf } from '@weir/shared/testing/plans.ts';
import { Watermark } from '@weir/shared/stream/watermark.ts';
import { describe, expect, test } from 'vitest';
import {
  at,
  expectAsWritten,
  hopping,
  minute,
  of,
  pipelineOf,
  session,
  tick,
  titled,
  tumbling,
  type Row,
} from './flink-row.ts';

// Pages below https://nightlies.apache.org/flink/flink-docs-stable/docs/
const time = 'concepts/time';
const generators = 'dev/datastream/event-time/built_in';
const idle = 'dev/datastream/event-time/generating_watermarks#dealing-with-idle-sources';
const windows = 'dev/datastream/operators/windows';
const tables = 'dev/table/sql/queries/window-tvf';

test.each<[string, number, readonly (readonly [observed: number, watermark: number])[]]>([
  [
    `out of order within a bound: it trails the greatest time by the bound (${generators}#fixed-amount-of-lateness)`,
    20,
    [[100, 80], [90, 80], [130, 110], [129, 110]],
  ],
  [
    `ascending timestamps, bound 0: it is the newest time (${generators}#monotonously-increasing-timestamps)`,
    0,
    [[100, 100], [101, 101], [101, 101], [250, 250]],
  ],
  [`times before 1970 move it as any other (${time}#event-time-and-watermarks)`, 5, [[-100, -105], [-3, -8], [3, -2]]],
])('the watermark, with %s', (_, bound, rows) => {
  const watermark = new Watermark(bound);
  expect(watermark.time).toBe(-Infinity);
  for (const [observed, expected] of rows) {
    watermark.observe(observed);
    expect(watermark.time).toBe(expected);
  }
}); // prettier-ignore

describe('as in Flink:', () => {
  const rows: readonly Row[] = [
    {
      name: 'a window fires when the watermark passes its end, and not before',
      page: `${windows}#interaction-of-watermarks-and-windows`,
      shape: tumbling(10),
      steps: [at(3), at(9), at(10, '[0, 10) on_time 0: 2')],
    },
    {
      name: 'elements within the bound are in their window, whatever their order',
      page: `${generators}#fixed-amount-of-lateness`,
      shape: tumbling(10),
      signal: { disorderMs: 5 },
      steps: [at(12), at(8), at(14), at(9), at(15, '[0, 10) on_time 0: 2')],
    },
    {
      name: 'an element is late when it is behind the watermark, and not when it is at the watermark',
      page: `${generators}#fixed-amount-of-lateness`,
      shape: tumbling(5),
      signal: { disorderMs: 5 },
      steps: [at(20), at(15), at(14), at(25, '[15, 20) on_time 0: 1')],
      lost: { too_late: 1 },
    },
    {
      name: 'a window is created by its first element: one without any never fires',
      page: `${windows}#window-lifecycle`,
      shape: tumbling(10),
      steps: [at(5), at(95, '[0, 10) on_time 0: 1')],
    },
    {
      name: 'the start of a window is in it, its end is not',
      page: `${windows}#window-assigners`,
      shape: tumbling(10),
      steps: [at(10), at(19), at(20, '[10, 20) on_time 0: 2')],
    },
    {
      name: 'tumbling windows are aligned with the epoch, before it too',
      page: `${windows}#tumbling-windows`,
      shape: tumbling(10),
      steps: [at(-11), at(-10, '[-20, -10) on_time 0: 1'), at(-1), at(0, '[-10, 0) on_time 0: 2')],
    },
    {
      name: 'tumbling windows give the sums of the example',
      page: `${tables}#tumble`,
      shape: tumbling(10 * minute),
      unitMs: minute,
      signal: { disorderMs: 1000 },
      steps: [
        of('C', 485, 4),
        of('C', 487, 2),
        of('C', 489, 5),
        of('C', 491, 3, 'C [480, 490) on_time 0: 11'),
        of('C', 493, 1),
        of('C', 497, 6),
        of('C', 501, 0, 'C [490, 500) on_time 0: 10'),
      ],
    },
    {
      name: 'an element is in size / slide sliding windows',
      page: `${windows}#sliding-windows`,
      shape: hopping(10, 5),
      steps: [at(12), at(30, '[5, 15) on_time 0: 1', '[10, 20) on_time 0: 1')],
    },
    {
      name: 'sliding windows are aligned with the epoch, before it too',
      page: `${windows}#sliding-windows`,
      shape: hopping(10, 5),
      steps: [at(-1), at(10, '[-10, 0) on_time 0: 1', '[-5, 5) on_time 0: 1')],
    },
    {
      name: 'sliding windows give the sums of the example',
      page: `${tables}#hop`,
      shape: hopping(10 * minute, 5 * minute),
      unitMs: minute,
      signal: { disorderMs: 1000 },
      steps: [
        of('C', 485, 4),
        of('C', 487, 2),
        of('C', 489, 5),
        of('C', 491, 3, 'C [480, 490) on_time 0: 11'),
        of('C', 493, 1),
        of('C', 497, 6, 'C [485, 495) on_time 0: 15'),
        of('C', 600, 0, 'C [490, 500) on_time 0: 10', 'C [495, 505) on_time 0: 6'),
      ],
    },
    {
      name: 'elements closer than the gap are one session, whatever their order',
      page: `${windows}#session-windows`,
      shape: session(10),
      signal: { disorderMs: 20 },
      steps: [at(0), at(15), at(8), at(60, '[0, 25) on_time 0: 3')],
    },
    // So says the page. Flink's own TimeWindow.intersects takes windows that only touch for one, Beam's does not.
    {
      name: 'elements exactly a gap apart are not closer than the gap: they are two sessions',
      page: `${windows}#session-windows`,
      shape: session(10),
      signal: { disorderMs: 20 },
      steps: [at(0), at(10), at(19), at(60, '[0, 10) on_time 0: 1', '[10, 29) on_time 0: 2')],
    },
    {
      name: 'sessions, key by key, give the sums of the example',
      page: `${tables}#session`,
      shape: session(5 * minute),
      unitMs: minute,
      signal: { disorderMs: 1000, latenessMs: minute },
      steps: [
        of('A', 487, 4),
        of('A', 486, 2),
        of('B', 489, 5),
        of('A', 488, 3),
        of('B', 497, 1, 'B [489, 494) on_time 0: 5'),
        of('A', 600, 0, 'A [486, 493) on_time 0: 9'),
        of('B', 600, 0, 'B [497, 502) on_time 0: 1'),
      ],
    },
    {
      name: 'without an allowed lateness an element that comes when its window is over is dropped',
      page: `${windows}#allowed-lateness`,
      shape: tumbling(10),
      steps: [at(5), at(10, '[0, 10) on_time 0: 1'), at(9), at(20, '[10, 20) on_time 0: 1')],
      lost: { too_late: 1 },
    },
    {
      name: 'a late element within the allowed lateness makes its window fire again, with all that is in it',
      page: `${windows}#late-elements-considerations`,
      shape: tumbling(10),
      signal: { latenessMs: 20 },
      steps: [at(5), at(10, '[0, 10) on_time 0: 1'), at(9, '[0, 10) late 1: 2'), at(4, '[0, 10) late 2: 3')],
    },
    {
      name: 'elements are dropped, and counted, from the end of the window plus the allowed lateness on',
      page: `${windows}#window-lifecycle`,
      shape: tumbling(5),
      signal: { latenessMs: 1 },
      steps: [at(0), at(5, '[0, 5) on_time 0: 1'), at(4, '[0, 5) late 1: 2'), at(6), at(4), at(4)],
      lost: { too_late: 2 },
    },
    {
      name: 'a late element makes every sliding window fire again that it is in and that is over',
      page: `${windows}#late-elements-considerations`,
      shape: hopping(10, 5),
      signal: { latenessMs: 20 },
      steps: [
        at(7),
        at(12, '[0, 10) on_time 0: 1'),
        at(8, '[0, 10) late 1: 2'),
        at(15, '[5, 15) on_time 0: 3'),
        at(9, '[0, 10) late 2: 3', '[5, 15) late 1: 4'),
      ],
    },
    {
      name: 'an input that is silent holds back no other',
      page: idle,
      shape: tumbling(10),
      steps: [of('silent', 5, 1), of('busy', 5, 1), of('busy', 10, 1, 'busy [0, 10) on_time 0: 1')],
    },
    {
      name: 'an input that speaks again is as it was before',
      page: idle,
      shape: tumbling(1000),
      steps: [at(500), tick(30_000, '[0, 1000) on_time 0: 1'), at(1500), at(2000, '[1000, 2000) on_time 0: 1')],
    },
  ];

  test.each(titled(rows))('%s', (_, row) => expectAsWritten(row));

  test(`what is kept of a window goes when its lateness is over (${windows}#window-lifecycle)`, () => {
    const pipeline = pipelineOf({ shape: tumbling(5), signal: { latenessMs: 5 } });
    const held = [0, 5, 10, 20].map((time) => {
      pipeline.ingest(readingOf(pipeline, time), 0);
      pipeline.drain();
      return Math.sign(pipeline.states()[0]?.heldBytes ?? NaN);
    });
    expect(held).toStrictEqual([0, 1, 1, 0]);
  });
});

describe('other than Flink, on purpose:', () => {
  const rows: readonly Row[] = [
    {
      name: 'what is behind the watermark by more than the lateness is refused, where Flink takes it while its window lives',
      page: `${windows}#allowed-lateness`,
      shape: tumbling(10),
      steps: [at(7), at(3), at(10, '[0, 10) on_time 0: 1')],
      lost: { too_late: 1 },
    },
    {
      name: 'it is the lateness that lets it in; only then is the watermark not the limit',
      page: `${windows}#allowed-lateness`,
      shape: tumbling(10),
      signal: { latenessMs: 4 },
      steps: [at(7), at(3), at(2), at(10, '[0, 10) on_time 0: 2')],
      lost: { too_late: 1 },
    },
    {
      name: 'a late element that joins two sessions retracts the second, where in Flink both firings stay',
      page: `${windows}#late-elements-considerations`,
      shape: session(10),
      signal: { latenessMs: 100 },
      steps: [
        at(0),
        at(15, '[0, 10) on_time 0: 1'),
        at(30, '[15, 25) on_time 0: 1'),
        at(8, '[15, 25) retracted', '[0, 25) late 1: 3'),
      ],
    },
    {
      name: 'a silent input has its windows closed, where in Flink they wait for another input to move the watermark',
      page: idle,
      shape: tumbling(1000),
      steps: [at(500), tick(29_999), tick(30_000, '[0, 1000) on_time 0: 1')],
    },
    {
      name: 'but not before they are over by the arrival clock',
      page: idle,
      shape: tumbling(minute),
      steps: [at(500), tick(30_000), tick(59_499), tick(59_500, '[0, 60000) on_time 0: 1')],
    },
  ];

  test.each(titled(rows))('%s', (_, row) => expectAsWritten(row));
});
