// `npm run bench [name or group …] [-- --json]`: a table for people; with --json one line a result for machines.

import { alerts } from './alerts.ts';
import type { Bench } from './bench.ts';
import { engine } from './engine.ts';
import { drain } from './drain.ts';
import { alertDuringDrain } from './alert-during-drain.ts';
import { backlog } from './backlog.ts';
import { detection } from './detection.ts';
import { disk } from './disk.ts';
import { journal } from './journal.ts';
import { recovery } from './recovery.ts';
import { sourcesIdle, sourcesStart } from './sources-idle.ts';
import { sourcesModbus, sourcesSerial } from './sources-lines.ts';
import { sourcesMqtt } from './sources-mqtt.ts';
import { wire } from './wire.ts';

const benches: readonly Bench[] = [
  engine,
  sourcesMqtt,
  sourcesSerial,
  sourcesModbus,
  sourcesIdle,
  sourcesStart,
  drain,
  alertDuringDrain,
  disk,
  journal,
  backlog,
  recovery,
  wire,
  detection,
  alerts,
];

const json = process.argv.includes('--json');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const chosen = benches.filter(
  ({ name, group }) => wanted.length === 0 || [name, group ?? name].some((one) => wanted.includes(one)),
);
if (chosen.length === 0) {
  console.error(
    `no bench "${wanted.join(' ')}"; there are: ${[...new Set(benches.flatMap(({ name, group }) => group ?? name)), ...benches.map(({ name }) => name)].join(', ')}`,
  );
  process.exitCode = 2;
}

for (const bench of chosen) {
  if (!json) console.log(`\n${bench.name}: ${bench.about}`);
  for await (const result of bench.run()) {
    if ('skipped' in result) {
      if (!json) console.log(`  skipped: ${result.skipped}`);
    } else if (json) console.log(JSON.stringify(result));
    else console.log(`  ${result.case.padEnd(24)} ${result.metric.padEnd(20)} ${format(result.value)}`);
  }
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
