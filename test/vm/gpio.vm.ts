// GPIO on a real kernel: lines of gpio-sim, the agent as it is deployed, and every way there is to a line.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/wait.ts';
import { image } from './given.ts';
import { GuestAgent } from './guest-agent.ts';
import { Guest } from './guest.ts';

const chip = '/sys/devices/platform/gpio-sim.0/gpiochip0';
const pulses = 1000;

const gateway = [
  'gateway: bench',
  'sources:',
  '  door: { gpio: 5, states: [closed, open], pull: up }',
  '  hatch: { gpio: 6, states: [closed, open] }',
  '  flow: { gpio: 7, count: rising, every: 200ms }',
  'signals:',
  '  door: { from: door.state }',
  '  hatch: { from: hatch.state }',
  '  pulses: { from: flow.count }',
  '  pulse_rate: { from: flow.rate, unit: Hz }',
  'windows: [ { every: 1s, of: all, compute: [last] } ]',
  'alerts:',
  '  door_open: { when: door == 1, severity: critical, do: [horn] }',
  '  hatch_open: { when: hatch == 1, severity: critical, do: [lamp] }',
  `  all_counted: { when: pulses >= ${pulses}, severity: info }`,
  `  too_many: { when: pulses > ${pulses}, severity: info }`,
  'actions:',
  '  horn: { gpio: 8 }',
  '  lamp: { gpio: 9, activeLow: true }',
  'settings: { clock: machine }',
];

/**
 * Up and down so many times, as fast as gpiomon takes it: of two edges that come before the kernel's interrupt thread has had the
 * processor, it makes one, and an emulated processor can be away for long. What gpiomon has said is known by its writes.
 */
const meter = `
  const { openSync, readdirSync, readFileSync, writeSync } = require('node:fs');
  const read = (path) => { try { return readFileSync(path, 'utf8'); } catch { return ''; } };
  const isIt = (pid) => /gpiomon.*\\x007\\x00$/s.test(read('/proc/' + pid + '/cmdline'));
  const pid = readdirSync('/proc').find(isIt);
  const said = () => Number(/syscw: (\\d+)/.exec(read('/proc/' + pid + '/io'))[1]);
  const pull = openSync('${chip}/sim_gpio7/pull', 'w');
  for (let count = 0; count < ${pulses}; count++) {
    const before = said();
    const end = Date.now() + 20000;
    writeSync(pull, 'pull-up', 0);
    while (said() === before) if (Date.now() > end) throw new Error('pulse ' + count + ' was not heard');
    writeSync(pull, 'pull-down', 0);
  }
`;

let guest: Guest;

async function drive(line: number, level: boolean): Promise<void> {
  await guest.run(`echo ${level ? 'pull-up' : 'pull-down'} > ${chip}/sim_gpio${line}/pull`);
}

async function outputs(): Promise<string> {
  return (await guest.run(`cat ${chip}/sim_gpio8/value ${chip}/sim_gpio9/value`)).replaceAll('\n', '');
}

/** @param horn active high @param lamp active low */
async function areAt(horn: boolean, lamp: boolean): Promise<void> {
  const expected = `${horn ? 1 : 0}${lamp ? 0 : 1}`;
  await until(`horn and lamp are ${expected}`, async () => (await outputs()) === expected, 60_000);
}

describe.skipIf(image === undefined)('the agent on lines of gpio-sim', () => {
  beforeAll(async () => {
    if (image === undefined) return;
    guest = await Guest.boot(image);
    const config = '/sys/kernel/config/gpio-sim/board';
    await guest.run(`mkdir -p ${config}/bank && echo 32 > ${config}/bank/num_lines && echo 1 > ${config}/live`);
    await guest.write('/tmp/meter.cjs', meter);
  });

  afterAll(() => guest?.[Symbol.asyncDispose]());

  it.skipIf(image?.hasOnoff === false)('by onoff, gpiomon and onoff for outputs', async () => {
    // The hatch is onoff's.
    expect(await wholeDay()).toEqual({ monitors: 2, counted: pulses, tooMany: false, leftBehind: '' });
  });

  it('by gpiomon, and the files of sysfs for outputs, after an agent that was killed', async () => {
    {
      // It leaves its lines exported.
      await using killed = await GuestAgent.start(guest, gateway);
      await killed.says('source hatch is up');
    }
    await guest.run('[ ! -e /agent/node_modules/onoff ] || mv /agent/node_modules/onoff /tmp/onoff');
    expect(await wholeDay()).toEqual({ monitors: 3, counted: pulses, tooMany: false, leftBehind: '' });
  });

  it('by polling, where neither is there, and says what it cannot do', async () => {
    await guest.run('mv /usr/bin/gpiomon /tmp/gpiomon');
    await drive(6, false);
    await using agent = await GuestAgent.start(guest, gateway);
    await agent.says('source door is down');
    await agent.says('source flow is down');
    await agent.says('source hatch is up');
    await areAt(false, false);
    await drive(6, true);
    await areAt(false, true);
    await agent.stop();
    await guest.run('mv /tmp/gpiomon /usr/bin/gpiomon');
    const log = await agent.log();
    expect(log).toContain('cannot switch a pull resistor on: apt install gpiod');
    expect(log).toContain('counting needs interrupts: apt install gpiod');
  });

  /** A door that is open at the start and closes, a hatch, and a meter; what follows from them; and a line that is taken. */
  async function wholeDay() {
    await drive(6, false);
    await drive(7, false);
    await using agent = await GuestAgent.start(guest, gateway);
    for (const source of ['door', 'hatch', 'flow']) await agent.says(`source ${source} is up`);
    const monitors = (await guest.run('pidof gpiomon')).split(' ').length;
    // The pull resistor of the board has the door open.
    await areAt(true, false);
    await drive(5, false);
    await areAt(false, false);
    await drive(6, true);
    await areAt(false, true);
    await drive(5, true);
    await areAt(true, true);
    await drive(6, false);
    await areAt(true, false);

    await guest.run('node /tmp/meter.cjs');
    await agent.says('rule=all_counted');

    // Somebody kills gpiomon: the source says so, and is there again.
    await guest.run('kill -9 $(pidof gpiomon)');
    await agent.says('source door is down');
    await agent.says('source door is up', 2);
    await drive(5, false);
    await areAt(false, false);

    await agent.stop();
    const leftBehind = await guest.run('pidof gpiomon gpioset || true');
    const log = await agent.log();
    const [, counted] = /rule=all_counted .*value=(\d+)/.exec(log) ?? [];
    return { monitors, counted: Number(counted), tooMany: log.includes('rule=too_many'), leftBehind };
  }
});
