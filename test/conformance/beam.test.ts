// Weir's windows mean what Apache Beam's mean, as far as both have them: Beam's transcripts, every document of the file; and
// that the runner tells a good transcript from a bad one, and says which it cannot play.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readTranscripts, type Inexpressible, type Transcript } from './beam-transcript.ts';
import { fault, type Way } from './beam.ts';

const path = join(import.meta.dirname, '../../../shared/data/beam/trigger_transcripts.yaml');
const isThere = existsSync(path);
const text = isThere ? readFileSync(path, 'utf8') : '';
const documents = readTranscripts(text);

// As text of its own: of a field, the name of a test shows the beginning only.
const played = documents.flatMap((document): [string, Transcript][] =>
  'steps' in document ? [[document.name, document]] : [],
);
const good = played.filter(([, { error }]) => error === undefined);
const bad = played.filter(([, { error }]) => error !== undefined);
const named = documents.filter((document): document is Inexpressible => 'reason' in document);

const ways: readonly [string, Way][] = [
  ['as it is', {}],
  ['with the elements of an input the other way round', { reversed: true }],
  ['with a restart after every step', { restarted: true }],
];

describe.skipIf(!isThere)('the transcripts of Apache Beam, from the folder beside the project', () => {
  describe.each(ways)('%s', (_, way) => {
    test.each(good)('%s: every pane is as expected', (_, transcript) => {
      expect(fault(transcript, way)).toBeUndefined();
    });

    test.each(bad)('%s is rejected with the error it names', (_, transcript) => {
      expect(fault(transcript, way)).toMatch(new RegExp(`^${transcript.error}: `));
    });
  });

  for (const { name, reason } of named) {
    test.skipIf(true)(`${name} cannot be played: ${reason}`, () => expect.unreachable());
  }

  test('of all documents of the file, each is played, rejected or skipped by name, and none is left out', () => {
    const names = [...text.matchAll(/^name: *(.*?) *$/gm)].map(([, name]) => name);
    expect(names.length).toBe(text.split(/^---$/m).length);
    expect(documents.map(({ name }) => name)).toStrictEqual(names);
    expect(good.length + bad.length + named.length).toBe(names.length);
    // The README beside the file: what Weir cannot say was left out when it was put there.
    expect({ good: good.length, bad: bad.length, named }).toStrictEqual({ good: 7, bad: 5, named: [] });
  });
});

