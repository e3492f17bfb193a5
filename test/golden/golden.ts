// `node test/golden/golden.ts --write <case>…` writes a case's expected.jsonl as the code now has it.
//
// That makes it no golden case yet: read every line of it and work out by hand why it must be so; the reasoning belongs into
// the comments of gateway.yaml. Without `--write` the lines are only shown.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { expectedPath, readCase } from './case.ts';
import { linesOf } from './lines.ts';
import { play } from './play.ts';

const { values, positionals } = parseArgs({ options: { write: { type: 'boolean' } }, allowPositionals: true });

for (const name of positionals) {
  const { plan, steps } = readCase(name);
  const text = `${linesOf(play(plan, steps)).join('\n')}\n`;
  process.stdout.write(text);
  if (values.write === true) writeFileSync(expectedPath(name), text);
}
