// The source itself, on a line the test holds in its hand; the ways to a line have their own suite (gpio/input.test.ts).

import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import { formatProblem } from '@weir/shared/config/yaml-file.ts';
import { describe, expect, it } from 'vitest';
import { actionKinds } from '../actions/registry.ts';
import type { GpioInputs, InputListener, InputRequest } from '../gpio/contract.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { Puller } from '../testing/puller.ts';
import { settle } from '../testing/station.ts';
import { maxWaiting } from './gpio-channels.ts';
import { gpioKind } from './gpio.ts';
import { sourceKinds } from './registry.ts';

class Line implements GpioInputs {
  readonly clock = new FakeClock();
  level = false;
  request: InputRequest | undefined;
  listener: InputListener | undefined;
  closed = 0;

  open(request: InputRequest, listener: InputListener) {
    this.request = request;
    this.listener = listener;
    return Promise.resolve({
      present: { level: this.level, atMs: this.clock.monotonicMs() },
      close: async () => void (this.closed += 1),
    });
  }

  edge(level: boolean, agoMs = 0): void {
    this.listener?.edge(level, this.clock.monotonicMs() - agoMs);
  }
}

async function pulled(raw: object, { paused = false, level = false, channels = ['state', 'count', 'rate'] } = {}) {
  const line = new Line();
  line.level = level;
  const puller = new Puller(
    gpioKind(() => line),
    { gpio: 17, ...raw },
    { channels, paused, clock: line.clock },
  );
  await expect.poll(() => puller.deliveries.length).toBeGreaterThan(0);
  return { line, puller };
}

const door = { states: ['closed', 'open'] };
const flow = { count: 'rising' };

describe('a contact', () => {
  it('is said when it is opened, at each edge, and when each was', async () => {
    const { line, puller } = await pulled(door);
    expect(puller.opened).toBe(1);
    line.clock.advance(1000);
    line.edge(true, 300);
    line.edge(false, 100);
    await expect.poll(() => puller.readings).toEqual(['board/state = 0', 'board/state = 1', 'board/state = 0']);
    const now = line.clock.now();
    expect(puller.deliveries.map(({ readings: [reading] }) => (reading?.time ?? 0) - now)).toEqual([-1000, -300, -100]);
    // Without a time of its own: it moves with its arrival when the gateway learns what time it is.
    for (const { arrival, readings } of puller.deliveries) expect(readings[0]?.time).toBe(arrival);
    expect(puller.deliveries.map(({ received }) => received - line.clock.monotonicMs())).toEqual([-1000, -300, -100]);
  });

  it('is 1 at the low level when it is active low', async () => {
    const { line, puller } = await pulled({ ...door, activeLow: true });
    line.edge(true);
    line.edge(false);
    await expect.poll(() => puller.readings).toEqual(['board/state = 1', 'board/state = 0', 'board/state = 1']);
  });

  it('that stays is said again, so often after it was last said', async () => {
    const { line, puller } = await pulled({ ...door, report: '5s' }, { level: true });
    line.clock.advance(4000);
    line.edge(false);
    await expect.poll(() => puller.readings.length).toBe(2);
    line.clock.advance(4999);
    await settle();
    expect(puller.readings.length).toBe(2);
    line.clock.advance(1);
    await expect.poll(() => puller.readings.slice(2)).toEqual(['board/state = 0']);
    expect(puller.deliveries[2]?.readings[0]?.time).toBe(line.clock.now());
  });

  it('that changes faster than anybody pulls keeps the last state, and says how many it passed over', async () => {
    const { line, puller } = await pulled(door, { paused: true });
    for (let count = 0; count < maxWaiting + 100; count++) line.edge(count % 2 === 0);
    line.edge(true);
    puller.resume();
    await expect.poll(() => puller.readings.length).toBe(1 + maxWaiting);
    expect(puller.readings.at(-1)).toBe('board/state = 1');
    expect(puller.deadLetters).toMatchObject([
      { reason: 'overrun', where: 'board', count: 101, detail: expect.stringMatching(/^101 changes came faster/) },
    ]);
  });

  it('is told apart from its bounces by 20 ms, unless the file says otherwise', async () => {
    const { line } = await pulled(door);
    expect(line.request).toMatchObject({ line: 17, debounceMs: 20, edges: 'both', counts: false });
    const other = await pulled({ ...door, debounce: '5ms', pull: 'up', chip: 'gpiochip1' });
    expect(other.line.request).toMatchObject({ debounceMs: 5, pull: 'up', chip: 'gpiochip1' });
  });

  it('that nobody takes says nothing', async () => {
    const line = new Line();
    const kind = gpioKind(() => line);
    const puller = new Puller(kind, { gpio: 17, ...door }, { channels: ['other'], clock: line.clock });
    await expect.poll(() => puller.opened).toBe(1);
    line.edge(true);
    await settle();
    await puller.end();
    expect(puller.deliveries).toEqual([]);
  });
});

