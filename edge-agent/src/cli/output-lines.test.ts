import { unremarkable } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { expect, it } from 'vitest';
import { describeTransition, paneLine, transitionLine } from './output-lines.ts';

const start = Date.UTC(2024, 0, 1);

function paneOf(pane: Partial<Pane>): Pane {
  return {
    series: { device: 'oven', signal: 'temperature' },
    window: {
      id: '10s',
      shape: { kind: 'tumbling', sizeMs: 10_000, zone: undefined },
      compute: ['mean', 'stddev'],
    },
    start,
    end: start + 10_000,
    timing: 'on_time',
    revision: 0,
    retracted: false,
    count: 1,
    accounted: 1,
    fresh: 1,
    values: [31.5, NaN],
    ...pane,
  };
}

it('a pane says whose it is, from when to when, and what is in it, in this order', () => {
  expect(paneLine(paneOf({}))).toBe(
    '{"pane":"oven/temperature","window":"10s","start":"2024-01-01T00:00:00.000Z","end":"2024-01-01T00:00:10.000Z",' +
      '"revision":0,"count":1,"mean":31.5,"stddev":null}',
  );
});

it.each(['early', 'late'] as const)('a pane says that it is %s', (timing) => {
  expect(JSON.parse(paneLine(paneOf({ timing, revision: 2 })))).toMatchObject({ timing, revision: 2, mean: 31.5 });
});

it('a retracted pane says so and nothing of what was in it', () => {
  const line = paneLine(paneOf({ timing: 'late', revision: 1, retracted: true, count: 0, accounted: 0, fresh: 0 }));
  expect(JSON.parse(line)).toEqual({
    pane: 'oven/temperature',
    window: '10s',
    start: '2024-01-01T00:00:00.000Z',
    end: '2024-01-01T00:00:10.000Z',
    timing: 'late',
    revision: 1,
    retracted: true,
  });
});

it('a window that ends after the last date there is does not stop a replay', () => {
  expect(JSON.parse(paneLine(paneOf({ start: 8.64e15 - 1, end: 8.64e15 + 9999 })))).toMatchObject({
    start: '+275760-09-12T23:59:59.999Z',
    end: '+275760-09-13T00:00:00.000Z',
  });
});

it('a transition is a line of JSON, and a sentence', () => {
  const transition = {
    rule: 'too_hot',
    series: { device: 'oven', signal: 'temperature' },
    state: 'firing' as const,
    severity: 'warning' as const,
    time: start + 2000,
    since: start,
    value: 40,
    ...unremarkable,
  };
  expect(JSON.parse(transitionLine(transition))).toEqual({
    alert: 'too_hot',
    state: 'firing',
    severity: 'warning',
    series: 'oven/temperature',
    time: '2024-01-01T00:00:02.000Z',
    since: '2024-01-01T00:00:00.000Z',
    value: 40,
  });
  expect(describeTransition(transition)).toBe(
    '2024-01-01T00:00:02.000Z too_hot firing (warning) oven/temperature = 40',
  );
  const late = { ...transition, value: NaN, reason: 'nothing of temperature for 5m', quiet: 'late' as const };
  expect(describeTransition(late)).toBe(
    '2024-01-01T00:00:02.000Z too_hot firing (warning) oven/temperature: nothing of temperature for 5m (nobody told: late)',
  );
  expect(JSON.parse(transitionLine(late))).toMatchObject({ reason: late.reason, quiet: 'late' });
});
