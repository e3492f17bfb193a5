// An agent in a process of its own, for tests and benches: started with a gateway file and a data folder, it answers every
// message with its status, and drains and stops on `stop`.

import { dirname } from 'node:path';
import { startAgent } from '@weir/edge-agent/agent.ts';
import { loadGatewayFile } from '@weir/edge-agent/cli/gateway-file.ts';
import { silentLogger, stderrLogger } from '@weir/edge-agent/logger.ts';

const [path = '', data = ''] = process.argv.slice(2);
const file = loadGatewayFile(path, () => undefined);
const logger = process.env['WEIR_TEST_LOG'] === undefined ? silentLogger : stderrLogger(Date.now);
const agent = await startAgent({ file, base: dirname(path), data, logger, statusMs: 500 });

process.on('message', (message) => {
  if (message === 'stop') void agent.stop().then(() => process.exit(0));
  else process.send?.(agent.status());
});
process.send?.('ready');
