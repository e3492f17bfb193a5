// Quarantine that is tried again, one row at a time and between two helpings of the ingest: nobody else writes to the store
// meanwhile, so that what is stored cannot change between looking and writing.
//
// What comes back is old. Where the store has the same pane in the same or a later revision, that one stays: it restates the
// whole window, with the readings of the earlier ones. Nor does a window come back that ceased to exist since: of windows
// whose length is not fixed (sessions, counts) no two of a series overlap, so one that overlaps what is stored has been
// merged into it, or cut anew. Either way the readings are in the store, and count as stored.
//
// What works leaves the quarantine and moves its readings from quarantined to stored, in one transaction; what is refused
// again stays, with the new reason. Dying in between repeats it, which changes nothing.

import { WireError, decodeBatch, decodeFrame, encodeFrame, type BatchEntry } from '@weir/shared/wire/codec.ts';
import { hasFixedLength, type Pane } from '@weir/shared/model/pane.ts';
import type { GatewayTransition } from '../state/alert-book.ts';
import type { Asked, Quarantined } from '../state/quarantine.ts';
import type { State } from '../state/state.ts';
import {
  storedEnd,
  storedStart,
  type GatewayPane,
  type GatewayRaw,
  type PaneQuery,
  type Refused,
  type Store,
  type StoreBatch,
} from '../store/store.ts';
import { unpack } from './packing.ts';

export interface RetryParts {
  readonly state: State;
  readonly store: Store;
  readonly now: () => number;
  readonly notifyTargets: readonly string[];
}

export interface Retried {
  readonly panes: readonly GatewayPane[];
  /** Those not known before. */
  readonly transitions: readonly GatewayTransition[];
}

/** What can be read of a row. */
interface Contents {
  readonly panes: GatewayPane[];
  readonly transitions: GatewayTransition[];
  readonly raw: GatewayRaw[];
  /** Readings that are quarantined because of it. */
  readings: number;
  /** Entries of a batch that still cannot be read. */
  readonly unreadable: Quarantined[];
}

const microsecondMs = 0.001;
/** Windows before one that is tried again. */
const maxLookedAt = 1000;

/**
 * Tries the oldest row that is asked for.
 * @returns what is durable now, or undefined when no row is asked for
 * @throws StoreOutage
 */
export async function retryAsked({ state, store, now, notifyTargets }: RetryParts): Promise<Retried | undefined> {
  const row = state.quarantine.nextAsked();
  if (row === undefined) return undefined;
  const contents = read(row);
  if (typeof contents === 'string') {
    state.quarantine.keep(row.id, { ...row, reason: contents });
    return { panes: [], transitions: [] };
  }
  const { transitions } = contents;
  const raw = contents.raw.filter((one) => state.rawRequests.isAskedFor(one.gateway, one.raw));
  const { refused: full = [], admitted = [] } = Object.groupBy(contents.panes, ({ gateway, pane }) =>
    state.series.admits(gateway, pane) ? 'admitted' : 'refused',
  );
  // Retractions first: what is stored only because they were refused would seem to be a later word on other windows.
  const gone = admitted.filter(({ pane }) => pane.retracted);
  const there = admitted.filter((one) => !one.pane.retracted && !gone.some((other) => isLater(other, one)));
  const retracted = await write(store, gone, { transitions: [] });
  const { panes: written, refused } = await write(store, there, { transitions, raw });
  const panes = [...retracted.panes, ...written];
  const refusedPanes = new Set([...refusedOf(retracted.panes, retracted.refused), ...refusedOf(written, refused)]);
  const refusedTransitions = new Set(
    refused.flatMap(({ of, index }) => (of === 'transitions' ? (transitions[index] ?? []) : [])),
  );
  const storedPanes = panes.filter((one) => !refusedPanes.has(one));
  const left = leftOf(
    row,
    [...full, ...refusedPanes],
    [...refusedTransitions],
    (refused[0] ?? retracted.refused[0])?.reason,
  );
  const fresh = state.transaction(() => {
    const isThere = left === undefined ? state.quarantine.remove(row.id) : state.quarantine.keep(row.id, left);
    state.quarantine.add(contents.unreadable, now());
    // It was dropped meanwhile: what is stored is stored, the count says lost.
    const leftReadings = [...contents.unreadable, ...(left === undefined ? [] : [left])];
    const still = leftReadings.reduce((sum, { readings }) => sum + readings, 0);
    if (isThere) state.cursors.restore(row, Math.max(0, contents.readings - still));
    for (const { gateway, pane } of storedPanes) state.series.record(gateway, pane);
    for (const { raw: readings } of raw) state.rawRequests.take(readings, new Map(), now());
    return transitions.filter((one) => state.alerts.record(one, notifyTargets, now()));
  });
  return { panes: storedPanes, transitions: fresh };
}

