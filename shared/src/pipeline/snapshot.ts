// The whole state of a pipeline as bytes: what a checkpoint holds.
//
//   version, taken, reported, losses {reason, count}*, flagged {why, count}*, series {device, signal, state}*, derivations,
//   alerts
//
// Every series carries its windows under the key of what they compute, so that a changed gateway file keeps the
// state of what did not change and says what it drops. A version this code does not know is refused: the caller starts
// empty and replays its journal instead.

import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Losses } from '../model/ledger.ts';
import { flags, type Flag } from '../model/quality.ts';
import { lossReasons } from '../model/reading.ts';
import type { SeriesTable } from '../model/series.ts';
import { Pipeline } from './pipeline.ts';
import type { Plan } from './plan.ts';

const version = 4;

export interface Restored {
  readonly pipeline: Pipeline;
  /** What had state and is not in the plan any more, for the log. */
  readonly dropped: readonly string[];
}

export function snapshot(pipeline: Pipeline): Uint8Array {
  const to = new ByteWriter(4096);
  to.varint(version);
  to.varint(pipeline.ledger.taken);
  to.varint(pipeline.reported);
  const losses = Object.entries(pipeline.ledger.losses());
  to.varint(losses.length);
  for (const [reason, count] of losses) {
    to.text(reason);
    to.varint(count);
  }
  to.varint(pipeline.flagged.size);
  for (const [flag, count] of pipeline.flagged) {
    to.text(flag);
    to.varint(count);
  }
  pipeline.materialize();
  const states = pipeline.states();
  to.varint(states.length);
  for (const state of states) {
    to.text(state.series.device);
    to.text(state.series.signal);
    const inner = new ByteWriter();
    state.write(inner);
    to.blob(inner.take());
  }
  pipeline.derivations.write(to);
  pipeline.alerts.write(to);
  return to.take();
}

/**
 * @param series numbers that somebody uses already
 * @throws RangeError when the bytes are of another version or damaged
 */
export function restore(plan: Plan, bytes: Uint8Array, series?: SeriesTable): Restored {
  const from = new ByteReader(bytes);
  const found = from.varint();
  if (found !== version) throw new RangeError(`snapshot version ${found}, this agent reads ${version}`);
  const pipeline = new Pipeline(plan, series);
  const taken = from.varint();
  const reported = from.varint();
  const losses: Losses = {};
  for (let left = from.varint(); left > 0; left--) {
    const name = from.text();
    const count = from.varint();
    const reason = lossReasons.find((known) => known === name);
    if (reason !== undefined) losses[reason] = count;
  }
  pipeline.ledger.restore(taken, losses);
  const flagged: [Flag, number][] = [];
  for (let left = from.varint(); left > 0; left--) {
    const name = from.text();
    const count = from.varint();
    const flag = flags.find((known) => known === name);
    if (flag !== undefined) flagged.push([flag, count]);
  }
  const dropped: string[] = [];
  for (let left = from.varint(); left > 0; left--) {
    const [device, signal, state] = [from.text(), from.text(), from.blob()];
    const name = `${device}/${signal}`;
    const known = plan.signals.has(signal) ? pipeline.series.intern(device, signal) : undefined;
    if (known === undefined) {
      dropped.push(name);
      continue;
    }
    pipeline.materialize();
    const lost = pipeline.states()[known.id]?.read(new ByteReader(state)) ?? [];
    dropped.push(...lost.map((key) => `${name} ${key}`));
  }
  dropped.push(...pipeline.derivations.read(from, plan));
  dropped.push(...pipeline.alerts.read(from).map((id) => `rule ${id}`));
  pipeline.restore(reported, flagged);
  const gone = pipeline.open - pipeline.countOpen();
  if (gone > 0) pipeline.ledger.lose('reconfigured', gone);
  return { pipeline, dropped };
}
