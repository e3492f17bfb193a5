// The disk under a running agent goes wrong for real: it is full to the last byte, it is read-only, its calls fail. Alerts and their
// actions go on, health says what is wrong, and when it is over nothing that was taken in is missing at the hub.
//
// A file system with files open for writing cannot be made read-only from outside (mount says it is busy), so these errors are
// put in between the agent and the system's library, at its real calls (failing-calls.c).

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { installed } from '@weir/deploy/local/servers.ts';
import { MqttSession } from '@weir/edge-agent/mqtt/session.ts';
import type { AgentStatus } from '@weir/edge-agent/status.ts';
import { describe, expect, it } from 'vitest';
import { startAgentProcess, type AgentProcess } from '../support/agent.ts';
import { startHubProcess } from '../support/hub.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { expectAllStored } from './all-stored.ts';
import { sense } from './sensors.ts';

const hasBroker = installed('mosquitto') !== undefined;
const canMount = process.getuid?.() === 0 && isMountable();
const canPreload = installed('cc') !== undefined;
const windowMs = 1000;

const gatewayYaml = (broker: number, hub: number): string => `
gateway: line-3
hub: mqtt://127.0.0.1:${hub}
sources:
  bench: { mqtt: "mqtt://127.0.0.1:${broker}", topics: ["bench/{device}/{signal}"], time: t, value: v }
signals:
  temperature: { from: bench.temp }
windows:
  - { every: 1s, of: all, compute: [mean, min, max], lateness: 1h }
alerts:
  too_hot: { when: temperature > 38, clear: temperature < 5, chatter: tell, onLate: fire, do: [horn] }
actions:
  horn: { mqtt: "mqtt://127.0.0.1:${broker}", topic: "alarms/{device}", limit: none }
settings: { idleAfter: 3s, commit: 100ms, minFree: 1MB }
`;

interface Trouble {
  readonly begin: () => void;
  readonly end: () => void;
  /** What health is to say of the journal. */
  readonly said: RegExp;
  /** Whether nothing can be written at all, until it ends. */
  readonly isTotal: boolean;
}

interface Outcome {
  readonly tooMany: number;
  readonly missing: number;
  readonly lost: AgentStatus['lost'];
  /** What is not well at the end. */
  readonly down: AgentStatus['health'];
}

const allWell: Outcome = { tooMany: 0, missing: 0, lost: {}, down: [] };

/** An agent under load, whose disk gets into trouble `times` times. */
async function livesThrough(
  base: string,
  folder: string,
  trouble: Trouble,
  { times = 2, env = {} }: { times?: number; env?: Record<string, string> } = {},
): Promise<Outcome> {
  await using hub = await startHubProcess(join(base, 'hub'));
  await using broker = await startMosquitto(base);
  let alarms = 0;
  const listener = await listenTo(broker.port, () => (alarms += 1));
  const key = hub.addGateway('line-3');
  await using agent = await startAgentProcess(folder, gatewayYaml(broker.port, hub.mqttPort), {
    WEIR_HUB_KEY: key,
    ...env,
  });
  const end = new AbortController();
  try {
    await until('the sensors are listened to', async () => part(await agent.status(), 'source bench')?.up);
    const sensing = Promise.all(['a', 'b'].map((device) => sense(broker.port, device, end.signal)));
    await until('something is on disk', async () => (await agent.status()).delivered > 0);
    for (let time = 0; time < times; time++) {
      trouble.begin();
      await until('health says what is wrong', async () =>
        trouble.said.test(part(await agent.status(), 'journal')?.detail ?? ''),
      );
      if (trouble.isTotal)
        await until('sources are answered from memory', async () => (await agent.status()).storage.atRisk > 0);
      const before = { ...(await agent.status()), alarms };
      const goesOn = async (): Promise<boolean> => {
        const { taken, alerts } = await agent.status();
        return taken > before.taken + 1000 && alerts > before.alerts + 20 && alarms > before.alarms + 20;
      };
      await until('readings, alerts and alarms go on', goesOn);
      expectBalanced(await agent.status());
      trouble.end();
      await until('the journal works again', async () => part(await agent.status(), 'journal')?.up);
    }
    end.abort();
    const issued = (await sensing).flat();
    await until('everything is delivered', () => isDelivered(agent, issued.length));
    const status = await agent.status();
    expectBalanced(status);
    await agent.stop();
    await hub.stop();
    await expectAllStored(hub, 'line-3', issued, windowMs);
    const { taken, delivered, lost, health } = status;
    return {
      tooMany: taken - issued.length,
      missing: issued.length - delivered,
      lost,
      down: health.filter(({ up }) => !up),
    };
  } finally {
    end.abort();
    trouble.end();
    await listener.end();
  }
}

