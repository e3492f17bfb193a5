// Generates the wire code from weir.proto: JavaScript with declarations, because protoc-gen-es writes enums into
// TypeScript, which type stripping cannot erase. `--check` says whether what is committed is stale.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = import.meta.dirname;
const wire = join(folder, 'src/wire');
const files = ['weir_pb.js', 'weir_pb.d.ts'];

export function generate(into: string): void {
  const template = {
    version: 'v2',
    plugins: [{ local: 'protoc-gen-es', out: into, opt: ['target=js+dts', 'import_extension=js'] }],
    inputs: [{ directory: wire }],
  };
  execFileSync('buf', ['generate', '--template', JSON.stringify(template)], { cwd: folder, stdio: 'inherit' });
}

export function staleFiles(): string[] {
  const scratch = mkdtempSync(join(tmpdir(), 'weir-generate-'));
  try {
    generate(scratch);
    return files.filter((file) => readFileSync(join(scratch, file), 'utf8') !== readFileSync(join(wire, file), 'utf8'));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

if (import.meta.main) generate(wire);
