// What the API answers; the shapes are those of views.ts.

import { operationKinds } from '@weir/shared/model/alert.ts';
import { namePattern } from '@weir/shared/wire/topics.ts';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { HubError } from '../errors.ts';
import type { RawDesk } from '../raw/raw-desk.ts';
import type { RawRequest } from '../state/raw-requests.ts';
import type { Episode } from '../state/alert-book.ts';
import type { State } from '../state/state.ts';
import { statistics } from '@weir/shared/model/pane.ts';
import { storedEnd, storedStart, type GatewayPane, type Store } from '../store/store.ts';
import { HttpError } from './respond.ts';
import type { OrderDesk } from '../alerts/order-desk.ts';
import type { Order } from '../state/operations.ts';
import type { OperationView } from './views.ts';
import type { AlertView, GatewayView, PanesView, PaneView, RawRequestView, RawView, SeriesView } from './views.ts';

export interface ApiParts {
  readonly fleet: Fleet;
  readonly state: State;
  readonly store: Pick<Store, 'panes' | 'raw'>;
  readonly clock: Clock;
  readonly raw: Pick<RawDesk, 'ask'>;
  readonly orders: Pick<OrderDesk, 'order'>;
}

const maxPanes = 20_000;
const hourMs = 3_600_000;

const time = z.coerce.number().min(-8.64e15).max(8.64e15);
const panesQuery = z.object({
  gateway: z.string().min(1),
  device: z.string().min(1),
  signal: z.string().min(1),
  window: z.string().min(1),
  from: time.optional(),
  to: time.optional(),
  limit: z.coerce.number().int().min(1).max(maxPanes).default(maxPanes),
});
const rawQuery = panesQuery.omit({ window: true });
/** Of a body. */
const rawRange = z.strictObject({
  gateway: z.string().min(1),
  device: z.string().min(1),
  signal: z.string().min(1),
  from: z.number().min(-8.64e15).max(8.64e15),
  to: z.number().min(-8.64e15).max(8.64e15),
});
const rawRequestsQuery = z.object({
  gateway: z.string().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
});
const named = z.string().min(1).max(200);
const operationBody = z
  .strictObject({
    gateway: named,
    kind: z.enum(operationKinds),
    rule: z.string().regex(namePattern, 'is no name of an alert'),
    device: named.optional(),
    signal: named.optional(),
    since: z.number().optional(),
    until: z.number().optional(),
    by: z.string().max(200).default(''),
    comment: z.string().max(1000).default(''),
  })
  .refine(({ device, signal }) => (device === undefined) === (signal === undefined), {
    message: 'device and signal go together; without both, all alarms of the rule',
    path: ['device'],
  });
const alertsQuery = z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) });