/** @returns what is wrong with it when nothing of it can be read */
function read(row: Asked): Contents | string {
  const { gateway } = row;
  const contents: Contents = { panes: [], transitions: [], raw: [], readings: row.readings, unreadable: [] };
  const add = (bytes: Uint8Array): void => {
    const frame = decodeFrame(bytes);
    for (const pane of frame.panes) contents.panes.push({ gateway, pane });
    for (const transition of frame.transitions) contents.transitions.push({ gateway, transition });
    for (const raw of frame.raw) contents.raw.push({ gateway, raw });
  };
  return (
    wrongWith(() => {
      if (row.kind !== 'batch') return add(row.payload);
      const { entries } = decodeBatch(unpack(row.payload));
      // Of several unreadable batches in a row the first counts for all: now it can be told.
      contents.readings = entries.reduce((sum, { readings }) => sum + readings, 0);
      for (const entry of entries) addEntry(row, contents, entry, add);
    }) ?? contents
  );
}

function addEntry(
  { gateway, incarnation, lane }: Asked,
  { unreadable }: Contents,
  { frame, readings }: BatchEntry,
  add: (bytes: Uint8Array) => void,
): void {
  const reason = wrongWith(() => add(frame));
  if (reason !== undefined)
    unreadable.push({ gateway, incarnation, lane, kind: 'frame', reason, readings, payload: frame });
}

function wrongWith(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
}

/** Writes what the store has no later word on. */
async function write(
  store: Store,
  candidates: readonly GatewayPane[],
  rest: Omit<StoreBatch, 'panes'>,
): Promise<{ readonly panes: readonly GatewayPane[]; readonly refused: readonly Refused[] }> {
  const panes: GatewayPane[] = [];
  for (const one of candidates) if (!(await isSuperseded(store, one))) panes.push(one);
  if (panes.length + rest.transitions.length + (rest.raw?.length ?? 0) === 0) return { panes, refused: [] };
  return { panes, refused: await store.write({ panes, ...rest }) };
}

function refusedOf(panes: readonly GatewayPane[], refused: readonly Refused[]): GatewayPane[] {
  return refused.flatMap(({ of, index }) => (of === 'panes' ? (panes[index] ?? []) : []));
}

/** Whether it is a later word on the same window. */
function isLater({ gateway, pane }: GatewayPane, than: GatewayPane): boolean {
  const { series, window, start, revision } = than.pane;
  const isSame = gateway === than.gateway && pane.window.id === window.id && pane.start === start;
  return (
    isSame && pane.series.device === series.device && pane.series.signal === series.signal && pane.revision > revision
  );
}

/** Whether the store has a later word on the window. */
async function isSuperseded(store: Store, { gateway, pane }: GatewayPane): Promise<boolean> {
  const { series, window, revision } = pane;
  const start = storedStart(pane.start);
  const query = (bounds: Pick<PaneQuery, 'from' | 'to'>, limit = 1): Promise<Awaited<ReturnType<Store['panes']>>> =>
    store.panes({ gateway, ...series, window: window.id, ...bounds, limit });
  const [same] = await query({ from: start, to: start + microsecondMs });
  if (same !== undefined) return same.revision >= revision;
  if (pane.retracted || hasFixedLength(window.shape)) return false;
  const [within] = await query({ from: start, to: storedEnd(pane) ?? pane.end });
  if (within !== undefined) return true;
  // Not the last before it only: that may be one whose retraction is in quarantine, too.
  const before = await query({ from: -Infinity, to: start }, maxLookedAt);
  return before.some(({ end = -Infinity }) => end > pane.start);
}

/** What stays in the quarantine; undefined when nothing does. */
function leftOf(
  row: Asked,
  panes: readonly GatewayPane[],
  transitions: readonly GatewayTransition[],
  reason = 'the hub knows as many series as it can hold',
): Omit<Quarantined, 'gateway' | 'incarnation' | 'lane'> | undefined {
  if (panes.length + transitions.length === 0) return undefined;
  const fresh = panes.reduce((sum, { pane }) => sum + pane.fresh, 0);
  const readings = row.kind === 'batch' ? fresh : Math.min(row.readings, fresh);
  const frame = { panes: panes.map(({ pane }): Pane => pane), transitions: transitions.map((one) => one.transition) };
  return { kind: 'refused', reason, readings, payload: encodeFrame(frame) };
}
