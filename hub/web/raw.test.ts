import { describe, expect, it } from 'vitest';
import type { AlertView, RawRequestView } from '../src/http/views.ts';
import { alignTracks, rawLine } from './chart-data.ts';
import {
  alertRaw,
  change,
  hide,
  noRaw,
  rangeOfAlert,
  rangeOfChart,
  rawNote,
  requestOfAlert,
  requestsOf,
  show,
  takeRequests,
  type RawPoint,
  type RawShown,
} from './raw.ts';
import { alertOf, pointOf, trackOf } from './sample-views.ts';

const minute = 60_000;
const names = { gateway: 'line-3', device: 'tempering', signal: 'temperature' };

function requestOf(part: Partial<RawRequestView> = {}): RawRequestView {
  const range = { from: 0, to: minute, why: 'asked', asked: 5 * minute };
  return { id: '1-1', ...names, ...range, sent: true, done: null, readings: 0, shortfall: '', ...part };
}

function shownOf(part: Partial<RawShown> = {}): RawShown {
  const { gateway, signal } = names;
  return { gateway, signal, devices: ['tempering'], from: 0, to: minute, trouble: '', readings: new Map(), ...part };
}

function points(...times: number[]): RawPoint[] {
  return times.map((time) => ({ time, value: time / 1000, quality: 'good' }));
}

function requests(...all: RawRequestView[]): ReadonlyMap<string, RawRequestView> {
  return takeRequests(noRaw, all).requests;
}

function firedAt(fired: number): AlertView {
  return alertOf({ since: fired, fired });
}

describe('requests for raw readings', () => {
  it('stay done, whatever an answer from before says', () => {
    const done = takeRequests(noRaw, [requestOf({ done: 9, readings: 60 })]);
    expect(takeRequests(done, [requestOf()]).requests.get('1-1')).toMatchObject({ done: 9, readings: 60 });
    expect(takeRequests(takeRequests(noRaw, [requestOf()]), [requestOf({ done: 9 })]).requests.get('1-1')?.done).toBe(
      9,
    );
  });

  it('of which there are too many are the newest', () => {
    const many = Array.from({ length: 1200 }, (_, index) => requestOf({ id: `${index}-1`, asked: index }));
    const kept = [...requests(...many).values()];
    expect(kept).toHaveLength(1000);
    expect(Math.min(...kept.map(({ asked }) => asked))).toBe(200);
  });

  it('belong to what is on show by series and time', () => {
    const all = requests(
      requestOf({ id: 'before', from: -minute, to: 0 }),
      requestOf({ id: 'into', from: -minute, to: 1 }),
      requestOf({ id: 'behind', from: minute, to: 2 * minute }),
      requestOf({ id: 'other', device: 'oven' }),
      requestOf({ id: 'elsewhere', gateway: 'line-4' }),
      requestOf({ id: 'wet', signal: 'humidity' }),
    );
    expect(requestsOf(all, shownOf()).map(({ id }) => id)).toEqual(['into']);
    expect(requestsOf(all, shownOf({ devices: ['tempering', 'oven'] }), 'oven').map(({ id }) => id)).toEqual(['other']);
  });
});

describe('the range of raw readings', () => {
  it('of a chart is what is visible, at most its last hour and not beyond now', () => {
    const track = trackOf([pointOf(0, 1), pointOf(10_000, 2)]);
    const expected = { gateway: 'line-3', signal: 'temperature', devices: ['tempering'], from: 0, to: 20_000 };
    expect(rangeOfChart([track], minute)).toEqual(expected);
    expect(rangeOfChart([track], 15_000)).toMatchObject({ from: 0, to: 15_000 });
    const long = trackOf([pointOf(0, 1), pointOf(90 * minute, 2)]);
    expect(rangeOfChart([long], 200 * minute)).toMatchObject({ from: 30 * minute + 10_000, to: 90 * minute + 10_000 });
    expect(rangeOfChart([trackOf([])], minute)).toBeUndefined();
    expect(rangeOfChart([], minute)).toBeUndefined();
  });

  it('of an alert is that of the request around it, first one that is answered', () => {
    const open = requestOf({ id: '1-1', from: 0, to: 10 * minute });
    const done = requestOf({ id: '2-1', from: minute, to: 3 * minute, done: 9 });
    expect(requestOfAlert(requests(open, done), firedAt(2 * minute))?.id).toBe('2-1');
    expect(rangeOfAlert(requests(open, done), firedAt(2 * minute))).toMatchObject({ from: minute, to: 3 * minute });
    expect(requestOfAlert(requests(open, done), firedAt(3 * minute))?.id).toBe('1-1');
    expect(requestOfAlert(requests(open), firedAt(10 * minute))).toBeUndefined();
    expect(rangeOfAlert(noRaw.requests, firedAt(10 * minute))).toMatchObject({
      devices: ['tempering'],
      from: 9 * minute,
      to: 11 * minute,
    });
  });
});

