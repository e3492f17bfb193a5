// The core is pure: the same inputs in the same order give the same outputs, in a browser as on a gateway. And its folders
// know each other in one direction only. Both are read off the source text.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const root = import.meta.dirname;
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('.d.ts'))
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

/** What each folder may import, besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  model: [],
  stream: ['model'],
  expression: [],
  detect: ['model'],
  alert: ['model', 'expression', 'detect'],
  pipeline: ['model', 'stream', 'expression', 'detect', 'alert'],
  wire: ['model'],
  config: ['model', 'stream', 'expression', 'detect', 'alert', 'wire', 'pipeline'],
  testing: ['model', 'alert', 'pipeline'],
};

const packages = new Set(['@bufbuild/protobuf', 'fastest-levenshtein', 'jsep', 'yaml', 'zod']);

const impure = [
  /\bDate\.now\b/,
  /\bnew Date\(\s*\)/,
  /\bDate\(\s*\)/,
  /\bMath\.random\b/,
  /\bset(?:Timeout|Interval|Immediate)\b/,
  /\bqueueMicrotask\b/,
  /\bperformance\b/,
  /\bprocess\b/,
  /\bcrypto\b/,
  /\bfetch\(/,
  /\bglobalThis\b/,
];

function importsOf(text: string): string[] {
  const specifier = /^(?:import|export)\b[^;]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\(\s*'([^']+)'/gm;
  return [...text.matchAll(specifier)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '');
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '');
}

function folderOf(file: string): string {
  return file.split('/')[0] ?? '';
}

test('the files are found, and their imports too', () => {
  expect(files.map(({ file }) => file)).toContain('pipeline/pipeline.ts');
  const pipeline = files.find(({ file }) => file === 'pipeline/pipeline.ts');
  expect(importsOf(pipeline?.text ?? '')).toContain('./series-state.ts');
  expect(new Set(files.map(({ file }) => folderOf(file)))).toStrictEqual(new Set(Object.keys(allowed)));
});

test.each(files)('$file knows no clock, no random number, no timer and no process', ({ text }) => {
  const code = withoutComments(text);
  expect(impure.filter((pattern) => pattern.test(code)).map(String)).toStrictEqual([]);
});

test.each(files)(
  '$file imports only its own folder, the folders below it, and packages that run in a browser',
  ({ file, text }) => {
    const folder = folderOf(file);
    const wrong = importsOf(text).filter((specifier) => {
      if (!specifier.startsWith('.')) return !packages.has(specifier);
      const target = folderOf(relative(root, join(root, dirname(file), specifier)));
      return target !== folder && !(allowed[folder] ?? []).includes(target);
    });
    expect(wrong).toStrictEqual([]);
  },
);
