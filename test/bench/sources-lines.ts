// Serial lines and Modbus registers into an agent, as fast as it takes them: with windows, a rule and the durable journal.

import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ServerTCP } from 'modbus-serial';
import { freePort } from '@weir/deploy/local/servers.ts';
import { startAgentProcess, type AgentProcess } from '../support/agent.ts';
import { scratchFolder, stopProcess } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { median, type Bench } from './bench.ts';
import { gatewayEnvironment, gatewayFlags } from './sources-mqtt.ts';

const lines = 500_000;
const linesAWrite = 1000;
const modbusMs = 10_000;
/** Registers a poll: what one request may ask for. */
const registers = 125;
const runs = 3;

const rules = `
windows:
  - { every: 1m, of: all, compute: [mean, min, max, p95] }
alerts:
  too_hot: { when: temperature > 34, for: 10s, clear: temperature < 33, severity: critical }
`;

export const sourcesSerial: Bench = {
  name: 'serial',
  group: 'sources',
  about: `2-field JSON lines on a pty into windows, a rule and the durable journal; 3 Mbaud are 300 kB/s; median of ${runs} runs`,
  async *run() {
    if (!existsSync('/usr/bin/socat')) {
      yield { skipped: 'socat is not installed' };
      return;
    }
    const all: { rate: number; bytes: number }[] = [];
    for (let run = 0; run < runs; run++) all.push(await serial());
    const rate = median(all.map((one) => one.rate));
    const bytes = median(all.map((one) => one.bytes));
    yield { bench: 'sources', case: 'serial', metric: 'linesPerSecond', value: rate };
    yield { bench: 'sources', case: 'serial', metric: 'times3Mbaud', value: bytes / 300_000 };
  },
};

export const sourcesModbus: Bench = {
  name: 'modbus',
  group: 'sources',
  about: `float32 registers over Modbus TCP, ${registers} a request, from modbus-serial's server on the same cores; median of ${runs} runs`,
  async *run() {
    const rates: number[] = [];
    for (let run = 0; run < runs; run++) rates.push(await modbus());
    yield { bench: 'sources', case: 'modbus', metric: 'registersPerSecond', value: median(rates) };
  },
};

async function serial(): Promise<{ rate: number; bytes: number }> {
  using folder = scratchFolder('bench');
  const [near, far] = [join(folder.path, 'agent'), join(folder.path, 'board')];
  const socat = spawn('socat', [`pty,raw,echo=0,link=${near}`, `pty,raw,echo=0,link=${far}`], { stdio: 'ignore' });
  try {
    await until('the line is there', () => existsSync(near) && existsSync(far));
    const yaml = `
gateway: bench
sources:
  oven: { serial: ${near}, baud: 3000000, format: json }
signals:
  temperature: { from: oven.temp, unit: °C, range: -20..120 }
  humidity:    { from: oven.rh, unit: "%", range: 0..100 }
${rules}`;
    await using agent = await startAgentProcess(folder.path, yaml, gatewayEnvironment, gatewayFlags);
    await isOpen(agent, 'oven');
    const chunks = Array.from({ length: 100 }, (_, chunk) => Buffer.from(linesFrom(chunk * linesAWrite)));
    const board = createWriteStream(far);
    const began = performance.now();
    let bytes = 0;
    for (let sent = 0; sent < lines; sent += linesAWrite) {
      const chunk = chunks[(sent / linesAWrite) % chunks.length] ?? Buffer.alloc(0);
      bytes += chunk.length;
      if (!board.write(chunk)) await once(board, 'drain');
    }
    await until('every line is on disk', async () => {
      const { taken, uncommitted } = await agent.status();
      return taken >= 2 * lines && uncommitted === 0;
    });
    const seconds = (performance.now() - began) / 1000;
    board.destroy();
    return { rate: lines / seconds, bytes: bytes / seconds };
  } finally {
    await stopProcess(socat);
  }
}

function linesFrom(first: number): string {
  return Array.from({ length: linesAWrite }, (_, n) => {
    const index = first + n;
    return `{"temp":${30 + (index % 700) / 100},"rh":${40 + (index % 130) / 10}}\n`;
  }).join('');
}

async function modbus(): Promise<number> {
  using folder = scratchFolder('bench');
  const port = await freePort();
  const values = Array.from({ length: 65_536 }, (_, address) => address % 100);
  const server = new ServerTCP(
    { getMultipleHoldingRegisters: (address: number, count: number) => values.slice(address, address + count) },
    { host: '127.0.0.1', port },
  );
  await once(server, 'initialized');
  try {
    const names = Array.from({ length: Math.floor(registers / 2) }, (_, n) => `r${n}`);
    const yaml = `
gateway: bench
sources:
  plc: { modbus: "tcp://127.0.0.1:${port}", slave: 1, every: 1ms, registers: { ${names.map((name, n) => `${name}: { at: ${40_001 + 2 * n}, type: float32 }`).join(', ')} } }
signals:
  temperature: { from: plc.r0 }
${names
  .slice(1)
  .map((name) => `  ${name}: { from: plc.${name} }`)
  .join('\n')}
${rules}`;
    await using agent = await startAgentProcess(folder.path, yaml, gatewayEnvironment, gatewayFlags);
    await isOpen(agent, 'plc');
    const before = await agent.status();
    const began = performance.now();
    await new Promise((done) => setTimeout(done, modbusMs));
    const after = await agent.status();
    // Two registers a reading.
    return (2 * (after.taken - before.taken) * 1000) / (performance.now() - began);
  } finally {
    for (const socket of server.socks.keys()) socket.destroy();
    await new Promise<void>((closed) => server.close(() => closed()));
  }
}

async function isOpen(agent: AgentProcess, source: string): Promise<void> {
  await until('the source is open', async () =>
    (await agent.status()).health.some(({ part, up }) => part === `source ${source}` && up),
  );
}
