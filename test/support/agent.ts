// Starts an agent in its own process and talks to it.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentStatus } from '@weir/edge-agent/status.ts';
import { stopProcess } from './processes.ts';

export interface AgentProcess extends AsyncDisposable {
  readonly process: ChildProcess;
  status(): Promise<AgentStatus>;
  /** A graceful stop. */
  stop(): Promise<void>;
  /** As a power cut would, for the process. */
  kill(): Promise<void>;
}

/**
 * @param folder holds the gateway file and the data; the same folder again goes on where the last agent stopped
 * @param execArgv flags for Node
 */
export async function startAgentProcess(
  folder: string,
  gatewayYaml: string,
  env: Record<string, string> = {},
  execArgv: string[] = [],
): Promise<AgentProcess> {
  const path = join(folder, 'gateway.yaml');
  writeFileSync(path, gatewayYaml);
  const child = fork(join(import.meta.dirname, 'agent-child.ts'), [path, join(folder, 'data')], {
    execArgv,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (first !== 'ready') throw new Error(`the agent did not start (exit code ${String(first)})`);
  return {
    process: child,
    async status() {
      const answer = once(child, 'message');
      child.send('status');
      const [status] = await answer;
      return status as AgentStatus;
    },
    async stop() {
      const gone = once(child, 'exit');
      child.send('stop');
      await gone;
    },
    kill: () => stopProcess(child, 'SIGKILL'),
    [Symbol.asyncDispose]: () => stopProcess(child, 'SIGKILL'),
  };
}
