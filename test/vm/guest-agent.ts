// The agent in the guest: started as systemd would, looked at through its log and, once it has stopped, through its data folder.

import { until } from '../support/wait.ts';
import type { Guest } from './guest.ts';

const folder = '/tmp/gateway';
const log = `${folder}/agent.log`;
const patienceMs = 60_000;

export class GuestAgent implements AsyncDisposable {
  readonly #guest: Guest;

  private constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** @param gateway lines of the gateway file; what an earlier agent has left is gone */
  static async start(guest: Guest, gateway: readonly string[]): Promise<GuestAgent> {
    await guest.run(`rm -rf ${folder}; mkdir -p ${folder}`);
    await guest.write(`${folder}/gateway.yaml`, `${gateway.join('\n')}\n`);
    await guest.run(`cd ${folder}; node /agent/main.js run gateway.yaml > ${log} 2>&1 & echo $! > ${folder}/pid`);
    const agent = new GuestAgent(guest);
    await agent.says(' info running');
    return agent;
  }

  log(): Promise<string> {
    return this.#guest.run(`cat ${log}`);
  }

  /** Waits for a line of the log. @param times how many there are to be */
  async says(text: string, times = 1): Promise<void> {
    const count = (): Promise<string> => this.#guest.run(`grep -cF '${text}' ${log} || true`);
    await until(`the agent says ${text}`, async () => Number(await count()) >= times, patienceMs).catch(
      async (error: unknown) => {
        throw new Error(`${String(error)}\n${await this.log()}`);
      },
    );
  }

  async stop(): Promise<void> {
    await this.#guest.run(`kill $(cat ${folder}/pid)`);
    await until('the agent has stopped', () => this.#isGone(), patienceMs);
  }

  /** Whatever has become of it, it is gone then, and what it had started too. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guest.run(`kill -9 $(cat ${folder}/pid) $(pidof gpiomon gpioset) 2>/dev/null || true`);
    await until('the agent is gone', () => this.#isGone(), patienceMs);
  }

  /** How many readings it has stored, by its own replay of what it remembers; it must have stopped. */
  async stored(): Promise<number> {
    const said = await this.#guest.run(`cd ${folder} && node /agent/main.js replay gateway.yaml --since 1d 2>&1`);
    const [, readings = 'NaN'] = /^(\d+) readings in /m.exec(said) ?? [];
    return Number(readings);
  }

  async #isGone(): Promise<boolean> {
    return (await this.#guest.run(`kill -0 $(cat ${folder}/pid) 2>/dev/null && echo there || echo gone`)) === 'gone';
  }
}
