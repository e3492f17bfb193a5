// `npm start`: the whole of Weir on this machine. Simulated boards print on real serial lines, wristbands publish to a real
// broker, an agent reads both, a hub stores and shows. Everything lives in a scratch folder and ends with this process.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent, type Agent } from '@weir/edge-agent/agent.ts';
import { kinds } from '@weir/edge-agent/cli/gateway-file.ts';
import { silentLogger } from '@weir/edge-agent/logger.ts';
import { parseScenario } from '@weir/firmware-sim/scenario.ts';
import { startSimulation, type Simulation } from '@weir/firmware-sim/simulation.ts';
import { parseHubConfig } from '@weir/hub/config.ts';
import { startHub, type Hub } from '@weir/hub/hub.ts';
import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import { formatProblem } from '@weir/shared/config/yaml-file.ts';
import { parseOptions, type LocalOptions } from './options.ts';
import { drawLine, drawScreen, type View } from './screen.ts';
import { freePort, installed, isFree, startGrafana, startInflux, startSensorBroker } from './servers.ts';
import { summarize } from './summary.ts';

const options = parseOptions(process.argv.slice(2));
if (typeof options === 'string') {
  console.error(options);
  process.exit(options.startsWith('npm start') ? 0 : 2);
}

const scenarioPath = join(import.meta.dirname, '../../firmware-sim/scenarios/chocolate-line.yaml');
const scenario = parseScenario(readFileSync(scenarioPath, 'utf8'), scenarioPath);
type BoardPlaces = ReadonlyMap<string, { link: string } | { tcp: string }>;

const scratch = mkdtempSync(join(tmpdir(), 'weir-local-'));
/** What to stop, last started first. */
const started: (() => Promise<unknown>)[] = [];
let exitCode = 0;
try {
  await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  exitCode = 1;
} finally {
  for (const stop of started.toReversed()) await stop().catch((error: unknown) => console.error(error));
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(exitCode);

async function main(local: LocalOptions): Promise<void> {
  const say = (line: string): void => (local.json ? console.error(line) : console.log(line));
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());

  const store = await openStore(say);
  const hub = await openHub(local, store.config);
  const broker = remember(await startSensorBroker(scratch, installed('mosquitto')), (server) => server.stop());
  const boards = await placesForBoards();
  const agent = await openAgent(hub, broker.url, boards);
  // A wristband's message with nobody subscribed is gone: the sensors start when somebody listens.
  await sourceIsUp(agent, 'bands');
  const simulation = await openSimulation(broker.url, boards);
  const grafana = await openGrafana(store.influxUrl, say);
  say(`page: ${hub.url}`);

  const lines: View['lines'] = [
    ['page', hub.url],
    ['dashboards', grafana],
    ['store', store.name],
    [
      'sensors',
      `${boards.size} serial lines (${installed('socat') === undefined ? 'TCP, socat is not installed' : 'pty'}), wristbands over ${broker.name}`,
    ],
  ];
  const began = performance.now();
  let backlogMax = 0;
  let drawnAt = -Infinity;
  while (!ending.signal.aborted && (local.forMs === undefined || performance.now() - began < local.forMs)) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const status = agent.status();
    backlogMax = Math.max(backlogMax, status.pending);
    const seconds = (performance.now() - began) / 1000;
    const interval = process.stdout.isTTY ? 1 : 5;
    if (local.json || seconds - drawnAt < interval) continue;
    drawnAt = seconds;
    const view: View = {
      seconds,
      agent: status,
      panes: panesStored(hub),
      alertsFiring: hub.state.alerts.episodes(100).filter(({ clearedMs }) => clearedMs === null).length,
      lines,
    };
    process.stdout.write(process.stdout.isTTY ? drawScreen(view) : `${drawLine(view)}\n`);
  }

  say('stopping: the simulator first, then what is on its way is delivered');
  const sent = await simulation.stop();
  await agentHasTaken(agent, sent.readings);
  await agent.drain(15_000);
  const summary = summarize({
    agent: agent.status(),
    sent,
    panes: panesStored(hub),
    stored: await hub.store.countStored(),
    store: store.name,
    backlogMax,
  });
  if (local.json) console.log(JSON.stringify(summary));
  else
    say(
      `${summary.readings} readings, ${summary.panes} panes, ${summary.alerts} alert transitions; ${summary.balanced ? 'the ledger balances' : 'THE LEDGER DOES NOT BALANCE'}`,
    );
  if (!summary.balanced) exitCode = 1;
}

