import { describe, expect, it } from 'vitest';
import type { Affordance, DataSchema } from './thing-description.ts';
import { judge } from './values.ts';

const affordance = (schema: DataSchema | undefined, kind: Affordance['kind'] = 'property'): Affordance => ({
  name: 'a',
  kind,
  schema,
  read: undefined,
  watch: undefined,
});
const whole = { channel: 'a', path: [] };

describe('what a Thing said', () => {
  it.each<[DataSchema, unknown, number]>([
    [{}, 1.5, 1.5],
    [{}, true, 1],
    [{ type: 'number' }, -4, -4],
    [{ type: 'boolean' }, false, 0],
    [{ type: 'integer', minimum: 0, maximum: 10 }, 10, 10],
    [{ type: 'number' }, { value: 3 }, 3],
  ])('is a value: %j says %j', (schema, said, value) => {
    expect(judge(affordance(schema), whole, said)).toEqual({ value });
  });

  it.each<[DataSchema, unknown]>([
    [{}, null],
    [{}, '21'],
    [{}, [1]],
    [{}, undefined],
    [{ type: 'number' }, true],
    [{ type: 'boolean' }, 1],
    [{ type: 'number' }, { value: 'x' }],
  ])('is no number: %j says %j', (schema, said) => {
    expect(judge(affordance(schema), whole, said)).toMatchObject({ reason: 'not_a_number' });
  });

  it.each<[DataSchema, number, string]>([
    [{ minimum: 0 }, -0.1, '0..'],
    [{ maximum: 10 }, 11, '..10'],
    [{ exclusiveMinimum: 0 }, 0, '0..'],
    [{ exclusiveMaximum: 10, minimum: 1 }, 10, '1..10'],
  ])('is out of range: %j says %j', (schema, said, range) => {
    const detail = `"a" is ${said}, outside ${range} of its Thing Description`;
    expect(judge(affordance(schema), whole, said)).toEqual({ reason: 'out_of_range', detail });
  });

  it('is found in its object, and nowhere else', () => {
    const schema: DataSchema = { type: 'object', properties: { b: { properties: { c: { maximum: 5 } } } } };
    const inner = { channel: 'a.b.c', path: ['b', 'c'] };
    expect(judge(affordance(schema), inner, { b: { c: 5 } })).toEqual({ value: 5 });
    expect(judge(affordance(schema), inner, { b: { c: 6 } })).toMatchObject({ reason: 'out_of_range' });
    for (const said of [{ b: {} }, { b: [5] }, 5, null])
      expect(judge(affordance(schema), inner, said)).toMatchObject({ reason: 'not_a_number' });
    expect(judge(affordance({}), { channel: 'a.constructor', path: ['constructor'] }, {})).toMatchObject({
      detail: '"a.constructor" is missing, not a number',
    });
  });

  it('is 1 when an event says no more than that it happened', () => {
    for (const said of [undefined, null, 'hot', { by: 4 }])
      expect(judge(affordance(undefined, 'event'), whole, said)).toEqual({ value: 1 });
    expect(judge(affordance({ type: 'number' }, 'event'), whole, 4)).toEqual({ value: 4 });
    expect(judge(affordance({ type: 'number' }, 'event'), whole, 'x')).toMatchObject({ reason: 'not_a_number' });
  });
});
