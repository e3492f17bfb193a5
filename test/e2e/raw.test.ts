// Raw on demand from end to end: a recording goes in at a serial line, and what the hub has around the alert, and of a range
// that is asked for, is the recording.

import { join } from 'node:path';
import { play } from '@weir/firmware-sim/play.ts';
import { installed } from '@weir/deploy/local/servers.ts';
import type { RawRequestView, RawView } from '@weir/hub/http/views.ts';
import { describe, expect, it } from 'vitest';
import { startAgentProcess } from '../support/agent.ts';
import { startHubProcess } from '../support/hub.ts';
import { scratchFolder } from '../support/processes.ts';
import { until } from '../support/wait.ts';

/** Four minutes, a reading a second, that ended a minute ago; a minute of it is too hot. */
const start = Math.floor(Date.now() / 60_000) * 60_000 - 6 * 60_000;
const rows = Array.from({ length: 240 }, (_, second) => ({
  timeMs: start + second * 1000,
  values: { temp: (second >= 120 && second < 180 ? 35 : 31) + (second % 10) / 16 },
}));

const gatewayYaml = (hub: number): string => `
gateway: line-3
hub: mqtt://127.0.0.1:${hub}
sources:
  tempering: { serial: ./tempering.tty, format: json, time: t }
signals:
  temperature: { from: tempering.temp, unit: °C, range: -20..120 }
windows:
  - { every: 1m, of: all, compute: [mean] }
alerts:
  too_hot: { when: temperature > 34, for: 10s, clear: temperature < 33, severity: critical }
settings: { idleAfter: 2s }
`;

describe.skipIf(installed('socat') === undefined)('raw readings on demand', () => {
  it('bring the recording around an alert by themselves, and of any range when asked, also over a restart of the agent', async () => {
    using folder = scratchFolder('raw');
    await using hub = await startHubProcess(join(folder.path, 'hub'));
    const env = { WEIR_HUB_KEY: hub.addGateway('line-3') };
    const series = { gateway: 'line-3', device: 'tempering', signal: 'temperature' };
    const requests = async (): Promise<RawRequestView[]> => json(`${hub.url}/api/raw/requests?gateway=line-3`);
    const stored = async (from: number, to: number): Promise<RawView['rows']> => {
      const query = new URLSearchParams({ ...series, from: String(from), to: String(to) });
      return (await json<RawView>(`${hub.url}/api/raw?${query}`)).rows;
    };
    const recorded = (from: number, to: number): RawView['rows'] =>
      rows
        .filter(({ timeMs }) => timeMs >= from && timeMs < to)
        .map(({ timeMs, values }) => [timeMs, values.temp, 'good']);

    await using agent = await startAgentProcess(folder.path, gatewayYaml(hub.mqttPort), env);
    await play({ source: rows, target: { serial: join(folder.path, 'tempering.tty') }, speed: 'max' });
    const around = await until('the readings around the alert have come', async () =>
      (await requests()).find(({ why, done }) => why === 'alert too_hot' && done !== null),
    );
    expect(around).toMatchObject({ from: start + 70_000, to: start + 190_000, readings: 120 });
    expect(await stored(around.from, around.to)).toEqual(recorded(around.from, around.to));
    await agent.kill();

    const asked = { ...series, from: start + 5000, to: start + 95_000 };
    const answer = await fetch(`${hub.url}/api/raw`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(asked),
    });
    expect(answer.status).toBe(202);
    await using _ = await startAgentProcess(folder.path, gatewayYaml(hub.mqttPort), env);
    const done = await until('the readings asked for have come', async () =>
      (await requests()).find((request) => request.why === 'asked' && request.done !== null),
    );
    expect(done).toMatchObject({ readings: 90 });
    expect(await stored(start, start + 300_000)).toEqual(recorded(asked.from, around.to));
  });
});

async function json<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}
