// The shape of the house: which folders there are, and that imports point one way.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { actionKinds } from '@weir/edge-agent/actions/registry.ts';
import { sourceKinds } from '@weir/edge-agent/sources/registry.ts';
import { describe, expect, it } from 'vitest';
import { staleFiles as staleReference } from '../edge-agent/generate.ts';

const root = join(import.meta.dirname, '..');

/** Who may import whom, across workspaces. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  'edge-agent': ['shared'],
  hub: ['shared'],
  'firmware-sim': ['shared'],
  dashboards: ['shared'],
  deploy: ['shared', 'edge-agent', 'hub', 'firmware-sim', 'dashboards'],
  test: ['shared', 'edge-agent', 'hub', 'firmware-sim', 'dashboards', 'deploy'],
};

describe('the repository', () => {
  it('has the folders of the design at the top, and no others', () => {
    const folders = readdirSync(root, { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isDirectory() &&
          !entry.name.startsWith('.') &&
          !['node_modules', 'dist', 'scratch'].includes(entry.name),
      )
      .map(({ name }) => name);
    expect(folders.toSorted()).toEqual([...Object.keys(allowed), 'docs'].toSorted());
  });

  it.each(Object.entries(allowed))('%s imports only %j', (workspace, others) => {
    const imported = sources(workspace).flatMap(({ text }) =>
      [...text.matchAll(/from '@weir\/([a-z-]+)\//g)].map(([, name]) => name),
    );
    expect([...new Set(imported)].filter((name) => name !== undefined && !others.includes(name))).toEqual([]);
  });

  it.each(Object.keys(allowed))('%s reaches into no other folder by a relative path', (workspace) => {
    const climbing = sources(workspace).filter(({ path, text }) => {
      const depth = path.split('/').length - 2;
      return new RegExp(`from '(\\.\\./){${depth + 1},}`).test(text);
    });
    // This file checks what edge-agent generates, which no package exports.
    expect(climbing.map(({ path }) => path)).toEqual(workspace === 'test' ? ['test/layout.test.ts'] : []);
  });

  it('wires the agent and the hub in one place each: nothing else imports from most of their folders', () => {
    for (const [workspace, wiring] of [
      ['edge-agent', 'edge-agent/src/agent.ts'],
      ['hub', 'hub/src/hub.ts'],
    ] as const) {
      const reach = sources(workspace)
        .filter(({ path }) => !path.includes('.test.') && !path.includes('/testing/'))
        .map(({ path, text }) => ({
          path,
          folders: new Set([...text.matchAll(/from '\.\/([a-z]+)\//g)].map(([, folder]) => folder)).size,
        }))
        .toSorted((a, b) => b.folders - a.folders);
      expect(reach[0]?.path).toBe(wiring);
    }
  });

  it('has no file that only re-exports', () => {
    const barrels = Object.keys(allowed)
      .flatMap(sources)
      .filter(({ text }) =>
        text.split('\n').every((line) => line.trim() === '' || line.startsWith('//') || /^export .* from /.test(line)),
      );
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });

  it('has a page of docs for every source and every action', () => {
    const pages = [
      ...sourceKinds.map(({ key }) => `docs/sources/${key}.md`),
      ...actionKinds.map(({ key }) => `docs/actions/${key}.md`),
    ];
    expect(pages.filter((page) => !existsSync(join(root, page)))).toEqual([]);
  });

  it('has the reference and the JSON Schema of the gateway file as the schema gives them now', () => {
    expect(staleReference()).toEqual([]);
  });

  it('links in its Markdown only to files that are there', () => {
    const pages = tracked().filter((path) => path.endsWith('.md'));
    const broken = pages.flatMap((page) => {
      const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(
        ([, link]) => link ?? '',
      );
      return links.filter((link) => !existsSync(join(root, page, '..', link))).map((link) => `${page}: ${link}`);
    });
    expect(broken).toEqual([]);
  });
});

function sources(workspace: string): { path: string; text: string }[] {
  return tracked()
    .filter(
      (path) =>
        path.startsWith(`${workspace}/`) &&
        path.endsWith('.ts') &&
        !path.endsWith('.d.ts') &&
        existsSync(join(root, path)),
    )
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

function tracked(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  return listed.trim().split('\n');
}
