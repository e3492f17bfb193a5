import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import { expect, test } from 'vitest';
import { kinds } from './gateway-file.ts';
import { testRules } from './test-rules.ts';

const gateway = `gateway: g
sources: { plant: { mqtt: mqtt://localhost, topics: ["{device}/{signal}"] } }
signals: { temperature: { from: plant.temperature }, door: { from: plant.door } }
windows: [{ every: 1m, of: all, compute: [mean] }]
alerts:
  too_hot: { when: temperature > 34, for: 10s, clear: temperature < 33 }
  open_long: { when: door == 1, for: 1m }
  lost: { silent: temperature, for: 2m }
`;

function run(cases: string): unknown {
  const { file, problems } = readGatewayFile(gateway, kinds);
  if (file === undefined) throw new Error(JSON.stringify(problems));
  return testRules(file, cases);
}

test('series in compact notation cause what is expected, and nothing else', () => {
  const cases = `
- name: an oven that is hot for too long
  every: 1s
  series:
    oven/temperature: 30x5 35x12 32..20x13 _x5
  until: 1m
  expect:
    - 15s too_hot firing
    - 17s too_hot cleared oven
- name: a door that speaks once, and a sensor that falls silent
  series:
    door: 1
    cellar/temperature: 20x3
  until: 4m
  expect:
    - 1m open_long firing
    - 122s lost firing cellar
`;
  expect(run(cases)).toEqual([
    { name: 'an oven that is hot for too long', missing: [], unexpected: [] },
    { name: 'a door that speaks once, and a sensor that falls silent', missing: [], unexpected: [] },
  ]);
});

test('what is missing and what is too much is told, with the reason', () => {
  const cases = `
- name: wrong
  series: { oven/temperature: 35x12 }
  expect: [ 11s too_hot firing, 10s too_hot firing fridge ]
`;
  expect(run(cases)).toEqual([
    {
      name: 'wrong',
      missing: ['11s too_hot firing', '10s too_hot firing fridge'],
      unexpected: ['10s too_hot firing oven   # temperature is 35, above 34'],
    },
  ]);
});

test('mistakes in the cases are told with their place, all at once', () => {
  const cases = `- name: a
  series: { oven/temprature: 35 }
- name: b
  series: { temperature: 3x5 hot }
  every: soon
  expect: [ 5s too_cold firing, 5s too_hot burning, now too_hot firing ]
- series: {}
`;
  expect(run(cases)).toEqual({
    problems: [
      expect.stringMatching(/^2:13: no signal "temprature", did you mean "temperature"\?$/),
      expect.stringMatching(/^4:26: "hot" is no value; write 35, 35x12, 32..20x13 or _x5$/),
      expect.stringMatching(/^5:10: "soon" is not a duration; write it like 10s$/),
      expect.stringMatching(/^6:13: no alert "too_cold"/),
      expect.stringMatching(/^6:33: "burning" is none of firing, latched/),
      expect.stringMatching(/^6:53: "now" is not a time since the beginning/),
      expect.stringMatching(/^7:3: "name" is missing/),
    ],
  });
  expect(run('name: a')).toEqual({ problems: ['1:1: a list of cases: each begins with "- name: …"'] });
});
