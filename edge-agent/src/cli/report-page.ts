// The page of a back-test: one file that needs no other and no network, so that it can be sent to whoever decides about the rules.
//
// Run from the repository, its script is bundled in memory; run from a bundle, it lies ready in `report/` beside it.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportData } from '../backtest/report-data.ts';

/** @returns HTML */
export async function reportPage(data: ReportData): Promise<string> {
  const { script, style } = await assets();
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeText(data.title)}</title>
<style>${style.replaceAll('</style', '<\\/style')}</style>
</head>
<body>
<main id="report"></main>
<script type="application/json" id="data">${JSON.stringify(data).replaceAll('<', String.raw`\u003c`)}</script>
<script>${script.replaceAll('</script', String.raw`<\/script`)}</script>
</body>
</html>
`;
}

async function assets(): Promise<{ script: string; style: string }> {
  const ready = join(import.meta.dirname, 'report');
  if (existsSync(join(ready, 'report.js')))
    return {
      script: await readFile(join(ready, 'report.js'), 'utf8'),
      style: await readFile(join(ready, 'report.css'), 'utf8'),
    };
  const { build } = await import('esbuild');
  const source = join(import.meta.dirname, '../../web');
  const { outputFiles } = await build({
    entryPoints: [join(source, 'report.ts'), join(source, 'report.css')],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    outdir: source,
    logLevel: 'silent',
  });
  const textOf = (end: string): string => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? '';
  return { script: textOf('.js'), style: textOf('.css') };
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
