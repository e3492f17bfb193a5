// Writes the dashboards as JSON to dashboards/grafana/, where Grafana's provisioning reads them.
//
//   node dashboards/src/build.ts           writes the files
//   node dashboards/src/build.ts --check   writes nothing; exits with 1 when a file is not what the code says
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { all } from './all.ts';
import { jsonOf } from './json-of.ts';

const folder = join(import.meta.dirname, '../grafana');

if (process.argv.includes('--check')) await check();
else await write();

async function check(): Promise<void> {
  for (const { fileName, dashboard } of all) {
    const written = await readFile(join(folder, fileName), 'utf8').catch(() => undefined);
    if (written === jsonOf(dashboard)) continue;
    process.stderr.write(`dashboards/grafana/${fileName} is stale; run: node dashboards/src/build.ts\n`);
    process.exitCode = 1;
  }
}

async function write(): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { fileName, dashboard } of all) await writeFile(join(folder, fileName), jsonOf(dashboard));
}
