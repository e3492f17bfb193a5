// What the hub writes to InfluxDB, as far as the dashboards read it: the one list of measurements, tags and fields.
//
// A measurement is named for its signal and holds panes: one point per series and window, timestamped with the window's
// start. A late correction overwrites the point and raises `revision`; a window that ceases to exist is deleted. The
// statistics a pane carries are those its gateway file computes, and `end` where the window's length does not say it. Two more measurements describe the system itself: `alerts` (one point per transition, at its event time)
// and `gateways` (one point per gateway every few seconds).

interface Measurement {
  readonly tags: readonly string[];
  /** Exact field names; a trailing `*` stands for any ending. */
  readonly fields: readonly string[];
}

const panes: Measurement = {
  tags: ['gateway', 'device', 'window'],
  fields: [
    'count',
    'revision',
    'end',
    'mean',
    'min',
    'max',
    'p95',
    'duty',
    'changes',
    'duration',
    'completeness',
    'uncertain',
  ],
};

export const factorySignals = ['temperature', 'humidity', 'dew_point', 'pressure', 'vibration', 'door'] as const;

export const wearableSignals = ['heart_rate', 'steps'] as const;

export const measurements: Readonly<Record<string, Measurement>> = {
  ...Object.fromEntries([...factorySignals, ...wearableSignals].map((signal) => [signal, panes])),
  alerts: {
    tags: ['gateway', 'device', 'signal', 'rule', 'severity'],
    fields: ['state', 'firing', 'value', 'reason', 'quiet', 'operator'],
  },
  gateways: {
    tags: ['gateway'],
    fields: [
      'up',
      'taken',
      'stored',
      'open',
      'pending',
      'lost',
      'lost_*',
      'outbox_bytes',
      'memory_bytes',
      'readings_per_second',
      'sources_up',
      'sources_down',
      'imbalance',
      'written_bytes_per_hour',
      'syncs_per_hour',
      'card_years',
    ],
  },
};
