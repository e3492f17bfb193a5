// expandQuery must say what Grafana would send; the cases are Grafana's rules for InfluxQL.
import { expect, test } from 'vitest';
import type { Expansion } from './expand-query.ts';
import { allValue, expandQuery } from './expand-query.ts';

const expansion: Expansion = {
  from: 1_700_000_000_000,
  to: 1_700_000_060_000,
  interval: '10s',
  variables: { gateway: ['line-3'], device: allValue, window: '1m', gate: 'x' },
};

test('the time filter becomes a condition in milliseconds with both ends included', () => {
  expect(expandQuery('WHERE $timeFilter', expansion)).toBe('WHERE time >= 1700000000000ms and time <= 1700000060000ms');
});

test('the interval is filled in as a duration and as milliseconds', () => {
  expect(expandQuery('time($__interval)', expansion)).toBe('time(10s)');
  expect(expandQuery('x / $__interval_ms', { ...expansion, interval: '2h' })).toBe('x / 7200000');
  expect(expandQuery('x / $__interval_ms', { ...expansion, interval: '500ms' })).toBe('x / 500');
});

test('"All" matches everything', () => {
  expect(expandQuery('"device" =~ /^$device$/', expansion)).toBe('"device" =~ /^.*$/');
});

test('one value of several-valued variable becomes a group', () => {
  expect(expandQuery('"gateway" =~ /^$gateway$/', expansion)).toBe('"gateway" =~ /^(line-3)$/');
});

test('several values become alternatives', () => {
  const variables = { gateway: ['line-3', 'line.4'] };
  expect(expandQuery('"gateway" =~ /^$gateway$/', { ...expansion, variables })).toBe(
    String.raw`"gateway" =~ /^(line-3|line\.4)$/`,
  );
});

test('what has a meaning in a regular expression is escaped there, and nowhere else', () => {
  const variables = { device: 'a/b (1+1)\\' };
  expect(expandQuery('"device" =~ /^$device$/', { ...expansion, variables })).toBe(
    String.raw`"device" =~ /^a\/b \(1\+1\)\\$/`,
  );
  expect(expandQuery(`"device" = '$device'`, { ...expansion, variables })).toBe(String.raw`"device" = 'a/b (1+1)\'`);
});

test('a pattern that is no variable is left as it is', () => {
  const query = String.raw`SELECT last(/^lost_/) FROM "gateways" WHERE "a" !~ /x\/y$/`;
  expect(expandQuery(query, expansion)).toBe(query);
});

test('a name is read to its end', () => {
  expect(expandQuery('/ $gate / ${gate}way', { ...expansion, variables: { gate: 'x' } })).toBe('/ x / xway');
  expect(() => expandQuery('$gateways', expansion)).toThrow('no value for $gateways');
});

test('a value that looks like a variable is not expanded again', () => {
  const variables = { device: '$window', window: '1m' };
  expect(expandQuery(`"device" = '$device'`, { ...expansion, variables })).toBe(`"device" = '$window'`);
});

test('a name that every object has is not mistaken for a variable', () => {
  expect(() => expandQuery('$constructor', expansion)).toThrow('no value for $constructor');
});

test('a query with an unknown variable is refused with its text', () => {
  expect(() => expandQuery('SELECT $nothing', expansion)).toThrow(
    'no value for $nothing in the query: SELECT $nothing',
  );
});

test('several values outside of a regular expression are refused', () => {
  expect(() => expandQuery(`= '$gateway'`, expansion)).toThrow('$gateway has several values');
  expect(() => expandQuery(`= '$device'`, expansion)).toThrow('$device has several values');
});

test.each(['', '10', 'auto', '1m30s', '1y', 's'])('"%s" is refused as an interval', (interval) => {
  expect(() => expandQuery('time($__interval)', { ...expansion, interval })).toThrow('is not an interval');
});