describe('a pulse counter', () => {
  it('grows from 0, with the rate of the time between', async () => {
    const { line, puller } = await pulled({ ...flow, every: '2s' });
    for (let count = 0; count < 3; count++) {
      line.edge(true);
      line.edge(false);
    }
    line.clock.advance(2000);
    await expect.poll(() => puller.readings.slice(1)).toEqual(['board/count = 3', 'board/rate = 1.5']);
    line.clock.advance(2000);
    await expect.poll(() => puller.readings.slice(3)).toEqual(['board/count = 3', 'board/rate = 0']);
    expect(puller.readings[0]).toBe('board/count = 0');
    const [, later] = puller.deliveries;
    expect(later?.readings.map(({ time }) => time)).toEqual([line.clock.now() - 2000, line.clock.now() - 2000]);
  });

  it.each([
    ['rising', false, 'rising', 2],
    ['falling', false, 'falling', 1],
    ['both', false, 'both', 3],
    ['rising', true, 'falling', 1],
    ['falling', true, 'rising', 2],
  ])('counts %s edges; active low is %s', async (count, activeLow, asked, expected) => {
    const { line, puller } = await pulled({ count, activeLow });
    expect(line.request).toMatchObject({ edges: asked, debounceMs: 0, counts: true });
    for (const level of [true, false, true]) line.edge(level);
    line.clock.advance(1000);
    await expect.poll(() => puller.readings).toContain(`board/count = ${expected}`);
  });

  it('counts on while nobody pulls, and keeps in step', async () => {
    const { line, puller } = await pulled(flow, { paused: true });
    for (let count = 0; count < 100_000; count++) line.edge(true);
    line.clock.advance(10_400);
    puller.resume();
    await expect.poll(() => puller.readings).toContain('board/count = 100000');
    expect(puller.readings.length).toBe(3);
    line.edge(true);
    line.clock.advance(600);
    await expect.poll(() => puller.readings.at(-2)).toBe('board/count = 100001');
  });

  it('gives what is asked of it: the rate alone is no dead letter', async () => {
    const line = new Line();
    const puller = new Puller(
      gpioKind(() => line),
      { gpio: 17, ...flow },
      { channels: ['rate'], clock: line.clock },
    );
    await expect.poll(() => line.clock.sleepers).toBe(1);
    line.clock.advance(1000);
    await expect.poll(() => puller.readings).toEqual(['board/rate = 0']);
    expect(puller.deadLetters).toEqual([]);
  });
});

describe('a line', () => {
  it('that is lost ends with the reason, after what it had said', async () => {
    const { line, puller } = await pulled(door);
    line.edge(true);
    line.listener?.lost(new Error('gpiomon: no such device'));
    await expect.poll(() => puller.ended).toBe(true);
    expect(puller.error).toMatchObject({ message: 'gpiomon: no such device' });
    expect(puller.readings).toEqual(['board/state = 0', 'board/state = 1']);
    expect(line.closed).toBe(1);
  });

  it('is let go of when the agent stops', async () => {
    const { line, puller } = await pulled(flow);
    await puller.end();
    expect(line.closed).toBe(1);
    expect(puller.error).toBeUndefined();
    expect(line.clock.sleepers).toBe(0);
  });
});

describe('a gpio source of the gateway file', () => {
  /** What is said about it; the file around it is good. */
  function said(source: string, from = 'it.state', more: readonly string[] = []): string[] {
    const text = [
      'gateway: bench',
      `sources: { it: ${source} }`,
      `signals: { line: { from: ${from} } }`,
      'windows: [ { every: 1m, of: all, compute: [mean] } ]',
      ...more,
    ].join('\n');
    const { problems } = readGatewayFile(text, { sources: sourceKinds, actions: actionKinds });
    return problems.map((problem) => formatProblem('f', problem));
  }

  it.each([
    [
      '{ gpio: 17, states: [closed, open], debounce: 20ms, pull: up, activeLow: true, report: 1m, device: gate }',
      'state',
    ],
    ['{ gpio: 22, count: rising, every: 500ms, debounce: 0s, chip: pinctrl-bcm2711 }', 'rate'],
    ['{ gpio: 22, count: both }', 'count'],
  ])('may be %s', (source, channel) => {
    expect(said(source, `it.${channel}`)).toEqual([]);
  });

  it.each([
    [
      '{ gpio: 17 }',
      'f:2:24: error: say what it is: states: [closed, open] for a contact, or count: rising for a meter that pulses',
    ],
    ['{ gpio: 17, states: [closed, open], count: rising }', /^f:2:24: error: say what it is/],
    ['{ gpio: 17, states: [closed] }', /^f:2:\d+: error: /],
    ['{ gpio: 17, states: [a, b], every: 1s }', /error: every belongs to count; with states it is report/],
    ['{ gpio: 17, count: rising, report: 1m }', /error: report belongs to states; with count it is every/],
    ['{ gpio: 17, count: rising, every: 10ms }', /error: every 100ms or less often/],
    ['{ gpio: 17, states: [a, b], debounce: 1m }', /error: 10000ms at most/],
    ['{ gpio: -1, states: [a, b] }', /^f:2:24: error: /],
    ['{ gpio: 17, states: [a, b], pull: high }', /^f:2:\d+: error: /],
  ])('is no %s', (source, problem) => {
    expect(said(source)[0]).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
  });

  it('has the channels it has', () => {
    expect(said('{ gpio: 17, states: [a, b] }', 'it.count')).toEqual([
      'f:3:26: error: source "it" has no "count"; known here: state',
    ]);
  });

  it('has its line for itself, among sources and actions', () => {
    const said17 = (line: number): string[] =>
      said('{ gpio: 17, states: [a, b] }', 'it.state', [`actions: { horn: { gpio: ${line} } }`]);
    expect(said17(17)).toEqual([expect.stringMatching(/^f:5:\d+: error: GPIO 17 is already read by source "it"$/)]);
    expect(said17(27)).toEqual([]);
  });
});
