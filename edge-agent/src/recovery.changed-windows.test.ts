// A gateway file whose windows have changed over a crash: those that stay go on as if nothing had happened, those that are
// new begin with what comes in from there on, and what those that are gone still held is counted as lost.

import fc from 'fast-check';
import { compilePlan } from '@weir/shared/config/compile.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { windowKey, type Plan } from '@weir/shared/pipeline/plan.ts';
import { reconfigure } from '@weir/shared/pipeline/reconfigure.ts';
import { expect, it } from 'vitest';
import { silentLogger } from './logger.ts';
import { recover } from './recovery.ts';
import { expectBalanced } from './testing/balanced.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { finalPanes } from './testing/final-panes.ts';
import { HubModel } from './testing/hub-model.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { randomFrom } from './testing/random.ts';
import { blocksOf, rebuilt, type Rebuilt } from './testing/rebuilt.ts';
import { Sender } from './testing/sender.ts';
import { gatewayFile, Station } from './testing/station.ts';
import { timeOf } from './testing/time-of.ts';

const started = 1_700_000_000_000;

const kinds = {
  tumbling: '{ every: 1s, of: all, compute: [mean, time_mean], early: 300ms, lateEvery: 2s }',
  hopping: '{ every: 6s, slide: 2s, of: all, compute: [mean, stddev] }',
  session: '{ session: 1500ms, of: all, compute: [mean, duration], early: 700ms }',
  count: '{ count: 3, of: all, compute: [mean, max], early: 1s }',
};

type Kind = keyof typeof kinds;

const textOf = (wanted: readonly Kind[]): string => `
gateway: bench
sources:
  board: { serial: /dev/board, format: json }
signals:
  temperature: { from: board.temperature }
windows:
${wanted.map((kind) => `  - ${kinds[kind]}`).join('\n')}
settings: { disorder: 1s, idleAfter: 10s }
`;

const planOf = (wanted: readonly Kind[]): Plan => compilePlan(gatewayFile(textOf(wanted)));

/** In any order: the first one that is not hopping accounts for the readings. */
const some = fc.shuffledSubarray<Kind>(['tumbling', 'hopping', 'session', 'count'], { minLength: 1 });

const said = fc.tuple(fc.nat(1), fc.integer({ min: -5000, max: 0 }), fc.integer({ min: 0, max: 90 }));

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.array(said, { minLength: 1, maxLength: 5 }) },
    { weight: 3, arbitrary: fc.constantFrom(100, 500, 1500, 12_000) },
    { weight: 3, arbitrary: fc.constant('commit' as const) },
    { weight: 1, arbitrary: fc.constant('checkpoint' as const) },
  ),
  { maxLength: 25, size: 'max' },
);

it('keeps what stays, names what goes, and balances the ledger', async () => {
  await fc.assert(
    fc.asyncProperty(some, some, steps, steps, fc.nat(), async (from, to, first, second, seed) => {
      const clock = new FakeClock(started);
      const sender = new Sender();
      const hub = new HubModel();
      let moments = 0;
      const run = async (station: Station, todos: typeof first): Promise<void> => {
        for (const todo of todos) {
          if (todo === 'commit') await station.engine.commit();
          else if (todo === 'checkpoint') await station.engine.commit({ checkpoint: true });
          else if (typeof todo === 'number') clock.advance(todo);
          else {
            const told = todo.map(([device, offset, value]) => ({
              device: `device-${device}`,
              signal: 'temperature',
              time: clock.now() + offset + moments++ / 1024,
              value,
            }));
            await sender.send(station, told);
          }
          expectBalanced(station);
        }
      };

      const memory = new MemoryDisk();
      const before = await Station.start({ disk: memory, clock, text: textOf(from) });
      await run(before, first);
      before.drop();
      const disk = memory.cutPower(randomFrom(seed));
      const messages = await changedTo(disk, planOf(to));
      const after = await Station.start({ disk, clock, text: textOf(to) });
      const blocks = await blocksOf(after);
      const known = rebuilt(planOf(from), blocks);
      const { dropped } = reconfigure(known.pipeline, planOf(to));
      expect(new Set(dropped)).toEqual(new Set(goneIn(known, from, to)));
      expect(messages).toEqual(isChange(from, to) ? [expect.objectContaining({ dropped: dropped.length })] : []);
      expect(after.reporter.status().lost.reconfigured ?? 0).toBe(unreportedIn(known, from, to));
      expectBalanced(after);

      await sender.repeat(after);
      await run(after, second);
      for (const ms of [0, 30_000, 5000]) {
        clock.advance(ms);
        await after.engine.commit();
      }
      await hub.receive(after.recovered.outbox);
      after.drop();

      const all = await blocksOf(after);
      const final = finalPanes(hub.panes);
      for (const kind of ['tumbling', 'hopping', 'session'] as const) {
        const told = to.includes(kind) ? (from.includes(kind) ? all : all.slice(blocks.length)) : [];
        const expected = to.includes(kind)
          ? rebuilt(planOf([kind]), told).panes
          : from.includes(kind)
            ? known.panes.filter(({ window }) => window.shape.kind === kind)
            : [];
        expect(essence(final, kind), kind).toEqual(essence(finalPanes(expected), kind));
      }

      const sent = sender.sent.flat().length;
      const { taken, delivered, pending, open, lost } = after.reporter.status();
      expect({ taken, pending, open }).toEqual({ taken: sent, pending: 0, open: 0 });
      expect(delivered).toBe(sent - (lost.reconfigured ?? 0));
      expect(hub.readings).toBe(delivered);
      expect([...final.values()].reduce((sum, { accounted }) => sum + accounted, 0)).toBe(delivered);
    }),
    { numRuns: 120 },
  );
});

/** Starts with another plan. @returns what the log says about the change */
async function changedTo(disk: MemoryDisk, plan: Plan): Promise<unknown[]> {
  const messages: unknown[] = [];
  const { journal, outbox } = await recover({
    disk,
    folder: '/data',
    plan,
    time: await timeOf({ disk, folder: '/data' }),
    journalMaxBytes: 256e6,
    outboxMaxBytes: 1e9,
    logger: {
      ...silentLogger,
      info: (message, fields) => void (message.includes('has changed') && messages.push(fields)),
    },
    actionsOf: () => [],
  });
  await journal.close();
  await outbox.close();
  return messages;
}

function isChange(from: readonly Kind[], to: readonly Kind[]): boolean {
  return from.join() !== to.join();
}

/** Windows of every series that the file has no more. */
function goneIn({ pipeline }: Rebuilt, from: readonly Kind[], to: readonly Kind[]): string[] {
  const gone = planOf(from.filter((kind) => !to.includes(kind))).signals.get('temperature')?.windows ?? [];
  return pipeline
    .states()
    .flatMap(({ series: { device, signal } }) => gone.map((spec) => `${device}/${signal} ${windowKey(spec)}`));
}

/** Readings that no pane has reported, where the window that accounts for them is gone. */
function unreportedIn({ pipeline }: Rebuilt, from: readonly Kind[], to: readonly Kind[]): number {
  const accountant = from.find((kind) => kind !== 'hopping') ?? 'hopping';
  return to.includes(accountant) ? 0 : pipeline.countOpen();
}

function essence(panes: ReadonlyMap<string, Pane>, kind: Kind): unknown {
  const own = [...panes].filter(([, { window }]) => window.shape.kind === kind);
  return new Map(own.map(([key, { end, count, values }]) => [key, { end, count, values }]));
}
