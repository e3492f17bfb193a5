// `npm test`: types, format, lint, then every test. Ends with one plain line that any CI can read:
//   N passed, N failed, N skipped
// and, above it, the names of what was skipped, so that nobody takes a skipped test for a passed one.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import * as z from 'zod';

const root = join(import.meta.dirname, '..');
const checks = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'format', command: ['oxfmt', '--check', '.'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
];

const reportSchema = z.object({
  success: z.boolean(),
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

const tally = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];
const skips = new Map<string, number>();

const filters = process.argv.slice(2);
if (filters.length === 0) {
  for (const { name, command } of checks) {
    const code = await run(command);
    console.log(`${name}: ${code === 0 ? 'good' : 'FAILED'}`);
    count(code === 0 ? 'passed' : 'failed', name);
  }
}
await runTests(filters);

for (const [name, times] of skips) console.log(`skipped: ${name}${times > 1 ? ` (${times} times)` : ''}`);
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exitCode = tally.failed === 0 ? 0 : 1;

async function runTests(only: readonly string[]): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'weir-test-'));
  const output = join(scratch, 'report.json');
  try {
    const code = await run([
      'vitest',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${output}`,
      ...only,
    ]);
    const report = reportSchema.parse(JSON.parse(readFileSync(output, 'utf8')));
    const before = tally.failed;
    for (const { name, message, assertionResults } of report.testResults) {
      const file = relative(root, name);
      if (assertionResults.length === 0)
        count('failed', `${file}: ${message?.split('\n')[0] ?? 'could not be loaded'}`);
      for (const { fullName, status } of assertionResults) {
        if (status === 'passed') count('passed', fullName);
        else if (status === 'failed') count('failed', `${file}: ${fullName}`);
        else count('skipped', `${file}: ${fullName}`);
      }
    }
    // An error outside any test, such as an unhandled rejection.
    if (code !== 0 && tally.failed === before) count('failed', `vitest exited with code ${code}`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function count(outcome: keyof typeof tally, name: string): void {
  tally[outcome] += 1;
  if (outcome === 'failed') failures.push(name);
  if (outcome === 'skipped') skips.set(name, (skips.get(name) ?? 0) + 1);
}

function run([command = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    // Without colours where nobody watches: escape codes make a CI log unreadable.
    const env = process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
    const child = spawn(join(root, 'node_modules/.bin', command), args, {
      env,
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
