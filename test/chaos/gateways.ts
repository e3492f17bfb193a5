// Many gateways in one process (many-gateways.ts), and their keys at the hub.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Credentials } from '@weir/hub/broker/credentials.ts';
import { State } from '@weir/hub/state/state.ts';
import { stopProcess } from '../support/processes.ts';
import type { ManyStatus } from './many-gateways.ts';

export const gatewayName = (index: number): string => `gateway-${index}`;

/** One key for all: to make a thousand takes longer than a test. The hub does not know, and verifies each. @returns the key */
export async function addGateways(dataFolder: string, count: number): Promise<string> {
  const state = State.open(dataFolder);
  try {
    const key = await new Credentials(state.gateways).add(gatewayName(0), 0);
    const hash = state.gateways.keyHash(gatewayName(0)) ?? '';
    state.transaction(() => {
      for (let index = 1; index < count; index++) state.gateways.add(gatewayName(index), hash, 0);
    });
    return key;
  } finally {
    state.close();
  }
}

export interface Gateways extends AsyncDisposable {
  /** Gives each gateway `perPut` panes more, of one reading each. */
  put(): void;
  status(): Promise<ManyStatus>;
}

export async function startGateways(url: string, key: string, count: number, perPut: number): Promise<Gateways> {
  const child = fork(join(import.meta.dirname, 'many-gateways.ts'), [url, key, String(count), String(perPut)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (first !== 'ready') throw new Error(`the gateways did not start (exit code ${String(first)})`);
  return {
    put: () => void child.send('put'),
    async status() {
      const answer = once(child, 'message');
      child.send('status');
      const [status] = await answer;
      return status as ManyStatus;
    },
    [Symbol.asyncDispose]: () => stopProcess(child, 'SIGKILL'),
  };
}
