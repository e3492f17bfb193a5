// Grafana shows an empty page, without a word, when provisioning and dashboards disagree: so they are compared here.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { all } from '@weir/dashboards/all.ts';
import { datasource } from '@weir/dashboards/influxql.ts';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';

const folder = join(import.meta.dirname, 'provisioning');

const datasources = z.strictObject({
  apiVersion: z.literal(1),
  datasources: z.tuple([
    z.strictObject({
      name: z.string(),
      uid: z.string(),
      type: z.literal('influxdb'),
      access: z.literal('proxy'),
      url: z.string(),
      isDefault: z.literal(true),
      editable: z.boolean(),
      database: z.literal('weir'),
      jsonData: z.strictObject({
        dbName: z.literal('weir'),
        version: z.literal('InfluxQL'),
        httpMode: z.enum(['GET', 'POST']),
        timeInterval: z.string().regex(/^\d+(ms|s|m)$/),
      }),
    }),
  ]),
});

const providers = z.strictObject({
  apiVersion: z.literal(1),
  providers: z.tuple([
    z.strictObject({
      name: z.string(),
      folder: z.string(),
      type: z.literal('file'),
      disableDeletion: z.boolean(),
      allowUiUpdates: z.literal(false),
      updateIntervalSeconds: z.number(),
      options: z.strictObject({ path: z.string() }),
    }),
  ]),
});

test('the data source has the uid and the type that the dashboards refer to', () => {
  const [{ uid, type, url }] = read('datasources/weir.yaml', datasources).datasources;
  expect({ uid, type }).toEqual(datasource);
  expect(url).toBe('$INFLUX_URL');
});

test('the provider reads the folder that the environment names', () => {
  const [{ options }] = read('dashboards/weir.yaml', providers).providers;
  expect(options.path).toBe('$WEIR_DASHBOARDS');
});

test('the folder of built dashboards holds those of the code and no other', () => {
  const built = join(import.meta.dirname, '../../dashboards/grafana');
  expect(existsSync(built)).toBe(true);
  expect(readdirSync(built).toSorted()).toEqual(all.map(({ fileName }) => fileName).toSorted());
});

function read<T>(file: string, schema: z.ZodType<T>): T {
  return schema.parse(parse(readFileSync(join(folder, file), 'utf8')));
}
