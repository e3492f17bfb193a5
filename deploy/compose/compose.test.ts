// compose.yaml against the Compose Specification, and against what Weir's own files say.
//
// The schema is compose-spec's, from the copy that the linter dclint ships. It describes JSON Schema draft 7 under an
// address that ajv does not know, hence no validation of the schema itself.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';

const folder = import.meta.dirname;
const dockerfile = readFileSync(join(folder, 'Dockerfile.hub'), 'utf8');
const composeText = readFileSync(join(folder, 'compose.yaml'), 'utf8');

// What the tests below read; the specification's schema looks at the rest.
const service = z.looseObject({
  image: z.string().optional(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
});
const { services, volumes } = z
  .looseObject({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) })
  .parse(parse(composeText));

const hubConfig = z.strictObject({
  broker: z.strictObject({ listen: z.literal('0.0.0.0:1883') }),
  http: z.strictObject({ listen: z.literal('0.0.0.0:8080') }),
  data: z.string(),
  store: z.strictObject({ influx: z.url(), database: z.string() }),
});

test('follows the Compose Specification', () => {
  const validate = composeSpecification();
  validate(parse(composeText));
  expect(validate.errors).toBeNull();
});

test('the specification refuses a key that does not exist', () => {
  const misspelt = composeText.replace('restart:', 'restrat:');
  expect(composeSpecification()(parse(misspelt))).toBe(false);
});

test('every image is pinned to a full version', () => {
  const base = /^FROM (\S+)$/m.exec(dockerfile)?.[1];
  const pulled = Object.values(services).flatMap(({ image, build }) => (build === undefined ? [image] : []));
  expect([base, ...pulled].filter((image) => !/:\d+\.\d+\.\d+(-|$)/.test(image ?? ''))).toEqual([]);
});

test('only the gateways’ port is open to the network', () => {
  const ports = Object.values(services).flatMap(({ ports }) => ports);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual(['1883:1883']);
});

test('every service has a health check', () => {
  const withoutOwn = Object.entries(services).filter(([, { healthcheck }]) => healthcheck === undefined);
  expect(withoutOwn.map(([name]) => name)).toEqual(['hub']);
  expect(dockerfile).toMatch(/^HEALTHCHECK .*\n.*http:\/\/127\.0\.0\.1:8080\/healthz/m);
});

test.each([
  { answer: 'a healthy hub', status: 200, exitCode: 0 },
  { answer: 'an unhealthy hub', status: 503, exitCode: 1 },
])('the health check in the image gives $exitCode for $answer', async ({ status, exitCode }) => {
  const hub = createServer((_, response) => response.writeHead(status).end());
  await once(hub.listen(0, '127.0.0.1'), 'listening');
  const checked = await healthCheck(portOf(hub.address()));
  hub.close();
  expect(checked).toBe(exitCode);
});

test('the health check in the image gives 1 where no hub answers', async () => {
  const hub = createServer();
  await once(hub.listen(0, '127.0.0.1'), 'listening');
  const port = portOf(hub.address());
  await once(hub.close(), 'close');
  expect(await healthCheck(port)).toBe(1);
});

test('the hub does not run as root and owns the folder it keeps its data in', () => {
  expect(dockerfile).toMatch(/^USER node$/m);
  const { data } = hubConfig.parse(parse(readFileSync(join(folder, 'hub.yaml'), 'utf8')));
  expect(dockerfile).toContain(`--owner=node --group=node ${data}`);
  expect(services['hub']?.volumes).toContain(`hub:${data}`);
});

test('the hub reads the configuration that is mounted for it', () => {
  expect(dockerfile).toContain('CMD ["node", "main.js", "run", "/etc/weir/hub.yaml"]');
  expect(services['hub']?.volumes).toContain('./hub.yaml:/etc/weir/hub.yaml:ro');
});

test('hub and Grafana use the same InfluxDB and the same database', () => {
  const { store } = hubConfig.parse(parse(readFileSync(join(folder, 'hub.yaml'), 'utf8')));
  expect(services['grafana']?.environment['INFLUX_URL']).toBe(store.influx);
  expect(services['influxdb']?.environment['INFLUXDB_DB']).toBe(store.database);
  expect(new URL(store.influx).hostname).toBe('influxdb');
});

test('Grafana finds the dashboards where its environment says they are', () => {
  const { environment = {}, volumes = [] } = services['grafana'] ?? {};
  const dashboards = environment['WEIR_DASHBOARDS'];
  expect(volumes).toContain(`../../dashboards/grafana:${dashboards}:ro`);
  expect(environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']).toBe(`${dashboards}/fleet.json`);
});

test('every file and folder it names is there, and every volume is declared', () => {
  const sources = Object.values(services).flatMap(({ volumes }) => volumes.map((volume) => volume.split(':')[0] ?? ''));
  const paths = sources.filter((source) => source.startsWith('.'));
  expect(paths.filter((path) => !existsSync(resolve(folder, path)))).toEqual([]);
  expect(sources.filter((source) => !source.startsWith('.')).toSorted()).toEqual(Object.keys(volumes).toSorted());
  const { context = '', dockerfile = '' } = services['hub']?.build ?? {};
  expect(resolve(folder, context, dockerfile)).toBe(join(folder, 'Dockerfile.hub'));
});

/** The exit code of the image's health check, asking this port instead of the hub's own. */
async function healthCheck(port: number): Promise<unknown> {
  const command = /^HEALTHCHECK [^\n]*\n\s*CMD (.*)$/m.exec(dockerfile)?.[1] ?? '';
  const [, ...options] = z.array(z.string()).parse(JSON.parse(command.replace('127.0.0.1:8080', `127.0.0.1:${port}`)));
  const [exitCode] = await once(spawn(process.execPath, options, { stdio: 'ignore' }), 'exit');
  return exitCode;
}

function portOf(address: ReturnType<Server['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port');
  return address.port;
}

function composeSpecification(): ValidateFunction {
  const dclint = dirname(createRequire(import.meta.url).resolve('dclint/package.json'));
  const schema: unknown = JSON.parse(readFileSync(join(dclint, 'schemas/compose.schema.json'), 'utf8'));
  return new Ajv({ strict: false, validateSchema: false, validateFormats: false }).compile(
    z.looseObject({}).parse(schema),
  );
}
