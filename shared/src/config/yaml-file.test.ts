import { expect, test } from 'vitest';
import * as z from 'zod';
import { YamlFile, formatProblem, suggestion } from './yaml-file.ts';

const text = `a: 1
list:
  - x: one
    y: [two, three]
`;

test('a path is found in the document: values, keys, places in lists', () => {
  const yaml = new YamlFile(text);
  yaml.add('value', ['a']);
  yaml.add('key', ['list', 0], { key: 'y' });
  yaml.add('in a list', ['list', 0, 'y', 1]);
  yaml.add('top key', [], { key: 'list' });
  expect(yaml.problems().map(({ line, column, message }) => `${line}:${column} ${message}`)).toStrictEqual([
    '1:4 value',
    '2:1 top key',
    '4:5 key',
    '4:14 in a list',
  ]);
});

test('a path that is not there is shown at the nearest thing around it', () => {
  const yaml = new YamlFile(text);
  yaml.add('beyond the list', ['list', 7, 'x']);
  yaml.add('beside', ['list', 0, 'z']);
  yaml.add('below a word', ['list', 0, 'x', 'deeper']);
  expect(yaml.problems().map(({ line, column, message }) => `${line}:${column} ${message}`)).toStrictEqual([
    '3:3 beyond the list',
    '3:5 beside',
    '3:8 below a word',
  ]);
});

test('the same problem at the same place is said once', () => {
  const yaml = new YamlFile(text);
  yaml.add('twice', ['a']);
  yaml.add('twice', ['a']);
  yaml.add('twice', ['list']);
  expect(yaml.problems()).toHaveLength(2);
});

test('a file whose syntax is broken has no value, one with a name twice has', () => {
  expect(new YamlFile('a: [1').value()).toBeUndefined();
  const twice = new YamlFile('a: 1\na: 2\n');
  expect(twice.value()).toBeTypeOf('object');
  expect(twice.problems()).toMatchObject([{ line: 2, column: 1, severity: 'error' }]);
});

test('of alternatives, the one that got furthest is the one whose mistakes are said', () => {
  const schema = z.union([z.number(), z.strictObject({ x: z.string(), y: z.array(z.enum(['two', 'four'])) })]);
  const yaml = new YamlFile(text);
  const checked = schema.safeParse(z.object({ list: z.array(z.unknown()) }).parse(yaml.value()).list[0]);
  if (checked.error !== undefined) yaml.addIssues(checked.error, ['list', 0], () => []);
  expect(yaml.problems()).toMatchObject([{ line: 4, column: 14, message: '"three" is none of: two, four' }]);
});

test('a misspelled word is answered with the nearest one known, a foreign one with all of them', () => {
  const known = ['temperature', 'pressure'];
  expect(suggestion('temprature', known)).toBe(', did you mean "temperature"?');
  expect(suggestion('PRESSURE', known)).toBe(', did you mean "pressure"?');
  expect(suggestion('humidity', known)).toBe('; known here: temperature, pressure');
  expect(suggestion('humidity', known, '; no such thing')).toBe('; no such thing');
  expect(suggestion('humidity', [])).toBe('');
});

test('a problem is one line that an editor can jump to', () => {
  const problem = { line: 3, column: 7, severity: 'warning', message: 'look here' } as const;
  expect(formatProblem('gateway.yaml', problem)).toBe('gateway.yaml:3:7: warning: look here');
});
