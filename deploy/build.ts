// `npm run build`: one file for the agent, one for its process that reads Things, one for the hub, and the hub's page, into dist/.
// They run on Node 24 without node_modules, but for serialport, whose native binding stays a package, and esbuild, by which
// pages are made in development.

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';

const root = join(import.meta.dirname, '..');

const program: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  minify: true,
  sourcemap: 'linked',
  legalComments: 'linked',
  // Node's own streams instead of a copy of them in JavaScript.
  alias: { 'readable-stream': 'node:stream' },
  logLevel: 'warning',
  // CommonJS packages inside an ES module ask for `require`.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
};

const forBrowsers: BuildOptions = { bundle: true, minify: true, target: 'es2022', logLevel: 'warning' };

/** @param dist folder to write to; what is in it goes */
export async function buildAll(dist: string): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  await build({
    ...program,
    entryPoints: [join(root, 'edge-agent/src/main.ts')],
    outfile: join(dist, 'agent/main.js'),
    external: ['@serialport/*', 'esbuild'],
    // modbus-serial asks for all of serialport; the agent opens ports by two parts of it.
    alias: { ...program.alias, serialport: join(import.meta.dirname, 'not-installed.cjs') },
  });
  await build({
    ...program,
    entryPoints: [join(root, 'edge-agent/src/wot/child.ts')],
    outfile: join(dist, 'agent/wot-child.js'),
    // A native module of DTLS, which is tried for and done without.
    external: ['node-aead-crypto'],
    alias: { ...program.alias, serialport: join(import.meta.dirname, 'not-installed.cjs') },
  });
  await build({
    ...forBrowsers,
    entryPoints: [join(root, 'edge-agent/web/report.ts'), join(root, 'edge-agent/web/report.css')],
    outdir: join(dist, 'agent/report'),
    format: 'iife',
  });
  await build({
    ...program,
    entryPoints: [join(root, 'hub/src/main.ts')],
    outfile: join(dist, 'hub/main.js'),
    external: ['esbuild'],
  });
  for (const folder of ['agent', 'hub']) writeFileSync(join(dist, folder, 'package.json'), '{ "type": "module" }\n');

  const page = join(dist, 'hub/page');
  mkdirSync(page, { recursive: true });
  await build({
    ...forBrowsers,
    entryPoints: [join(root, 'hub/web/page.ts'), join(root, 'hub/web/page.css')],
    outdir: page,
    format: 'esm',
  });
  for (const file of ['index.html', 'icon.svg']) cpSync(join(root, 'hub/web', file), join(page, file));
}

if (import.meta.main) {
  await buildAll(join(root, 'dist'));
  console.log('built dist/agent, dist/hub');
}
