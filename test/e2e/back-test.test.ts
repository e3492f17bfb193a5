// Back-testing over the black box of an agent that runs, was killed in between, and goes on taking readings meanwhile.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { play } from '@weir/firmware-sim/play.ts';
import { installed } from '@weir/deploy/local/servers.ts';
import { describe, expect, it } from 'vitest';
import { startAgentProcess } from '../support/agent.ts';
import { scratchFolder } from '../support/processes.ts';
import { until } from '../support/wait.ts';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'node_modules/.bin/node');
const main = join(root, 'edge-agent/src/main.ts');

/** Forty minutes up to now, a reading a second; from minute 10 on a minute of 35, from minute 30 on five of 33. */
const start = Math.floor(Date.now() / 60_000) * 60_000 - 40 * 60_000;
const rows = Array.from({ length: 2400 }, (_, second) => {
  const minute = second / 60;
  const temp = minute >= 10 && minute < 11 ? 35 : minute >= 30 && minute < 35 ? 33 : 31;
  return { timeMs: start + second * 1000, values: { temp: temp + (second % 10) / 16 } };
});

const gatewayYaml = (alerts: string): string => `
gateway: line-3
data: ./data
sources:
  tempering: { serial: ./tempering.tty, format: json, time: t }
signals:
  temperature: { from: tempering.temp, unit: °C }
windows:
  - { every: 1m, of: all, compute: [mean] }
alerts:
  too_hot: { ${alerts}, onLate: fire }
  lost: { silent: temperature, for: 30m }
settings: { commit: 100ms }
`;

const atWork = gatewayYaml('when: temperature > 34');
const changed = gatewayYaml('when: temperature > 32, for: 2m');

describe.skipIf(installed('socat') === undefined)('back-testing at the gateway (needs socat)', () => {
  it('says which alarms changed rules would have given, while the agent goes on', async () => {
    using folder = scratchFolder('back-test');
    const target = { serial: join(folder.path, 'tempering.tty') };
    const first = await startAgentProcess(folder.path, atWork);
    await play({ source: rows.slice(0, 1500), target, speed: 'max' });
    await until('the first part is taken', async () => (await first.status()).taken === 1500);
    await until('it is on disk', () => journalBytes(folder.path) > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await first.kill();

    await using second = await startAgentProcess(folder.path, atWork);
    await play({ source: rows.slice(1500), target, speed: 'max' });
    await until('all is taken', async () => (await second.status()).taken === rows.length);
    await new Promise((resolve) => setTimeout(resolve, 500));

    writeFileSync(join(folder.path, 'changed.yaml'), changed);
    const args = ['replay', 'changed.yaml', '--since', '1h', '--report', 'report.html'];
    const out = execFileSync(node, [main, ...args], { cwd: folder.path, encoding: 'utf8' });
    const iso = (minute: number): string => new Date(start + minute * 60_000).toISOString();
    const lines = out.split('\n').filter((line) => line !== '');
    expect(lines[0]).toBe('changed.yaml over what line-3 remembers');
    expect(lines[1]).toContain(`${rows.length} readings of 1 series`);
    expect(lines.slice(2)).toEqual([
      'present: the rules the agent works by; changed: changed.yaml',
      'alarms    present   changed',
      'too_hot         1         1',
      'lost            0         0',
      expect.stringMatching(`^- ${iso(10)} .* too_hot tempering/temperature: temperature is 35, above 34$`),
      expect.stringMatching(`^\\+ ${iso(32)} .* too_hot tempering/temperature: temperature is 33, above 32$`),
    ]);
    expect(readFileSync(join(folder.path, 'report.html'), 'utf8')).toContain('"device":"tempering"');

    // What nobody remembers cannot be tried.
    const later = ['replay', 'changed.yaml', '--since', '2999-01-01'];
    expect(() => execFileSync(node, [main, ...later], { cwd: folder.path, stdio: 'pipe' })).toThrow(
      'nothing lies between --since and --until',
    );
    expect((await second.status()).taken).toBe(rows.length);
    await second.stop();
  }, 60_000);
});

function journalBytes(folder: string): number {
  return Number(execFileSync('du', ['-sb', join(folder, 'data/journal')], { encoding: 'utf8' }).split('\t')[0]);
}