export class Api {
  readonly #parts: ApiParts;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  gateways(): GatewayView[] {
    return this.#parts.fleet.views();
  }

  series(): SeriesView[] {
    return this.#parts.state.series.all();
  }

  /** @throws HttpError @throws StoreOutage */
  async panes(query: URLSearchParams): Promise<PanesView> {
    const { gateway, device, signal, window, limit, ...range } = checked(panesQuery, query);
    const to = range.to ?? this.#parts.clock.now();
    const from = range.from ?? to - hourMs;
    const { sizeMs = 0, compute = [] } = this.#parts.state.series.find(gateway, device, signal, window) ?? {};
    const columns = statistics.filter((statistic) => compute.includes(statistic));
    const panes = await this.#parts.store.panes({ gateway, device, signal, window, from, to, limit });
    return {
      columns: ['start', 'end', 'count', 'revision', ...columns],
      rows: panes.map(({ start, end = start + sizeMs, count, revision, values }) => [
        start,
        end,
        count,
        revision,
        ...columns.map((column) => values[column] ?? null),
      ]),
    };
  }

  /** @throws HttpError @throws StoreOutage */
  async raw(query: URLSearchParams): Promise<RawView> {
    const { gateway, device, signal, limit, ...range } = checked(rawQuery, query);
    const to = range.to ?? this.#parts.clock.now();
    const from = range.from ?? to - hourMs;
    const readings = await this.#parts.store.raw({ gateway, device, signal, from, to, limit });
    return {
      columns: ['time', 'value', 'quality'],
      rows: readings.map(({ time: at, value, quality }) => [at, value ?? null, quality]),
    };
  }

  /** @throws HttpError */
  rawRequests(query: URLSearchParams): RawRequestView[] {
    const { limit, gateway } = checked(rawRequestsQuery, query);
    return this.#parts.state.rawRequests.newest(limit, gateway).map(rawRequestView);
  }

  /** @param body parsed JSON @throws HttpError */
  askRaw(body: unknown): RawRequestView {
    const { gateway, device, signal, from, to } = parsed(rawRange, body);
    try {
      return rawRequestView(this.#parts.raw.ask({ gateway, device, signal, fromMs: from, toMs: to }));
    } catch (error) {
      if (error instanceof HubError) throw new HttpError(400, error.message);
      throw error;
    }
  }

  /** @throws HttpError */
  operations(query: URLSearchParams): OperationView[] {
    return this.#parts.state.operations.newest(checked(alertsQuery, query).limit).map(operationView);
  }

  /** @param body parsed JSON @throws HttpError */
  operate(body: unknown): { id: string } {
    const { gateway, device, signal, until, ...rest } = parsed(operationBody, body);
    const series = device === undefined || signal === undefined ? undefined : { device, signal };
    const operation = { ...rest, since: rest.since, series, until: until ?? Number.NaN };
    try {
      return { id: this.#parts.orders.order(gateway, operation) };
    } catch (error) {
      if (error instanceof HubError) throw new HttpError(400, error.message);
      throw error;
    }
  }

  /** @throws HttpError */
  alerts(query: URLSearchParams): AlertView[] {
    return this.#parts.state.alerts.episodes(checked(alertsQuery, query).limit).map(alertView);
  }
}

export function alertView({ sinceMs, firedMs, clearedMs, acknowledgedMs, ...episode }: Episode): AlertView {
  return { ...episode, since: sinceMs, fired: firedMs, cleared: clearedMs, acknowledged: acknowledgedMs };
}

export function paneView({ gateway, pane }: GatewayPane): PaneView {
  const { series, window, revision, retracted, count } = pane;
  const values = window.compute.map((statistic, index) => {
    const value = pane.values[index];
    return [statistic, value !== undefined && Number.isFinite(value) ? value : null] as const;
  });
  const { device, signal } = series;
  const names = { gateway, device, signal, window: window.id };
  // As the store will answer it: the page tells panes apart by their start.
  const bounds = { start: storedStart(pane.start), end: storedEnd(pane) ?? pane.end };
  return { ...names, ...bounds, revision, retracted, count, values: Object.fromEntries(values) };
}

export function rawRequestView(request: RawRequest): RawRequestView {
  const { id, gateway, device, signal, fromMs, toMs, why, askedMs, sent, doneMs, readings, shortfall } = request;
  const series = { gateway, device, signal };
  const times = { from: fromMs, to: toMs, asked: askedMs, done: doneMs ?? null };
  return { id, ...series, ...times, why, sent, readings, shortfall };
}

export function operationView({ id, gateway, operation, orderedMs, doneMs }: Order): OperationView {
  const { kind, rule, series, until, by, comment } = operation;
  const who = { device: series?.device ?? null, signal: series?.signal ?? null };
  const end = Number.isNaN(until) ? null : until;
  return { id, gateway, kind, rule, ...who, until: end, by, comment, ordered: orderedMs, done: doneMs ?? null };
}

function checked<T extends z.ZodType>(schema: T, query: URLSearchParams): z.output<T> {
  return parsed(schema, Object.fromEntries(query));
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const mistakes = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new HttpError(400, mistakes.join('; '));
}
