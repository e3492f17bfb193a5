import { describe, expect, it } from 'vitest';
import { TopicTemplate } from './topic-template.ts';

describe('a topic template', () => {
  it.each([
    ['plant/{device}/{signal}', 'plant/+/+'],
    ['{signal}/of/{device}', '+/of/+'],
    ['plant/+/{device}/#', 'plant/+/+/#'],
    ['plant/toString/{device}', 'plant/toString/+'],
    ['constructor', 'constructor'],
  ])('%s subscribes to %s', (text, filter) => {
    expect(new TopicTemplate(text).filter).toBe(filter);
  });

  it.each<[string, string, { device?: string; signal?: string } | undefined]>([
    ['plant/{device}/{signal}', 'plant/press/temp', { device: 'press', signal: 'temp' }],
    ['{signal}/of/{device}', 'temp/of/press', { device: 'press', signal: 'temp' }],
    ['plant/{device}', 'plant/press', { device: 'press' }],
    ['plant/+/{signal}', 'plant/anything/temp', { signal: 'temp' }],
    ['plant/press', 'plant/press', {}],
    ['plant/{device}/#', 'plant/press/a/b', { device: 'press' }],
    ['plant/{device}/#', 'plant/press', { device: 'press' }],
    ['#', 'any/topic/at/all', {}],
    ['plant/{device}/{signal}', 'plant/press', undefined],
    ['plant/{device}/{signal}', 'plant/press/temp/more', undefined],
    ['plant/{device}/{signal}', 'Plant/press/temp', undefined],
    ['plant/{device}/#', 'plant', undefined],
    ['plant/{device}/#', 'garden/press/a', undefined],
    ['plant/constructor', 'plant/press', undefined],
    ['{device}/{signal}', '/temp', { device: '', signal: 'temp' }],
  ])('%s reads %s', (text, topic, expected) => {
    expect(new TopicTemplate(text).match(topic)).toEqual(expected);
  });

  it.each([
    ['plant/{device}/{signal}', undefined],
    ['plant/#', undefined],
    ['#/plant', '# stands at the end of a topic only'],
    ['plant/{divice}', '"{divice}" is no topic level; use {device}, {signal}, + or # as a whole level'],
    ['plant/x{device}', '"x{device}" is no topic level; use {device}, {signal}, + or # as a whole level'],
    ['plant/a+b', '"a+b" is no topic level; use {device}, {signal}, + or # as a whole level'],
    ['plant/a#', '"a#" is no topic level; use {device}, {signal}, + or # as a whole level'],
    ['{device}/{device}', 'each of {device} and {signal} stands once'],
    ['{signal}/{signal}', 'each of {device} and {signal} stands once'],
    ['  ', 'the topic is empty'],
  ])('%s: %s', (text, problem) => {
    expect(TopicTemplate.problem(text)).toBe(problem);
  });

  it('knows which other template a topic could match as well', () => {
    const overlap = (a: string, b: string): boolean => new TopicTemplate(a).overlaps(new TopicTemplate(b));
    const pairs: [string, string, boolean][] = [
      ['a/{device}', 'a/b', true],
      ['a/{device}/x', 'a/{device}/{signal}', true],
      ['a/#', 'a/b/c', true],
      ['a/#', 'a', true],
      ['a/b', 'a/c', false],
      ['a/+', 'a/b/c', false],
      ['{device}/x', 'a/{signal}', true],
      ['{device}/x', 'a/y', false],
    ];
    for (const [a, b, expected] of pairs) {
      expect(overlap(a, b), `${a} ${b}`).toBe(expected);
      expect(overlap(b, a), `${b} ${a}`).toBe(expected);
    }
  });
});
