import { describe, expect, it } from 'vitest';
import type { Transition } from '@weir/shared/model/alert.ts';
import { noticeOf } from '../testing/notices.ts';
import { transition } from '../testing/outputs.ts';
import { fieldsOf, noticeJson, placeholders, textOf, type Notice } from './notice.ts';

const context = { gateway: 'line-3', unitOf: () => '°C' };

function alarm(time: number, more: Partial<Transition> = {}): Transition {
  return { ...transition(time), ...more };
}

describe('a digest', () => {
  const told = noticeOf(
    alarm(5, { severity: 'warning', rule: 'damp' }),
    alarm(1, { severity: 'info', rule: 'open' }),
    alarm(9),
    alarm(3, { state: 'cleared' }),
  );
  const many: Notice = [{ ...told[0], count: 500, lastTime: 700 }, ...told.slice(1)];

  it('counts everything by rule and severity, the most severe first, and has the most severe in full', () => {
    expect(noticeJson('line-3', many)).toMatchObject({
      id: 'line-3/digest/damp/press/temperature/5/firing/503',
      state: 'digest',
      severity: 'critical',
      count: 503,
      first: '1970-01-01T00:00:00.001Z',
      last: '1970-01-01T00:00:00.700Z',
      text: '503 alarm messages: 2 critical of too_hot, 500 warning of damp, 1 info of open',
      rules: [
        { rule: 'too_hot', severity: 'critical', count: 2 },
        { rule: 'damp', severity: 'warning', count: 500 },
        { rule: 'open', severity: 'info', count: 1 },
      ],
      transitions: [
        { rule: 'too_hot', state: 'firing' },
        { rule: 'too_hot', state: 'cleared' },
        { rule: 'damp' },
        { rule: 'open' },
      ],
    });
  });

  it('is of bounded size, and counts the rules it does not list', () => {
    const alarms = Array.from({ length: 1000 }, (_, index) => alarm(index, { rule: `rule_${index % 100}` }));
    const json = noticeJson('line-3', noticeOf(alarm(0, { rule: 'rule_0' }), ...alarms.slice(1)));
    expect(json).toMatchObject({ count: 1000, others: 800 });
    expect(json['rules']).toHaveLength(20);
    expect(JSON.stringify(json).length).toBeLessThan(4000);
  });

  it('fills a template with what all have in common, and says several where they differ', () => {
    expect(fieldsOf(many, context)).toEqual({
      rule: 'several',
      device: 'several',
      signal: 'several',
      value: '',
      unit: '',
      state: 'several',
      severity: 'critical',
      reason: textOf(many),
      time: '1970-01-01T00:00:00.700Z',
      since: '1970-01-01T00:00:00.001Z',
      gateway: 'line-3',
      by: '',
      comment: '',
      count: '503',
      text: textOf(many),
    });
    const pair = noticeOf(alarm(1), alarm(2, { state: 'cleared' }));
    expect(fieldsOf(pair, context)).toMatchObject({ rule: 'too_hot', device: 'press', state: 'several' });
  });
});

describe('a notice of one transition', () => {
  it('fills every placeholder', () => {
    const told = alarm(7, { reason: 'temperature is 99, above 34', by: 'ann', comment: 'known', since: 2 });
    const fields = fieldsOf(noticeOf(told), context);
    expect(Object.keys(fields).toSorted()).toEqual([...placeholders].toSorted());
    expect(Object.values(fields)).not.toContain('');
    expect(fields).toMatchObject({ value: '99', unit: '°C', since: '1970-01-01T00:00:00.002Z', count: '1' });
  });

  it('is one sentence, with the reason, or the value, or neither', () => {
    expect(textOf(noticeOf(alarm(1)))).toBe('critical too_hot on press firing: temperature is 99');
    expect(textOf(noticeOf(alarm(1, { reason: 'temperature is 99, above 34' })))).toBe(
      'critical too_hot on press firing: temperature is 99, above 34',
    );
    expect(textOf(noticeOf(alarm(1, { value: NaN, by: 'ann', comment: 'on my way', state: 'acknowledged' })))).toBe(
      'critical too_hot on press acknowledged by ann (on my way)',
    );
  });

  it('can be told also with an event time that no calendar has', () => {
    expect(noticeJson('line-3', noticeOf(alarm(1e300)))).toMatchObject({ time: '1e+300' });
  });
});
