// What the virtual machine is made of: a stock Debian kernel, libgpiod, a C library and busybox, unpacked from their packages.
//
// apt fetches them with sources and a state of its own below the folder; what apt knows of this machine stays as it is.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const mirror = 'http://deb.debian.org/debian';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** The first Debian kernels with gpio-sim. */
const kernelSuite = 'trixie-backports';

const guestPackages = [
  'busybox-static',
  'gpiod',
  'libgpiod3',
  'libedit2',
  'libtinfo6',
  'libbsd0',
  'libmd0',
  'libc6',
  'libstdc++6',
  'libgcc-s1',
];

export interface Unpacked {
  /** The packages of the guest, one tree. */
  readonly tree: string;
  readonly kernel: string;
  /** `kernel/` with all modules below it. */
  readonly modules: string;
  readonly release: string;
}

/** The mirror cannot be reached, or has not what is needed. */
export class NoPackages extends Error {
  override readonly name = 'NoPackages';
}

/** @param folder kept from run to run: what is there is not fetched again @throws NoPackages */
export function unpackDebian(folder: string): Unpacked {
  const tree = join(folder, 'tree');
  if (!existsSync(tree)) {
    const fresh = join(folder, 'tree.new');
    const debs = join(folder, 'debs');
    for (const path of [fresh, debs]) rmSync(path, { recursive: true, force: true });
    for (const path of [fresh, debs]) mkdirSync(path, { recursive: true });
    try {
      fetchPackages(folder, debs);
    } catch (error) {
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
      throw new NoPackages(`${mirror} does not give the packages: ${said.slice(-300)}`, { cause: error });
    }
    for (const deb of readdirSync(debs)) execFileSync('dpkg-deb', ['-x', join(debs, deb), fresh], { stdio: 'pipe' });
    rmSync(debs, { recursive: true });
    renameSync(fresh, tree);
  }
  const kernels = join(tree, 'usr/lib/modules');
  const [release] = readdirSync(kernels);
  if (release === undefined) throw new Error(`${kernels} is empty: remove ${folder} and try again`);
  return { tree, kernel: join(kernels, release, 'vmlinuz'), modules: join(kernels, release), release };
}

function fetchPackages(folder: string, debs: string): void {
  const state = join(folder, 'apt');
  for (const path of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(state, path), { recursive: true });
  const sources = join(state, 'sources.list');
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
  writeFileSync(sources, ['trixie', kernelSuite].map((suite) => `deb ${signed}${mirror} ${suite} main\n`).join(''));
  writeFileSync(join(state, 'status'), '');
  const options = [
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::lists=${state}/lists`,
    `Dir::State::status=${state}/status`,
    `Dir::Cache=${state}/cache`,
    'APT::Architecture=amd64',
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    'Acquire::Retries=2',
    'Acquire::http::Timeout=20',
    // Without it apt says good-bye with 0 although nothing came.
    'APT::Update::Error-Mode=any',
  ].flatMap((option) => ['-o', option]);
  const apt = (program: string, ...args: string[]): string =>
    execFileSync(program, [...options, ...args], { cwd: debs, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  apt('apt-get', 'update');
  const newest = apt('apt-cache', '-t', kernelSuite, 'show', '--no-all-versions', 'linux-image-amd64');
  const [, release] = /^Depends:.*\blinux-image-(\d[^\s,]*)/m.exec(newest) ?? [];
  if (release === undefined) throw new Error(`${kernelSuite} has no linux-image-amd64`);
  const kernel = [`linux-binary-${release}`, `linux-modules-${release}`];
  apt('apt-get', 'download', ...kernel, ...guestPackages);
}