const part = (status: AgentStatus, name: string) => status.health.find((one) => one.part === name);

function expectBalanced({ taken, open, pending, delivered, lost, imbalance }: AgentStatus): void {
  const gone = Object.values(lost).reduce((sum, count) => sum + count, 0);
  expect({ imbalance, taken }).toEqual({ imbalance: 0, taken: open + pending + delivered + gone });
}

async function isDelivered(agent: AgentProcess, count: number): Promise<boolean> {
  const { taken, pending, open, uncommitted } = await agent.status();
  return taken >= count && pending + open + uncommitted === 0;
}

async function listenTo(port: number, heard: () => void): Promise<MqttSession> {
  const session: MqttSession = await MqttSession.connect(
    {
      url: `mqtt://127.0.0.1:${port}`,
      clientId: 'listener',
      protocolVersion: 4,
      clean: true,
      keepaliveS: 60,
      maxPacketBytes: 64 * 1024,
      onMessage: ({ messageId }) => {
        heard();
        if (messageId !== undefined) session.acknowledge([messageId], []);
      },
    },
    AbortSignal.timeout(30_000),
  );
  await session.subscribe(['alarms/#'], 1);
  return session;
}

function isMountable(): boolean {
  using scratch = scratchFolder('mount');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'weir-test', scratch.path], { stdio: 'ignore' });
    execFileSync('umount', [scratch.path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Writes a file until nothing more fits on the disk. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let size = 1024 * 1024; size >= 1; size /= 4) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

describe.skipIf(!hasBroker || !canMount)('a disk that is full (needs mosquitto, and root for a tmpfs)', () => {
  it('stops no reading and no alert, and nothing is missing at the hub when there is room again', async () => {
    using scratch = scratchFolder('full-disk');
    const disk = join(scratch.path, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'weir-test', disk]);
    try {
      const filler = join(disk, 'filler');
      const outcome = await livesThrough(scratch.path, disk, {
        begin: () => fill(filler),
        end: () => rmSync(filler, { force: true }),
        isTotal: true,
        said: /^ENOSPC: .*; what comes in is kept in memory until the disk works again$/,
      });
      expect(outcome).toEqual(allWell);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  }, 60_000);
});

describe.skipIf(!hasBroker || !canPreload)('a disk whose calls fail (needs mosquitto and a C compiler)', () => {
  it.each([
    { what: 'read-only', error: 'EROFS', percent: 100 },
    { what: 'every write fails', error: 'EIO', percent: 100 },
    { what: 'every third call fails', error: 'EIO', percent: 33 },
  ] as const)(
    '$what: it stops no reading and no alert, and nothing is missing at the hub when it works again',
    async ({ error, percent }) => {
      using scratch = scratchFolder('failing-disk');
      const library = join(scratch.path, 'failing-calls.so');
      const control = join(scratch.path, 'control');
      execFileSync('cc', ['-shared', '-fPIC', '-o', library, join(import.meta.dirname, 'failing-calls.c'), '-ldl']);
      const folder = join(scratch.path, 'gateway');
      mkdirSync(folder);
      const say = (...numbers: [error: number, percent: number]): void => {
        writeFileSync(control, Buffer.from(new Int32Array(numbers).buffer), { flag: 'r+' });
      };
      writeFileSync(control, Buffer.alloc(8));
      const outcome = await livesThrough(
        scratch.path,
        folder,
        {
          begin: () => say(constants.errno[error], percent),
          end: () => say(0, 0),
          isTotal: percent === 100,
          said: new RegExp(`^${error}: .*; what comes in is kept in memory until the disk works again$`),
        },
        {
          times: 1,
          env: {
            LD_PRELOAD: library,
            WEIR_FAULT_FOLDER: join(folder, 'data'),
            WEIR_FAULT_CONTROL: control,
          },
        },
      );
      expect(outcome).toEqual(allWell);
    },
    60_000,
  );
});
