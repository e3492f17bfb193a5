import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import { formatProblem } from '@weir/shared/config/yaml-file.ts';
import { expect, it } from 'vitest';
import { actionKinds } from '../actions/registry.ts';
import { sourceKinds } from '../sources/registry.ts';
import { tempFolder } from '../testing/temp-folder.ts';

const forms = [{ href: 'http://10.0.0.7/x' }];
const boiler = {
  title: 'Boiler 3',
  properties: {
    temperature: { type: 'number', unit: 'om:degreeFahrenheit', forms },
    humidity: { type: 'number', unit: 'percent', forms },
    mass: { type: 'number', unit: 'kilogram', forms },
    load: { type: 'number', unit: 'furlong', forms },
  },
};

/** The problems of a gateway file whose source is `wot`, in a folder with Thing Descriptions. */
async function check(wot: string, signals: string) {
  const folder = await tempFolder();
  await mkdir(join(folder, 'things'));
  await writeFile(join(folder, 'boiler.td.json'), JSON.stringify(boiler));
  await writeFile(join(folder, 'bad.td.json'), '{');
  await writeFile(join(folder, 'things', 'a.td.json'), JSON.stringify(boiler));
  const text = `gateway: g\nsources: { b: { wot: ${wot} } }\nsignals:\n${signals}\nwindows: [{ every: 1m, of: all, compute: [mean] }]\n`;
  const { file, problems } = readGatewayFile(text, { sources: sourceKinds, actions: actionKinds }, folder);
  return { file, problems: problems.map((problem) => formatProblem('', problem).replaceAll(folder, '.')) };
}

it('a signal that takes what its Thing has not is told with what it has', async () => {
  for (const wot of ['boiler.td.json', 'things']) {
    const { problems } = await check(wot, '  t: { from: b.temprature }');
    expect(problems).toEqual([':4:14: error: source "b" has no "temprature", did you mean "temperature"?']);
  }
});

it('a signal in another unit than its Thing says is told, with the conversion where there is one', async () => {
  const signals = [
    '  t: { from: b.temperature, unit: °C }',
    '  h: { from: b.humidity, unit: "%" }',
    '  m: { from: b.mass, unit: bar }',
    '  l: { from: b.load, unit: N }',
  ];
  const { file, problems } = await check('boiler.td.json', signals.join('\n'));
  expect(problems).toEqual([
    ':4:14: warning: b.temperature is in °F, by its source; this signal takes it for °C. Write convert: °F',
    ':6:14: warning: b.mass is in kg, by its source; this signal takes it for bar',
  ]);
  expect(file?.sources.get('b')?.device).toBe('boiler-3');
  const converted = await check('boiler.td.json', '  t: { from: b.temperature, unit: °C, convert: °F }');
  expect(converted.problems).toEqual([]);
});

it('a signal that says no unit has that of its Thing, where Weir knows it and all it is taken from agree', async () => {
  const signals = [
    '  t: { from: b.temperature }',
    '  h: { from: b.humidity }',
    '  l: { from: b.load }',
    '  c: { from: b.mass, unit: g, convert: kg }',
  ];
  const { file, problems } = await check('boiler.td.json', signals.join('\n'));
  expect(problems).toEqual([]);
  expect([...(file?.signals ?? [])].map(([id, { unit }]) => `${id} ${unit}`)).toEqual([
    't °F',
    'h %',
    'l undefined',
    'c g',
  ]);
  const mixed = await check('boiler.td.json', '  m: { from: [b.temperature, b.humidity] }');
  expect(mixed.file?.signals.get('m')?.unit).toBeUndefined();
});

it('a Thing Description that cannot be read now is a warning, and one that is elsewhere is not looked at', async () => {
  const signal = '  t: { from: b.temperature }';
  expect((await check('bad.td.json', signal)).problems).toEqual([
    expect.stringMatching(/^:2:22: warning: \.\/bad\.td\.json is not JSON/),
  ]);
  expect((await check('absent.td.json', signal)).problems).toEqual([
    expect.stringMatching(/warning: ENOENT: .*: wot: names a file, a folder or a URL/),
  ]);
  const elsewhere = await check('"http://127.0.0.1:9/td"', signal);
  expect([elsewhere.problems, elsewhere.file?.sources.get('b')?.device]).toEqual([[], undefined]);
});
