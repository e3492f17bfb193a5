// What the hub measures of itself and of its gateways, as metrics.

import type { Dispatcher } from '../alerts/dispatcher.ts';
import type { Broker } from '../broker/broker.ts';
import type { Counter } from '../counter.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { State } from '../state/state.ts';
import type { EventStreams } from './events.ts';
import type { Metric, Sample } from './metrics.ts';
import type { GatewayView } from './views.ts';

export interface MeasuredParts {
  readonly broker: Broker;
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
    counter('weir_hub_gaps_total', 'Gaps in the sequence numbers of a lane.', counts.of('gaps')),
    counter('weir_hub_quarantined_total', 'Frames and points quarantined.', counts.of('quarantined')),
    counter('weir_hub_store_outages_total', 'Failed attempts to store.', counts.of('store_outages')),
    counter('weir_hub_bad_statuses_total', 'Statuses that cannot be decoded.', fleet.badStatuses),
    gauge('weir_hub_readings_stored', 'Readings stored, of all gateways.', readings.stored),
    gauge('weir_hub_readings_quarantined', 'Readings the store refused, of all gateways.', readings.quarantined),
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
    perGateway('weir_gateway_up', '1 while the gateway is connected.', gateways, (view) => (view.online ? 1 : 0)),
    perGateway('weir_gateway_readings_taken', 'Readings taken in.', gateways, (view) => view.taken),
    perGateway('weir_gateway_readings_stored', 'Of those, stored at the hub.', gateways, (view) => view.stored),
    perGateway('weir_gateway_readings_pending', 'Waiting on the gateway.', gateways, (view) => view.pending),
    perGateway('weir_gateway_readings_open', 'In windows that are open.', gateways, (view) => view.open),
    {
      name: 'weir_gateway_readings_lost',
      help: 'Readings lost, by reason.',
      type: 'gauge',
      samples: gateways.flatMap(({ name, lost }) =>
        Object.entries(lost).map(([reason, value]) => ({ labels: { gateway: name, reason }, value })),
      ),
    },
    perGateway('weir_gateway_outbox_bytes', 'Bytes in the outbox.', gateways, (view) => view.outboxBytes),
    perGateway('weir_gateway_journal_bytes', 'Bytes in the journal.', gateways, (view) => view.journalBytes),
    perGateway('weir_gateway_memory_bytes', 'Memory of the agent.', gateways, (view) => view.memoryBytes),
    perGateway('weir_gateway_seen_ms', 'Epoch milliseconds of the last status.', gateways, (view) => view.seen),
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

function perGateway(
  name: string,
  help: string,
  gateways: readonly GatewayView[],
  value: (view: GatewayView) => number,
): Metric {
  const samples: Sample[] = gateways.map((view) => ({ labels: { gateway: view.name }, value: value(view) }));
  return { name, help, type: 'gauge', samples };
}
