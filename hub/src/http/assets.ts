// The page's files: `/`, `/page.js`, `/page.css`, `/icon.svg`.
//
// Run from the repository, hub/web/page.ts and page.css are bundled in memory at the first request, each with everything it
// imports. Run from a bundle, the files lie ready in `page/` beside it.

import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HttpError } from './respond.ts';

export interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
}

const types = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

type AssetName = keyof typeof types;

export class Assets {
  readonly #source: string;
  readonly #built: string;
  #files: Promise<ReadonlyMap<string, Uint8Array>> | undefined;

  /** @param source folder of page.ts @param built folder of the files ready to serve */
  constructor(
    source: string = join(import.meta.dirname, '../../web'),
    built: string = join(import.meta.dirname, 'page'),
  ) {
    this.#source = source;
    this.#built = built;
  }

  /** @returns undefined when the path is none of the page's @throws HttpError 404 when there is no page */
  async find(path: string): Promise<Asset | undefined> {
    const name = path === '/' ? 'index.html' : path.slice(1);
    if (!isAssetName(name)) return undefined;
    this.#files ??= this.#load();
    const files = this.#files;
    try {
      const body = (await files).get(name);
      if (body === undefined) throw new HttpError(404, `the page has no ${name}`);
      return { type: types[name], body };
    } catch (error) {
      // What was missing or wrong may be mended while the hub runs.
      if (this.#files === files) this.#files = undefined;
      throw error;
    }
  }

  async #load(): Promise<ReadonlyMap<string, Uint8Array>> {
    if (existsSync(join(this.#built, 'index.html'))) return readFolder(this.#built);
    if (existsSync(join(this.#source, 'page.ts'))) return bundle(this.#source);
    throw new HttpError(404, 'this hub was built without its page; the API is at /api/gateways');
  }
}

async function bundle(source: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const { build } = await import('esbuild');
  const entryPoints = ['page.ts', 'page.css'].map((name) => join(source, name)).filter((file) => existsSync(file));
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    outdir: source,
    logLevel: 'silent',
  });
  const files = new Map(await readFolder(source));
  for (const { path, contents } of outputFiles) files.set(path.slice(path.lastIndexOf('/') + 1), contents);
  return files;
}

async function readFolder(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const names = Object.keys(types).filter((name) => existsSync(join(folder, name)));
  const bodies = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return new Map(names.map((name, index) => [name, bodies[index] ?? new Uint8Array()]));
}

function isAssetName(name: string): name is AssetName {
  return Object.hasOwn(types, name);
}