/** A document, with everything that a test does not speak about filled in; undefined leaves a line out. */
function documentOf(lines: Readonly<Record<string, string | undefined>>, ...steps: readonly string[]): string {
  const all = { name: 'ours', window_fn: 'FixedWindows(10)', trigger_fn: 'Default', ...lines };
  const head = Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`]));
  return [...head, 'transcript:', ...(steps.length === 0 ? ['  - watermark: 5'] : steps.map((step) => `  - ${step}`))]
    .join('\n')
    .concat('\n');
}

function faultOf(lines: Readonly<Record<string, string>>, ...steps: readonly string[]): string | undefined {
  const [document] = readTranscripts(documentOf(lines, ...steps));
  if (document === undefined || 'reason' in document) throw new Error(document?.reason ?? 'there is no document');
  return fault(document);
}

test.each<[string, RegExp, string]>([
  ['discarding panes', /accumulate/, documentOf({ accumulation_mode: 'discarding' })],
  ['a lateness', /allowed_lateness/, documentOf({ allowed_lateness: '10' })],
  [
    'a window function of its own',
    /CustomTimestamping/,
    documentOf({ window_fn: 'CustomTimestampingFixedWindows(10)' }),
  ],
  ['an offset', /FixedWindows\(10, 5\)/, documentOf({ window_fn: 'FixedWindows(10, 5)' })],
  ['a sliding window without a period', /SlidingWindows\(10\)/, documentOf({ window_fn: 'SlidingWindows(10)' })],
  ['no window at all', /GlobalWindows/, documentOf({ window_fn: undefined })],
  ['a trigger by count alone', /AfterCount\(2\)/, documentOf({ trigger_fn: 'AfterCount(2)' })],
  ['no late panes', /last one/, documentOf({ trigger_fn: 'AfterWatermark(early=AfterCount(2))' })],
  ['a look into state', /"state"/, documentOf({}, 'state: { present: [[0, 9]] }')],
  ['a clock', /"clock"/, documentOf({}, 'clock: 5')],
  ['two actions in one step', /input, watermark/, documentOf({}, '{ input: [1], watermark: 5 }')],
  ['a pane that is the last one', /final/, documentOf({}, 'expect: [{ window: [0, 9], final: true }]')],
  ['a pane of which something else is expected', /colour/, documentOf({}, 'expect: [{ window: [0, 9], colour: 1 }]')],
  ['a field nobody knows', /side_inputs/, documentOf({ side_inputs: '[]' })],
  ['a time that is no whole number', /expected int/i, documentOf({}, 'input: [1.5]')],
  ['no transcript', /transcript/, 'name: ours\n'],
  ['broken YAML', /flow/i, 'name: ours\ntranscript: [\n'],
  [
    'counts in two windows',
    /window by window/,
    documentOf({ trigger_fn: 'AfterWatermark(early=AfterCount(2), late=AfterCount(1))' }, 'input: [1, 11]'),
  ],
  [
    'counts in two sessions',
    /window by window/,
    documentOf({ window_fn: 'Sessions(10)', trigger_fn: 'AfterWatermark(late=AfterCount(2))' }, 'input: [1, 11]'),
  ],
])('a document with %s is not played, and says why', (_, reason, document) => {
  expect(readTranscripts(document)).toStrictEqual([{ name: 'ours', reason: expect.stringMatching(reason) }]);
});

test('a document without a name is called by its place', () => {
  const nameless = 'transcript: []\n';
  expect(readTranscripts(`${documentOf({})}---\n${nameless}`).map(({ name }) => name)).toStrictEqual([
    'ours',
    'document 2',
  ]);
});

test('sliding windows: an element is in size / period windows, and a late one restates each of them', () => {
  const expected = (late: string) => [
    'input: [12]',
    'watermark: 30',
    'expect: [{ window: [5, 14], values: [12], index: 0, late: false }, { window: [10, 19], values: [12], index: 0 }]',
    'input: [13]',
    `expect: [${late}, { window: [5, 14], values: [12, 13], index: 1, nonspeculative_index: 1, late: true }]`,
  ];
  const sliding = { window_fn: 'SlidingWindows(10, 5)' };
  expect(faultOf(sliding, ...expected('{ window: [10, 19], values: [13, 12], late: true }'))).toBeUndefined();
  expect(faultOf(sliding, ...expected('{ window: [0, 9], values: [12, 13] }'))).toMatch(/^Unmatched output: /);
});

test('late data joins two sessions into one pane, whatever was said of the second', () => {
  const steps = [
    'input: [1, 15]',
    'watermark: 30',
    'expect: [{ window: [1, 10] }, { window: [15, 24] }]',
    'input: [8]',
  ];
  const expected = 'expect: [{ window: [1, 24], values: [1, 8, 15], late: true, index: 1 }]';
  expect(faultOf({ window_fn: 'Sessions(10)' }, ...steps, expected)).toBeUndefined();
});

test('late panes by count wait for their elements one pane after the other', () => {
  const trigger = { trigger_fn: 'AfterWatermark(late=AfterCount(2))' };
  const pane = (values: string, index: number) =>
    `expect: [{ window: [0, 9], values: ${values}, index: ${index}, nonspeculative_index: ${index}, early: false }]`;
  const onTime = ['input: [1, 2, 3]', 'watermark: 10', pane('[1, 2, 3]', 0)];
  const late = ['input: [4]', 'input: [5]', pane('[1, 2, 3, 4, 5]', 1)];
  const later = ['input: [6]', 'input: [7]', pane('[1, 2, 3, 4, 5, 6, 7]', 2)];
  expect(faultOf(trigger, ...onTime, ...late, ...later)).toBeUndefined();
});

const panes = ['input: [1, 2, 3]', 'watermark: 10'];

test.each<[string, string]>([
  ['start', '{ window: [1, 9] }'],
  ['end', '{ window: [0, 10] }'],
  ['number of elements', '{ window: [0, 9], values: [1, 1, 1, 3] }'],
  ['sum', '{ window: [0, 9], values: [1, 1, 3] }'],
  ['least element', '{ window: [0, 9], values: [0, 3, 3] }'],
  ['greatest element', '{ window: [0, 9], values: [1, 1, 4] }'],
  ['index', '{ window: [0, 9], index: 1 }'],
  ['index among those that are not early', '{ window: [0, 9], nonspeculative_index: 1 }'],
  ['being early', '{ window: [0, 9], early: true }'],
  ['being late', '{ window: [0, 9], late: true }'],
])('a pane whose %s is expected to be another is unmatched', (_, expected) => {
  const right = '{ window: [0, 9], values: [3, 2, 1], index: 0, nonspeculative_index: 0, early: false, late: false }';
  expect(faultOf({}, ...panes, `expect: [${right}]`)).toBeUndefined();
  expect(faultOf({}, ...panes, `expect: [${expected}]`)).toMatch(/^Unmatched output: /);
});

test('one pane matches one expectation, and every pane is expected', () => {
  const once = '{ window: [0, 9] }';
  expect(faultOf({}, ...panes, `expect: [${once}, ${once}]`)).toMatch(/^Unmatched output: .*among \[\]$/);
  expect(faultOf({}, ...panes, 'expect: []', 'watermark: 20')).toMatch(/^Unexpected output: .*before/);
  expect(faultOf({}, ...panes, 'expect: []')).toMatch(/^Unexpected output: .*at the end$/);
});
