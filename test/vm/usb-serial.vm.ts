// A USB serial converter (ftdi_sio on a real kernel) that is pulled out and plugged in again while the agent reads it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/wait.ts';
import { image } from './given.ts';
import { GuestAgent } from './guest-agent.ts';
import { Guest, type Lines } from './guest.ts';

const serial = 'A50285BI';
const ttys = '/sys/class/tty/ttyUSB*';

const gateway = [
  'gateway: bench',
  `sources: { board: { serial: "usb:0403:6001:${serial}", format: json } }`,
  'signals: { temperature: { from: board.temp } }',
  'windows: [ { every: 1s, of: all, compute: [last] } ]',
  'alerts:',
  '  first: { when: temperature == 1, severity: info }',
  '  second: { when: temperature == 2, severity: info }',
  '  third: { when: temperature == 3, severity: info }',
  'settings: { clock: machine }',
];

let guest: Guest;
let board: Lines;

async function plugIn(): Promise<void> {
  await guest.qmp('device_add', { driver: 'usb-serial', chardev: 'board', id: 'converter', serial });
  await until('the kernel knows the converter', () => isThere(ttys), 60_000);
}

async function pullOut(): Promise<void> {
  await guest.qmp('device_del', { id: 'converter' });
  await until('the kernel has seen it go', async () => !(await isThere(ttys)), 60_000);
}

async function isThere(pattern: string): Promise<boolean> {
  return (await guest.run(`ls -d ${pattern} 2>/dev/null || true`)) !== '';
}

describe.skipIf(image === undefined)('the agent on a USB serial converter', () => {
  beforeAll(async () => {
    if (image === undefined) return;
    guest = await Guest.boot(image, (folder) => [
      '-device',
      'qemu-xhci',
      '-chardev',
      `socket,id=board,path=${folder}/board,server=on,wait=off`,
    ]);
    board = await guest.socket('board');
  });

  afterAll(async () => {
    board?.end();
    await guest?.[Symbol.asyncDispose]();
  });

  it('reads lines, says that it was pulled out, and reads on when it is back', async () => {
    await plugIn();
    await using agent = await GuestAgent.start(guest, gateway);
    await agent.says('source board is up');
    board.send('{"temp": 1}');
    await agent.says('alert firing rule=first');

    await pullOut();
    await agent.says('source board is down');
    await plugIn();
    await agent.says('source board is up', 2);
    board.send('{"temp": 2}');
    await agent.says('alert firing rule=second');

    await pullOut();
    await agent.says('source board is down', 2);
    await plugIn();
    await agent.says('source board is up', 3);
    board.send('{"temp": 3}');
    await agent.says('alert firing rule=third');

    await agent.stop();
    expect(await agent.stored()).toBe(3);
  });
});
