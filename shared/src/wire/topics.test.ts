import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ackTopic, commandTopic, lanes, namePattern, parseTopic, statusTopic, upTopic } from './topics.ts';

const gateway = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/);

test('every topic of a gateway is read as what it is', () => {
  fc.assert(
    fc.property(gateway, fc.constantFrom(...lanes), (gateway, lane) => {
      expect(parseTopic(upTopic(gateway, lane))).toStrictEqual({ kind: 'up', gateway, lane });
      expect(parseTopic(ackTopic(gateway))).toStrictEqual({ kind: 'ack', gateway });
      expect(parseTopic(commandTopic(gateway))).toStrictEqual({ kind: 'command', gateway });
      expect(parseTopic(statusTopic(gateway))).toStrictEqual({ kind: 'status', gateway });
    }),
  );
});

test('the topics are the ones the protocol names', () => {
  const topics = [upTopic('line-3', 'raw'), ackTopic('line-3'), commandTopic('line-3'), statusTopic('line-3')];
  expect(topics).toStrictEqual([
    'weir/v1/line-3/up/raw',
    'weir/v1/line-3/ack',
    'weir/v1/line-3/command',
    'weir/v1/line-3/status',
  ]);
  expect(lanes, 'in the order they are sent').toStrictEqual(['alerts', 'recent', 'panes', 'raw']);
});

test.each([
  '',
  'weir',
  'weir/v1',
  'weir/v1/line-3',
  'weir/v2/line-3/ack',
  'other/v1/line-3/ack',
  '/weir/v1/line-3/ack',
  'weir/v1//ack',
  'weir/v1/-line/ack',
  'weir/v1/a b/ack',
  'weir/v1/+/ack',
  'weir/v1/line-3/ack/',
  'weir/v1/line-3/ack/panes',
  'weir/v1/line-3/status/x',
  'weir/v1/line-3/up',
  'weir/v1/line-3/up/other',
  'weir/v1/line-3/up/panes/1',
  'weir/v1/line-3/command/raw',
  'weir/v1/-line/command',
  'weir/v1/line-3/down/panes',
])('"%s" is none of our topics', (topic) => {
  expect(parseTopic(topic)).toBeUndefined();
});

test('a name has 1 to 64 characters and none that means something in a topic, a file name or a query', () => {
  for (const good of ['a', '7', '_x', 'line-3.b_2', 'x'.repeat(64)]) expect(namePattern.test(good)).toBe(true);
  const bad = ['', '.', '-a', '..', 'a/b', 'a b', 'a#', 'a+', 'a"', 'a\n', 'ä', 'x'.repeat(65)];
  for (const name of bad) expect(namePattern.test(name)).toBe(false);
});
