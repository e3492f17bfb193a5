// What the hub measures of itself and of its gateways, as metrics.

import type { Dispatcher } from '../alerts/dispatcher.ts';
import type { Broker } from '../broker/broker.ts';
import type { Counter } from '../counter.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { State } from '../state/state.ts';
import type { EventStreams } from './events.ts';
import { measureGateways } from './gateway-metrics.ts';
import type { Metric } from './metrics.ts';

export interface MeasuredParts {
  readonly broker: Pick<Broker, 'connected' | 'refusals' | 'guardCloses'>;
  readonly ingest: Ingest;
  readonly fleet: Fleet;
  readonly state: State;
  readonly events: EventStreams;
  readonly dispatchers: readonly Dispatcher[];
}

export function measure({ broker, ingest, fleet, state, events, dispatchers }: MeasuredParts): Metric[] {
  const gateways = fleet.views();
  const { counts, queued } = ingest;
  const readings = state.cursors.total();
  return [
    counter('weir_hub_batches_total', 'Batches taken in.', counts.of('batches')),
    counter(
      'weir_hub_batches_turned_away_total',
      'Batches not taken, the queue was full.',
      counts.of('batches_turned_away'),
    ),
    counter(
      'weir_hub_batches_out_of_order_total',
      'Batches not taken, one before was missing.',
      counts.of('batches_out_of_order'),
    ),
    counter('weir_hub_batches_undecodable_total', 'Batches that are no batch.', counts.of('batches_undecodable')),
    counter('weir_hub_entries_repeated_total', 'Entries that had been stored before.', counts.of('entries_repeated')),
    counter('weir_hub_panes_stored_total', 'Panes durable in the store.', counts.of('panes_stored')),
    counter('weir_hub_transitions_stored_total', 'Alert transitions stored.', counts.of('transitions_stored')),
    counter('weir_hub_raw_readings_stored_total', 'Raw readings that were asked for.', counts.of('raw_stored')),
    counter('weir_hub_raw_readings_unasked_total', 'Raw readings nobody had asked for.', counts.of('raw_unasked')),
    gauge('weir_hub_raw_requests_open', 'Requests no gateway has answered yet.', state.rawRequests.countOpen()),
    counter('weir_hub_gaps_total', 'Gaps in the sequence numbers of a lane.', counts.of('gaps')),
    counter('weir_hub_quarantined_total', 'Rows put in quarantine.', counts.of('quarantined')),
    counter('weir_hub_quarantine_retries_total', 'Rows of it tried again.', counts.of('quarantine_retries')),
    counter('weir_hub_store_outages_total', 'Failed attempts to store.', counts.of('store_outages')),
    counter('weir_hub_bad_statuses_total', 'Statuses that cannot be decoded.', fleet.badStatuses),
    gauge('weir_hub_readings_stored', 'Readings stored, of all gateways.', readings.stored),
    gauge(
      'weir_hub_readings_quarantined',
      'Readings in quarantine or dropped from it, of all gateways.',
      readings.quarantined,
    ),
    gauge('weir_hub_queue_batches', 'Batches waiting.', queued.batches),
    gauge('weir_hub_queue_bytes', 'Bytes waiting.', queued.bytes),
    gauge('weir_hub_store_up', '1 while the store takes what it is given.', ingest.outage === undefined ? 1 : 0),
    gauge('weir_hub_series', 'Series and windows known.', state.series.size),
    gauge('weir_hub_connections', 'Gateways connected.', broker.connected),
    byReason('weir_hub_refused_total', 'Connections, publishes and subscriptions refused.', broker.refusals),
    byReason('weir_hub_guard_closed_total', 'Connections closed by the length guard.', broker.guardCloses),
    gauge('weir_hub_pages', 'Pages following events.', events.clients),
    counter('weir_hub_pages_dropped_total', 'Pages dropped for reading too slowly.', events.dropped),
    gauge('weir_hub_notifications_due', 'Notifications nobody has taken yet.', state.alerts.dueCount()),
    {
      name: 'weir_hub_notifications_total',
      help: 'Attempts to notify, by result.',
      type: 'counter',
      samples: dispatchers.flatMap(({ target, counts }) =>
        counts.entries().map(([result, value]) => ({ labels: { target, result }, value })),
      ),
    },
    ...measureGateways(gateways),
  ];
}

function counter(name: string, help: string, value: number): Metric {
  return { name, help, type: 'counter', samples: [{ value }] };
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, help, type: 'gauge', samples: [{ value }] };
}

function byReason(name: string, help: string, counts: Counter<string>): Metric {
  return {
    name,
    help,
    type: 'counter',
    samples: counts.entries().map(([reason, value]) => ({ labels: { reason }, value })),
  };
}
