import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Folders that touch the machine, and the two files that wire them. */
const adapters = new Set([
  'sources',
  'log',
  'uplink',
  'actions',
  'time',
  'mqtt',
  'gpio',
  'cli',
  'control',
  'serial',
  'modbus',
  'recordings',
  'machine',
  'wot',
  'thing',
]);
const wiring = new Set(['agent.ts', 'main.ts']);

const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.startsWith('testing/'))
  .map((path) => ({ path, text: readFileSync(join(import.meta.dirname, path), 'utf8') }));

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import) ?\(?'([^']+)'/g)].map(([, name]) => name ?? '');
}

describe('the agent', () => {
  it('touches files, sockets and timers in its adapters only', () => {
    const machine = /^node:(?!path$|zlib$|crypto$|events$)/;
    const timers =
      /\b(?:setTimeout|setInterval|setImmediate|fetch)\(|\bDate\.now\b|\bperformance\.now\b|\bMath\.random\b/;
    const touching = sources.filter(
      ({ text }) => importsOf(text).some((name) => machine.test(name)) || timers.test(text),
    );
    const elsewhere = touching.filter(({ path }) => !adapters.has(path.split('/')[0] ?? '') && !wiring.has(path));
    expect(touching.length).toBeGreaterThan(5);
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });

  it('knows a format from nothing but its bytes: formats open nothing', () => {
    const formats = sources.filter(({ path }) => path.startsWith('formats/'));
    expect(formats.length).toBeGreaterThan(3);
    expect(formats.flatMap(({ text }) => importsOf(text)).filter((name) => name.startsWith('node:'))).toEqual([]);
  });

  it('wires its parts in one file: nothing but the command line imports that, and only it imports sources and uplink', () => {
    const importers = (name: RegExp): string[] =>
      sources.filter(({ text }) => importsOf(text).some((found) => name.test(found))).map(({ path }) => path);
    expect(importers(/\/agent\.ts$/)).toEqual(['main.ts']);
    expect(importers(/\/uplink\/uplink\.ts$/)).toEqual(['agent.ts']);
    expect(importers(/\/sources\/registry\.ts$/).toSorted()).toEqual(['agent.ts', 'cli/gateway-file.ts']);
  });

  it('keeps node-wot out of its own process: only what the child reaches imports it', () => {
    const reach = (path: string, found: Set<string>): Set<string> => {
      found.add(path);
      const text = sources.find((source) => source.path === path)?.text ?? '';
      for (const name of importsOf(text)) {
        const next = name.startsWith('.') ? join(path, '..', name) : undefined;
        if (next !== undefined && !found.has(next)) reach(next, found);
      }
      return found;
    };
    const importing = sources.filter(({ text }) => importsOf(text).some((name) => name.startsWith('@node-wot/')));
    const inAgent = reach('main.ts', new Set());
    const inChild = reach('wot/child.ts', new Set());
    expect(inAgent).toContain('wot/thing-process.ts');
    expect(importing.map(({ path }) => path).filter((path) => inAgent.has(path))).toEqual([]);
    expect(importing.map(({ path }) => path).filter((path) => !inChild.has(path))).toEqual([]);
    expect(importing.length).toBeGreaterThan(2);
  });

  it('loads serial ports, Modbus and Parquet only when one is configured', () => {
    const loading = sources.filter(({ text }) =>
      /^import (?!type ).*'(?:@serialport\/.*|modbus-serial|hyparquet)'/m.test(text),
    );
    expect(loading.map(({ path }) => path)).toEqual([]);
  });
});
