import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noticeOf } from '../testing/notices.ts';
import { transition } from '../testing/outputs.ts';
import { fieldsOf, placeholders } from './notice.ts';
import { fill, hasPlaceholder, problemsOf } from './template.ts';

const fields = fieldsOf(noticeOf(transition(7)), { gateway: 'line-3', unitOf: () => '°C' });

describe('a template', () => {
  it('is filled in wherever a word stands, as often as it does; braces around anything else stay', () => {
    expect(fill('{rule}{rule}/{value} {unit}', fields)).toBe('too_hottoo_hot/99 °C');
    expect(fill('{"a": {"b": "{rule}"}, "c": { rule }, {}}', fields)).toBe(
      '{"a": {"b": "too_hot"}, "c": { rule }, {}}',
    );
    expect(hasPlaceholder('a {rule}')).toBe(true);
    expect(hasPlaceholder('a { rule }')).toBe(false);
  });

  it('is not filled in twice: a value that looks like a placeholder is a value', () => {
    expect(fill('{device} {rule}', { ...fields, device: '{rule}' })).toBe('{rule} too_hot');
  });

  it('takes no more than a thousand characters of a value, and no control characters', () => {
    expect(fill('{device}', { ...fields, device: 'x'.repeat(5000) })).toBe('x'.repeat(1000));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (device) => {
        const filled = fill('{device}', { ...fields, device });
        expect(filled).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        expect(filled).toHaveLength(Math.min(1000, device.length));
      }),
    );
  });

  it('knows its words, and says which one was meant', () => {
    expect(placeholders.flatMap((name) => problemsOf(`{${name}}`))).toEqual([]);
    expect(problemsOf('{sevrity} and {Rule}')).toEqual([
      '{sevrity} stands for nothing, did you mean "severity"?',
      '{Rule} stands for nothing, did you mean "rule"?',
    ]);
  });
});
