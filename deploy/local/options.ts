// The command line of `npm start`.

import { parseArgs } from 'node:util';
import { parseDuration } from '@weir/shared/model/duration.ts';

export interface LocalOptions {
  /** Ends by itself after so long; otherwise at Ctrl-C. */
  readonly forMs: number | undefined;
  /** One JSON object on the last line of standard output, and no screen. */
  readonly json: boolean;
  readonly httpPort: number;
}

export const usage = `npm start                          a factory line and wearables, from sensor to page; Ctrl-C ends it
npm start -- --for 25s             ends by itself
npm start -- --for 25s --json      and prints one JSON object last
npm start -- --port 8080           port of the page (default 8080, or any free one)
INFLUX_URL=http://127.0.0.1:8086   uses that InfluxDB 1.x; otherwise influxd when installed, otherwise SQLite`;

/** @returns the options, or what is wrong with the arguments */
export function parseOptions(args: readonly string[]): LocalOptions | string {
  let values: { for?: string; json?: boolean; port?: string; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        for: { type: 'string' },
        json: { type: 'boolean' },
        port: { type: 'string' },
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${usage}`;
  }
  if (values.help === true) return usage;
  const forMs = values.for === undefined ? undefined : parseDuration(values.for);
  if (values.for !== undefined && forMs === undefined)
    return `--for: "${values.for}" is not a duration; write it like 25s`;
  const httpPort = Number(values.port ?? 8080);
  if (!Number.isInteger(httpPort) || httpPort < 0 || httpPort > 65_535)
    return `--port: "${values.port ?? ''}" is not a port`;
  if (values.json === true && forMs === undefined) return '--json prints at the end: say when that is, with --for 25s';
  return { forMs, json: values.json ?? false, httpPort };
}
