// `npm run test:vm`: scenarios that need a kernel of their own, in virtual machines: GPIO lines and USB serial ports that come and go.
// QEMU emulates the processor (TCG), so it runs where KVM does not. Needs Linux on x86-64 with apt and Debian's mirror. As root it
// installs the packages it needs; otherwise it says which. What it fetches stays in a folder of the system's for temporary files.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed } from '@weir/deploy/local/servers.ts';
import { scratchFolder } from '../support/processes.ts';
import { NoPackages } from './debian.ts';
import { makeImage, type Image } from './image.ts';

const root = join(import.meta.dirname, '../..');
const cache = join(tmpdir(), 'weir-vm');
const needed = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  xz: 'xz-utils',
};

const started = performance.now();
const say = (line: string): void =>
  console.log(`vm: ${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${line}`);

using scratch = scratchFolder('vm-image');
const image = await prepare();
if (typeof image === 'string') say(`all scenarios are skipped: ${image}`);
const env = { ...process.env, ...(typeof image === 'string' ? {} : { WEIR_VM_IMAGE: JSON.stringify(image) }) };
const vitest = join(root, 'node_modules/.bin/vitest');
const config = join(import.meta.dirname, 'vitest.config.ts');
const { status } = spawnSync(vitest, ['run', '--config', config, '--reporter=verbose', ...process.argv.slice(2)], {
  cwd: root,
  env,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;

/** @returns why it cannot be, as text */
async function prepare(): Promise<Image | string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'they need Linux on x86-64';
  const missing = missingPackages();
  if (missing.length > 0 && process.getuid?.() === 0 && installed('apt-get') !== undefined) {
    say(`installing ${missing.join(', ')}`);
    const apt = ['install', '-y', '--no-install-recommends', ...missing];
    spawnSync('apt-get', apt, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'ignore' });
  }
  const still = missingPackages();
  if (still.length > 0) return `not installed: ${still.join(', ')} (apt install ${still.join(' ')})`;
  mkdirSync(cache, { recursive: true });
  try {
    return await makeImage(cache, scratch.path, say);
  } catch (error) {
    // Anything else is a mistake of ours.
    if (!(error instanceof NoPackages)) throw error;
    return error.message;
  }
}

function missingPackages(): readonly string[] {
  return Object.entries(needed).flatMap(([program, name]) => (installed(program) === undefined ? [name] : []));
}