async function openStore(
  say: (line: string) => void,
): Promise<{ name: string; config: string; influxUrl: string | undefined }> {
  const given = process.env['INFLUX_URL'];
  if (given !== undefined && given !== '')
    return { name: `InfluxDB at ${given}`, config: influxConfig(given), influxUrl: given };
  const program = installed('influxd');
  if (program === undefined) {
    say('store: SQLite. For InfluxDB: apt-get install influxdb, or set INFLUX_URL to one that runs');
    return { name: 'SQLite', config: '{ sqlite: true }', influxUrl: undefined };
  }
  const influx = remember(await startInflux(scratch, program), (server) => server.stop());
  return { name: 'InfluxDB', config: influxConfig(influx.url), influxUrl: influx.url };
}

function influxConfig(url: string): string {
  return `{ influx: ${JSON.stringify(url)}, database: weir }`;
}

async function openHub({ httpPort }: LocalOptions, store: string): Promise<Hub> {
  const page = (await isFree(httpPort)) ? httpPort : 0;
  const text = `broker: { listen: "127.0.0.1:0" }\nhttp: { listen: "127.0.0.1:${page}" }\ndata: ./hub\nstore: ${store}\n`;
  return remember(await startHub(parseHubConfig(text, 'hub.yaml', scratch)), (hub) => hub.stop());
}

/** Where each board prints: a pty, or a TCP port where socat is missing. */
async function placesForBoards(): Promise<Map<string, { link: string } | { tcp: string }>> {
  const places = new Map<string, { link: string } | { tcp: string }>();
  for (const board of Object.keys(scenario.boards)) {
    const pty = installed('socat') !== undefined;
    places.set(board, pty ? { link: join(scratch, `${board}.tty`) } : { tcp: `127.0.0.1:${await freePort()}` });
  }
  return places;
}

async function openSimulation(broker: string, boards: BoardPlaces): Promise<Simulation> {
  const simulation = await startSimulation(scenario, {
    signal: new AbortController().signal,
    broker,
    boards: Object.fromEntries(boards),
  });
  return remember(simulation, (running) => running.stop());
}

async function openAgent(hub: Hub, sensorBroker: string, boards: BoardPlaces): Promise<Agent> {
  const file = gatewayFile(hub, sensorBroker, boards);
  const hubKey = await hub.addGateway(file.gateway);
  const agent = await startAgent({ file, base: scratch, data: 'agent', hubKey, logger: silentLogger, statusMs: 1000 });
  return remember(agent, (running) => running.stop());
}

/** deploy/local/gateway.yaml with the addresses of this run. */
function gatewayFile(hub: Hub, sensorBroker: string, boards: BoardPlaces): GatewayFile {
  const path = join(import.meta.dirname, 'gateway.yaml');
  let text = readFileSync(path, 'utf8')
    .replace('mqtt://127.0.0.1:1883', `mqtt://127.0.0.1:${hub.mqttPort}`)
    .replace('mqtt://127.0.0.1:1884', sensorBroker);
  for (const [board, place] of boards) {
    text = text.replace(`./${board}.tty`, 'link' in place ? place.link : `tcp://${place.tcp}`);
  }
  const { file, problems } = readGatewayFile(text, kinds);
  if (file === undefined) throw new Error(problems.map((problem) => formatProblem(path, problem)).join('\n'));
  return file;
}

/** @returns where the dashboards are, or how to get them */
async function openGrafana(influxUrl: string | undefined, say: (line: string) => void): Promise<string> {
  const program = installed('grafana', 'grafana-server');
  if (program === undefined) return 'none: install Grafana (grafana.com/grafana/download) and start again';
  if (influxUrl === undefined) return 'none: Grafana needs the InfluxDB store';
  try {
    const grafana = remember(await startGrafana(scratch, program, influxUrl), (server) => server.stop());
    return `${grafana.url}/dashboards`;
  } catch (error) {
    say(`Grafana: ${error instanceof Error ? error.message : String(error)}`);
    return 'Grafana is installed but did not start';
  }
}

async function sourceIsUp(agent: Agent, id: string): Promise<void> {
  await waitFor(() => agent.status().health.some(({ part, up }) => part === `source ${id}` && up));
}

/** What the boards and wristbands sent is on its way through ptys and broker: it arrives within moments. */
async function agentHasTaken(agent: Agent, readings: number): Promise<void> {
  await waitFor(() => agent.status().taken >= readings);
}

/** Gives up after ten seconds: what follows shows what is missing. */
async function waitFor(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
}

function panesStored(hub: Hub): number {
  return hub.status().counts.panes_stored ?? 0;
}

function remember<T>(thing: T, stop: (thing: T) => Promise<unknown>): T {
  started.push(() => stop(thing));
  return thing;
}
