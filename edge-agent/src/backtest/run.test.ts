import { compilePlan } from '@weir/shared/config/compile.ts';
import { describe, expect, it } from 'vitest';
import { gatewayFile } from '../testing/station.ts';
import { Run } from './run.ts';

const begin = Date.UTC(2026, 0, 1);
const text = `
gateway: g
sources:
  board: { serial: /dev/board, format: json }
signals:
  temperature: { from: board.temperature }
windows:
  - { every: 1m, of: all, compute: [mean] }
alerts:
  lost: { silent: temperature, for: 5m }
  hot: { when: temperature > 50, for: 10m }
`;

function run(): { run: Run; take: (minute: number, value: number) => string[]; awake: (minute: number) => void } {
  const made = new Run(compilePlan(gatewayFile(text)), 500);
  const at = (minute: number): number => begin + minute * 60_000;
  return {
    run: made,
    take(minute, value) {
      const { transitions = [] } = made.advance(at(minute)) ?? {};
      made.take({ device: 'board', signal: 'temperature', time: at(minute), value, quality: 'good' });
      return transitions.map(({ rule, state, time }) => `${rule} ${state} ${(time - begin) / 60_000}`);
    },
    awake: (minute) => void made.awake(at(minute)),
  };
}

describe('rules that go over the past', () => {
  it('hear of a silence at its own time, though nothing arrived for hours', () => {
    const { take } = run();
    take(0, 20);
    expect(take(300, 20)).toEqual(['lost firing 5']);
  });

  it('hear of no silence while the agent was off', () => {
    const { take, awake } = run();
    take(0, 20);
    awake(4);
    expect(take(8, 20)).toEqual([]);
    expect(take(30, 20)).toEqual(['lost firing 13']);
  });

  it('begin no alarm at the end: nothing has happened any more', () => {
    const { run: made, take } = run();
    take(0, 20);
    take(1, 60);
    const outputs = [...made.end()];
    expect(outputs.flatMap(({ transitions }) => transitions)).toEqual([]);
    expect(outputs.flatMap(({ panes }) => panes).map(({ start }) => (start - begin) / 60_000)).toEqual([0, 1]);
  });

  it('take what the file knows, and count the rest', () => {
    const { run: made } = run();
    made.advance(begin);
    const common = { device: 'board', time: begin, value: 1, quality: 'good' as const };
    expect(made.take({ ...common, signal: 'pressure' })).toBeUndefined();
    expect(made.take({ ...common, signal: 'temperature', time: begin + 9e9 })).toBeUndefined();
    expect(made.take({ ...common, signal: 'temperature' })?.series).toMatchObject({ device: 'board' });
    expect(made.pipeline.ledger.losses()).toEqual({ unmapped: 1, future: 1 });
  });
});