describe('what is on show', () => {
  it('is closed for what was opened later, when there is too much', () => {
    let raw = noRaw;
    for (let index = 0; index < 10; index++) raw = show(raw, `chart ${index}`, shownOf());
    expect([...raw.shown.keys()]).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((index) => `chart ${index}`));
  });

  it('stays closed when an answer comes late', () => {
    const closed = hide(show(noRaw, alertRaw, shownOf()), alertRaw);
    expect(change(closed, alertRaw, () => ({ trouble: 'late' })).shown.size).toBe(0);
  });
});

describe('the note', () => {
  const readings = new Map([['tempering', points(1000, 2000)]]);

  it.each<[string, RawRequestView[], Partial<RawShown>, string]>([
    ['nothing has come', [requestOf()], {}, 'Asked line-3, not answered yet'],
    ['the gateway is away', [requestOf({ sent: false })], {}, 'Asked; line-3 is told when it is connected'],
    [
      'the range has not passed',
      [requestOf({ sent: false, asked: 1 })],
      {},
      'Asked for when the time after it has passed',
    ],
    ['some has come', [requestOf()], { readings }, '2 raw readings · more asked for'],
    ['all has come', [requestOf({ done: 9 })], { readings }, '2 raw readings'],
    ['there is none', [requestOf({ done: 9 })], { readings: new Map([['tempering', []]]) }, 'No raw readings'],
    ['some is missing', [requestOf({ done: 9, shortfall: 'evicted' })], { readings }, '2 raw readings · evicted'],
    ['it was refused', [], { trouble: 'there is no gateway "line-3"' }, 'there is no gateway "line-3"'],
  ])('says when %s', (_, asked, part, text) => {
    expect(rawNote(requests(...asked), shownOf(part))).toBe(text);
  });

  it('says what was missing from the last answer for the whole, not from one before', () => {
    const before = requestOf({ id: '1-1', done: 9, shortfall: 'not yet written' });
    const part = requestOf({ id: '2-1', to: 30_000, done: 10, shortfall: 'evicted' });
    const whole = requestOf({ id: '3-1', done: 11 });
    expect(rawNote(requests(before, part), shownOf({ readings }))).toBe('2 raw readings · not yet written');
    expect(rawNote(requests(before, part, whole), shownOf({ readings }))).toBe('2 raw readings');
    expect(rawNote(requests(part), shownOf({ readings }))).toBe('2 raw readings · evicted');
  });

  it('counts what is not good', () => {
    const doubtful = new Map([['tempering', [...points(1000), { time: 2000, value: null, quality: 'bad' }]]]);
    expect(rawNote(requests(requestOf({ done: 9 })), shownOf({ readings: doubtful }))).toBe(
      '2 raw readings · 1 of them not good',
    );
  });
});

describe('raw readings in a chart', () => {
  it('are a line of their own at their own times, which panes pass over', () => {
    const track = trackOf([pointOf(0, 1), pointOf(10_000, 2)]);
    const raw = new Map([['tempering', points(5000, 10_000, 25_000)]]);
    const { times, lines, toMs } = alignTracks([track], [['mean', rawLine]], raw);
    expect(times).toEqual([0, 5000, 10_000, 25_000]);
    expect(lines).toEqual([
      [
        [1, undefined, 2, undefined],
        [undefined, 5, 10, 25],
      ],
    ]);
    expect(toMs).toBe(25_000);
  });
});
