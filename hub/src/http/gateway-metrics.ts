// What is measured of each gateway: its readings, its disk, its clock, as it last said and as the hub counted.

import type { Metric, Sample } from './metrics.ts';
import type { GatewayView, StorageView } from './views.ts';

/** The measures of ISA-18.2. */
const alarmMeasures = [
  ['firing', 'weir_gateway_alarms_firing', 'Alarms that are on.'],
  ['unacknowledged', 'weir_gateway_alarms_unacknowledged', 'Of those, nobody has acknowledged.'],
  ['shelved', 'weir_gateway_alarms_shelved', 'Alarms an operator has shelved.'],
  ['suppressed', 'weir_gateway_alarms_suppressed', 'Alarms that another one explains.'],
  ['disabled', 'weir_gateway_alarms_disabled', 'Alarms out of service.'],
  ['stale', 'weir_gateway_alarms_stale', 'On for more than a day.'],
  ['chattering', 'weir_gateway_alarms_chattering', 'Alarms that keep coming back.'],
  ['transitionsPerMinute', 'weir_gateway_alarm_transitions_per_minute', 'Transitions over the last minute.'],
  ['alarmsPerTenMinutes', 'weir_gateway_alarms_per_ten_minutes', 'Alarms that began in the last ten minutes.'],
] as const;

export function measureGateways(gateways: readonly GatewayView[]): Metric[] {
  const each = (name: string, help: string, value: (view: GatewayView) => number | null | undefined): Metric => ({
    name,
    help,
    type: 'gauge',
    // What a gateway does not say has no sample: 0 would be a statement.
    samples: gateways.flatMap((view): Sample[] => {
      const found = value(view) ?? undefined;
      return found === undefined ? [] : [{ labels: { gateway: view.name }, value: found }];
    }),
  });
  const disk = (name: string, help: string, value: (storage: StorageView) => number | null): Metric =>
    each(name, help, ({ storage }) => (storage === null ? null : value(storage)));
  return [
    each('weir_gateway_up', '1 while the gateway is connected.', ({ online }) => (online ? 1 : 0)),
    each('weir_gateway_seen_ms', 'Epoch milliseconds of the last status.', ({ seen }) => seen),
    each('weir_gateway_readings_taken', 'Readings taken in.', ({ taken }) => taken),
    each('weir_gateway_readings_stored', 'Of those, stored at the hub.', ({ stored }) => stored),
    each('weir_gateway_readings_pending', 'Waiting on the gateway.', ({ pending }) => pending),
    each('weir_gateway_readings_open', 'In windows that are open.', ({ open }) => open),
    {
      name: 'weir_gateway_readings_lost',
      help: 'Readings lost, by reason.',
      type: 'gauge',
      samples: gateways.flatMap(({ name, lost }) =>
        Object.entries(lost).map(([reason, value]) => ({ labels: { gateway: name, reason }, value })),
      ),
    },
    each('weir_gateway_readings_thinned', 'Kept in coarser windows only.', ({ thinned }) => thinned),
    each(
      'weir_gateway_imbalance_readings',
      'Readings the hub misses, or has twice (negative), at the last status: 0 always.',
      ({ imbalance }) => imbalance,
    ),
    each(
      'weir_gateway_own_imbalance_readings',
      'Readings the gateway itself cannot account for: 0 always.',
      ({ ownImbalance }) => ownImbalance,
    ),
    ...alarmMeasures.map(([measure, name, help]) => each(name, help, ({ alarms }) => alarms?.[measure])),
    each('weir_gateway_gaps', 'Gaps in what it sent, of those remembered.', ({ gaps }) => gaps.count),
    each('weir_gateway_gap_readings', 'Readings lost in gaps, beside evicted ones.', ({ lost }) => lost['gap'] ?? 0),
    each('weir_gateway_outbox_bytes', 'Bytes in the outbox.', ({ outboxBytes }) => outboxBytes),
    each('weir_gateway_journal_bytes', 'Bytes in the journal.', ({ journalBytes }) => journalBytes),
    each('weir_gateway_memory_bytes', 'Memory of the agent.', ({ memoryBytes }) => memoryBytes),
    each('weir_gateway_clock_synchronised', '1 while it knows the time.', ({ clock }) =>
      clock === null ? null : Number(clock.state === 'synchronised'),
    ),
    disk('weir_gateway_disk_written_bytes_per_hour', 'Written in the last hour.', (of) => of.writtenBytesPerHour),
    disk('weir_gateway_disk_syncs_per_hour', 'Syncs in the last hour.', (of) => of.syncsPerHour),
    disk('weir_gateway_disk_free_bytes', 'Free space.', (of) => of.freeBytes),
    disk('weir_gateway_disk_commit_ms', 'Milliseconds between commits at present.', (of) => of.commitMs),
    disk('weir_gateway_card_years', 'Years until the rated endurance of its card is written.', (of) => of.years),
    disk('weir_gateway_disk_damaged_bytes', 'Bytes that belong to no record.', (of) => of.damagedBytes),
    disk('weir_gateway_disk_damaged_records', 'Records missing because of damage.', (of) => of.damagedRecords),
    disk('weir_gateway_readings_at_risk', 'Acknowledged while the disk could not take them.', (of) => of.atRisk),
  ];
}
