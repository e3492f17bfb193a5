// What a block leaves out comes back all the same.

import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ByteWriter } from '../model/bytes.ts';
import { writeColumn } from '../model/columns.ts';
import type { Pane, Statistic } from '../model/pane.ts';
import { fromPaneBlock, toPaneBlock } from './pane-block.ts';
import { lengthened, shortened } from './series-list.ts';
import { PaneBlockSchema } from './weir_pb.js';
import { WireError } from './wire-error.ts';

function windowOf(compute: readonly Statistic[]): Pane['window'] {
  return { id: '1m', shape: { kind: 'tumbling', sizeMs: 60_000, zone: undefined }, compute };
}

/** The pane of readings as sensors say them. */
function paneOf(window: Pane['window'], index: number, readings: readonly number[], more: Partial<Pane> = {}): Pane {
  const count = readings.length;
  const known: Partial<Record<Statistic, number>> = {
    mean: readings.reduce((sum, reading) => sum + reading, 0) / count,
    min: Math.min(...readings),
    max: Math.max(...readings),
    first: readings[0] ?? NaN,
  };
  return {
    series: { device: 'oven', signal: 'temperature' },
    window,
    start: index * 60_000,
    end: index * 60_000 + 60_000,
    timing: 'on_time',
    revision: 0,
    retracted: false,
    count,
    accounted: count,
    fresh: count,
    values: window.compute.map((statistic) => known[statistic] ?? NaN),
    ...more,
  };
}

const decimals = fc
  .record({
    digits: fc.nat(4),
    readings: fc.array(fc.integer({ min: -99_999, max: 99_999 }), { minLength: 1, maxLength: 70 }),
  })
  .map(({ digits, readings }) => readings.map((reading) => reading / 10 ** digits));
const anything = fc.array(fc.double(), { minLength: 1, maxLength: 5 });

describe('statistics in a block', () => {
  it.each<[string, readonly Statistic[]]>([
    ['mean, min and max', ['mean', 'min', 'max']],
    ['max, first, min and mean', ['max', 'first', 'min', 'mean']],
    ['a mean alone', ['mean']],
    ['min and max', ['min', 'max']],
    ['a max without a min', ['max', 'mean']],
    ['neither', ['first']],
  ])('come back bit for bit: %s', (_, compute) => {
    const window = windowOf(compute);
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 20, arbitrary: decimals }, anything), { maxLength: 20 }), (all) => {
        const panes = all.map((readings, index) => paneOf(window, index, readings));
        expect(fromPaneBlock(toPaneBlock(window, panes))).toStrictEqual(panes);
      }),
    );
  });

  const window = windowOf(['mean', 'min', 'max']);
  const readings = (index: number): number[] =>
    Array.from({ length: 60 }, (__, second) => Math.round(600 + 50 * Math.sin(index / 9) + ((second * 7) % 13)) / 10);
  const panes = Array.from({ length: 500 }, (__, index) => paneOf(window, index, readings(index)));

  it('take a few bytes each where readings are decimal', () => {
    const block = toPaneBlock(window, panes);
    expect(block.decimals).toBe(2);
    expect(block.columns.length / panes.length).toBeLessThan(6.5);
    expect(fromPaneBlock(block)).toStrictEqual(panes);
  });

  it('are written as they are where one of them is no mean of decimals', () => {
    const odd = [...panes, { ...paneOf(window, 500, [1]), values: [Math.PI, 1, 1] }];
    const block = toPaneBlock(window, odd);
    expect(block.decimals).toBe(0);
    expect(fromPaneBlock(block)).toStrictEqual(odd);
  });
});

test.each<[string, Partial<Pane>, number]>([
  ['all usual', {}, 31],
  ['early', { timing: 'early' }, 30],
  ['a later revision', { revision: 3 }, 29],
  ['retracted', { retracted: true, count: 0, accounted: 0, fresh: 0, values: [NaN] }, 27],
  ['accounted more than counted', { accounted: 2, fresh: 2 }, 23],
  ['not fresh', { fresh: 0 }, 15],
])('columns are left out where all panes are usual; %s', (_, more, usual) => {
  const window = windowOf(['mean']);
  const panes = [paneOf(window, 0, [20]), paneOf(window, 1, [20], more)];
  const block = toPaneBlock(window, panes);
  expect(block.usual).toBe(usual);
  expect(fromPaneBlock(block)).toStrictEqual(panes);
});

test.each([
  ['columns to leave out that nobody knows', { usual: 32 }, /usual 32/],
  ['more digits than there can be', { decimals: 8 }, /decimals 8/],
  ['decimals, without the column behind', { decimals: 1 }, /columns/],
])('%s are refused', (_, wrong, message) => {
  const window = windowOf(['mean']);
  const good = toPaneBlock(window, [paneOf(window, 0, [Math.PI])]);
  expect(fromPaneBlock(good)).toHaveLength(1);
  expect(() => fromPaneBlock(create(PaneBlockSchema, { ...good, ...wrong }))).toThrow(WireError);
  expect(() => fromPaneBlock(create(PaneBlockSchema, { ...good, ...wrong }))).toThrow(message);
});

test('means that are off by half a step are refused', () => {
  const window = windowOf(['mean']);
  const good = toPaneBlock(window, [paneOf(window, 0, [20])]);
  const [whole, half] = [0, 0.5].map((number) => {
    const to = new ByteWriter();
    writeColumn(to, Float64Array.of(number), 1);
    return to.take();
  });
  const before = good.columns.subarray(0, good.columns.length - (whole?.length ?? 0));
  expect(Uint8Array.of(...before, ...(whole ?? []))).toEqual(good.columns);
  const columns = Uint8Array.of(...before, ...(half ?? []));
  expect(() => fromPaneBlock(create(PaneBlockSchema, { ...good, columns }))).toThrow(WireError);
});

describe('the series of a block', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'oven', 'temperature');

  it('come back, whatever their order', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ device: name, signal: name })), (series) => {
        expect(lengthened(shortened(series))).toEqual(series);
      }),
    );
  });

  it('say their names once where devices are of one kind', () => {
    const series = ['a', 'b', 'c'].flatMap((device) => ['t', 'rh', 'p'].map((signal) => ({ device, signal })));
    const said = shortened(series).flatMap(({ device, signal }) => [device, signal].filter((text) => text !== ''));
    expect(said).toEqual(['a', 't', 'rh', 'p', 'b', 't', 'c']);
  });

  it('are refused when the first one leaves out what nobody has said', () => {
    expect(() => lengthened([{ device: '', signal: 't' }])).toThrow(WireError);
    expect(() => lengthened([{ device: 'a', signal: '' }])).toThrow(WireError);
  });
});
