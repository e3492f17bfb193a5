// The broker `npm start` uses for the wristbands where mosquitto is not installed.

import { startSensorBroker } from '@weir/deploy/local/servers.ts';
import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { scratchFolder } from '../support/processes.ts';
import { until } from '../support/wait.ts';

it('aedes takes the place of a mosquitto that is not installed', async () => {
  using folder = scratchFolder('broker');
  const broker = await startSensorBroker(folder.path, undefined);
  expect(broker.name).toBe('aedes');
  const { hostname, port } = new URL(broker.url);
  const client = await connectAsync({ host: hostname, port: Number(port) });
  const heard: string[] = [];
  client.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
  await client.subscribeAsync('band/+/hr', { qos: 1 });
  await client.publishAsync('band/anna/hr', '72', { qos: 1 });
  await until('the message is there', () => heard.length > 0);
  expect(heard).toEqual(['band/anna/hr 72']);
  await client.endAsync();
  await broker.stop();
});
