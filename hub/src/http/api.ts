// What the API answers; the shapes are those of views.ts.

import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Episode } from '../state/alert-book.ts';
import type { State } from '../state/state.ts';
import { statistics } from '@weir/shared/model/pane.ts';
import { storedEnd, storedStart, type GatewayPane, type Store } from '../store/store.ts';
import { HttpError } from './respond.ts';
import type { AlertView, GatewayView, PanesView, PaneView, SeriesView } from './views.ts';

export interface ApiParts {
  readonly fleet: Fleet;
  readonly state: State;
  readonly store: Pick<Store, 'panes'>;
  readonly clock: Clock;
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

  /** @throws HttpError */
  alerts(query: URLSearchParams): AlertView[] {
    return this.#parts.state.alerts.episodes(checked(alertsQuery, query).limit).map(alertView);
  }
}

export function alertView({ sinceMs, firedMs, clearedMs, ...episode }: Episode): AlertView {
  return { ...episode, since: sinceMs, fired: firedMs, cleared: clearedMs };
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

function checked<T extends z.ZodType>(schema: T, query: URLSearchParams): z.output<T> {
  const result = schema.safeParse(Object.fromEntries(query));
  if (result.success) return result.data;
  const mistakes = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new HttpError(400, mistakes.join('; '));
}
