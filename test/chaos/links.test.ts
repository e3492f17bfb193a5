// Real trouble on a real link: packets lost, a connection that is half open, resets, a line of a few kilobytes a second.

import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installed } from '@weir/deploy/local/servers.ts';
import { describe, expect, it } from 'vitest';
import type { LinkReport } from './links-scenario.ts';

const troubleMs = Number(process.env['WEIR_TROUBLE_MS'] ?? 6000);
const hasTools = ['nft', 'unshare', 'mosquitto'].every((program) => installed(program) !== undefined);
const able = hasTools && spawnSync('unshare', ['-n', 'nft', 'list', 'tables']).status === 0;

describe.skipIf(!able)('over a bad link (needs root, network namespaces, nftables, mosquitto)', () => {
  it('what waits grows while nothing gets through, and afterwards nothing is missing and nothing is there twice', () => {
    const output = execFileSync(
      'unshare',
      ['-n', process.execPath, join(import.meta.dirname, 'links-scenario.ts'), String(troubleMs)],
      { encoding: 'utf8', timeout: 600_000 },
    );
    const report = JSON.parse(output.trim().split('\n').at(-1) ?? '') as LinkReport;
    const { issued, taken, delivered, lost, stored, waited } = report;
    expect(issued).toBeGreaterThan(1000);
    expect({ taken, delivered, lost, stored }).toEqual({ taken: issued, delivered: issued, lost: {}, stored: issued });
    expect(waited['half-open: no packet arrives, and nobody is told']).toBeGreaterThan(100);
    expect(waited['connections reset']).toBeGreaterThan(100);
  }, 900_000);
});
