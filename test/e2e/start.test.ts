// What the README promises of `npm start`, run as a person runs it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'node_modules/.bin/node');

const summarySchema = z.object({
  readings: z.number(),
  panes: z.number(),
  alerts: z.number(),
  stored: z.number(),
  pending: z.number(),
  lost: z.record(z.string(), z.number()),
  balanced: z.boolean(),
  alertLatencyMs: z.object({ p50: z.number(), p99: z.number() }),
  backlogMax: z.number(),
  store: z.string(),
  sent: z.object({ readings: z.number(), bad: z.record(z.string(), z.number()) }),
});

describe('npm start', () => {
  it('ends by itself with a ledger that balances and loses only what the simulator made bad', async () => {
    const { stdout, code } = await start(['--for', '25s', '--json', '--port', '0']);
    expect(code).toBe(0);
    const summary = summarySchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
    expect(summary.balanced).toBe(true);
    expect(summary.readings).toBe(summary.sent.readings);
    expect(summary.stored).toBeGreaterThan(1000);
    // Readings of the band whose clock runs ahead are no loss: they are stamped with the gateway's time.
    const { future, ...others } = summary.sent.bad;
    expect(future).toBeGreaterThan(0);
    const bad = Object.fromEntries(Object.entries(others).filter(([, count]) => count > 0));
    expect(summary.lost).toEqual(bad);
    expect(Object.keys(bad).length).toBeGreaterThan(0);
    // The overheating chocolate: fired and cleared.
    expect(summary.alerts).toBeGreaterThanOrEqual(2);
  }, 90_000);

  it('ends cleanly at Ctrl-C and leaves no process behind', async () => {
    const child = spawn(node, ['deploy/local/start.ts', '--port', '0'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const running = new Promise<void>((resolve) => {
      child.stdout.on('data', () => output.includes(' readings (') && resolve());
    });
    await running;
    expect(output).toMatch(/page: http:\/\/127\.0\.0\.1:\d+/);
    const children = childrenOf(child.pid ?? -1);
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);
  }, 90_000);

  it('does without InfluxDB and socat: SQLite stores, the boards print on TCP', async () => {
    // Nothing but Node on the path, as on a machine where nothing is installed.
    const { stdout, stderr, code } = await start(['--for', '8s', '--json', '--port', '0'], {
      PATH: '/nowhere',
      INFLUX_URL: '',
    });
    expect(code).toBe(0);
    expect(stderr).toContain('store: SQLite. For InfluxDB: apt-get install influxdb');
    const summary = summarySchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
    expect(summary).toMatchObject({ store: 'SQLite', balanced: true });
    expect(summary.stored).toBeGreaterThan(0);
  }, 60_000);

  it('says what is wrong with its arguments and starts nothing', async () => {
    const { stderr, code } = await start(['--for', 'soon']);
    expect(code).toBe(2);
    expect(stderr).toContain('"soon" is not a duration; write it like 25s');
  });
});

async function start(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string; code: number }> {
  const child = spawn(node, ['deploy/local/start.ts', ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = await once(child, 'close');
  return { stdout, stderr, code: Number(code) };
}

/** Process ids of everything the process has started, by /proc. */
function childrenOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // Gone meanwhile.
    }
  }
  const direct = [...parents].filter(([, parent]) => parent === pid).map(([child]) => child);
  return direct.flatMap((child) => [child, ...childrenOf(child)]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
