// What the hub's page and API speak: plain JSON shapes, shared by the server (api.ts) and the page (web/).
//
//   GET /api/gateways                                    GatewayView[]
//   GET /api/series                                      SeriesView[]
//   GET /api/panes?gateway&device&signal&window&from&to&limit
//                                                        PanesView      from, to: epoch milliseconds; the newest `limit` of them
//   GET /api/alerts?limit                                AlertView[]    newest first; the active ones are always among them
//   POST /api/operations {gateway, kind, rule, device, signal, since, until, by, comment}
//                                                        OperationView  kind: acknowledge, shelve, unshelve, disable, enable;
//                                                        without device and signal all alarms of the rule; until goes with shelve
//   GET /api/operations?limit                            OperationView[]  newest first
//   POST /api/raw {gateway, device, signal, from, to}    RawRequestView  asks the gateway for raw readings
//   GET /api/raw?gateway&device&signal&from&to&limit     RawView        the raw readings that have come; the newest `limit` of them
//   GET /api/raw/requests?gateway&limit                  RawRequestView[]  newest first
//   GET /api/events                                      server-sent events: gateway (GatewayView), panes (PaneView[]), alert (AlertView),
//                                                        raw (RawRequestView[], those that are new or have changed)
//   GET /healthz, GET /metrics                           for machines

export interface GatewayView {
  readonly name: string;
  readonly online: boolean;
  /** Epoch milliseconds of the last status; 0 when there was none yet. */
  readonly seen: number;
  readonly version: string;
  /**
   * Counts of readings: taken = stored + pending + open + lost, once everything sent is acknowledged. Among the lost are
   * those the hub knows of: `quarantined` and `gap`.
   */
  readonly taken: number;
  readonly open: number;
  readonly pending: number;
  readonly stored: number;
  readonly lost: Readonly<Record<string, number>>;
  /** Readings missing from that sum at the last status, whatever was on its way; negative: counted twice. 0, always. */
  readonly imbalance: number;
  /** The same of the gateway's own sum. */
  readonly ownImbalance: number;
  /** Entries that never came: evicted there, lost by its disk, or sent to a hub before this one. */
  readonly gaps: {
    readonly count: number;
    /** Newest first. */
    readonly last: readonly {
      readonly time: number;
      readonly lane: string;
      readonly entries: number;
      readonly readings: number;
    }[];
  };
  /** Readings whose statistics were merged into coarser windows while the link was out; not lost. */
  readonly thinned: number;
  /** Readings kept but not trusted, by why. */
  readonly flagged: Readonly<Record<string, number>>;
  /** Of the losses, the series that had most of them, most first. */
  readonly seriesLosses: readonly {
    readonly device: string;
    readonly signal: string;
    readonly reason: string;
    readonly count: number;
  }[];
  readonly readingsPerSecond: number;
  readonly outboxBytes: number;
  readonly journalBytes: number;
  readonly memoryBytes: number;
  /** The disk under journal and outbox; null when the gateway does not say. */
  readonly storage: StorageView | null;
  /** How its alarm system does (ISA-18.2); null when it does not say. */
  readonly alarms: AlarmsView | null;
  /** What it knows about the time: `synchronised`, `holding`, `unknown`; null when it does not say. */
  readonly clock: { readonly state: string; readonly detail: string } | null;
  readonly health: readonly {
    readonly part: string;
    readonly up: boolean;
    readonly detail: string;
    readonly since: number;
  }[];
  readonly deadLetters: readonly {
    readonly reason: string;
    readonly where: string;
    readonly arrival: number;
    readonly detail: string;
    readonly sample: string;
  }[];
}

export interface StorageView {
  /** Over the last hour. */
  readonly writtenBytesPerHour: number;
  readonly syncsPerHour: number;
  readonly freeBytes: number;
  /** Between commits, at present. */
  readonly commitMs: number;
  /** Until the card's rated endurance is written, at this rate; null while it cannot be told. */
  readonly years: number | null;
  /** Since the agent started. */
  readonly damagedBytes: number;
  readonly damagedRecords: number;
  /** Readings acknowledged to their source while the disk could not take them. */
  readonly atRisk: number;
  /** Oldest raw reading on the gateway, epoch milliseconds; null when there is none. */
  readonly rawSince: number | null;
}

export interface SeriesView {
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  readonly unit: string;
  /** Windows this series has panes of, shortest first, those of no fixed length last. */
  readonly windows: readonly {
    readonly id: string;
    /** tumbling, hopping, session or count. */
    readonly kind: string;
    /** 0 where it is not fixed: session, count. */
    readonly sizeMs: number;
    /** From one start to the next; 0 where it is not fixed. */
    readonly stepMs: number;
    readonly compute: readonly string[];
  }[];
}

export interface PanesView {
  /** `start`, `end`, `count`, `revision`, then the statistics. */
  readonly columns: readonly string[];
  /** Oldest first; null where a statistic is undefined. */
  readonly rows: readonly (readonly (number | null)[])[];
}

export interface PaneView {
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  readonly window: string;
  readonly start: number;
  readonly end: number;
  readonly revision: number;
  /** There is no such pane any more. */
  readonly retracted: boolean;
  readonly count: number;
  readonly values: Readonly<Record<string, number | null>>;
}

export interface AlarmsView {
  readonly firing: number;
  readonly unacknowledged: number;
  readonly shelved: number;
  readonly suppressed: number;
  readonly disabled: number;
  readonly stale: number;
  readonly chattering: number;
  readonly transitionsPerMinute: number;
  readonly alarmsPerTenMinutes: number;
}

export interface AlertView {
  readonly gateway: string;
  readonly rule: string;
  readonly device: string;
  readonly signal: string;
  readonly severity: string;
  /** Event times, epoch milliseconds. `cleared` is null while it is firing. */
  readonly since: number;
  readonly fired: number;
  readonly cleared: number | null;
  /** The value that fired it. */
  readonly value: number;
  /** In words. */
  readonly reason: string;
  /** Why nobody was told; empty when somebody was. */
  readonly quiet: string;
  /** Epoch milliseconds; null while nobody has. */
  readonly acknowledged: number | null;
  readonly acknowledgedBy: string;
  readonly comment: string;
  /** Waits for somebody to acknowledge it, though its condition has gone. */
  readonly latched: boolean;
}

export interface OperationView {
  readonly id: string;
  readonly gateway: string;
  readonly kind: string;
  readonly rule: string;
  readonly device: string | null;
  readonly signal: string | null;
  readonly until: number | null;
  readonly by: string;
  readonly comment: string;
  readonly ordered: number;
  /** When the gateway said that it is done; null before. */
  readonly done: number | null;
}

export interface RawRequestView {
  readonly id: string;
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  /** Event times, epoch milliseconds: `from` inclusive, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** `asked`, or `alert <rule>`. */
  readonly why: string;
  /** Hub's clock, epoch milliseconds. */
  readonly asked: number;
  /** The gateway has been told. */
  readonly sent: boolean;
  /** When it was answered; null while it is open. */
  readonly done: number | null;
  /** That have come. */
  readonly readings: number;
  /** Why there is less than was asked for; empty when all is there. */
  readonly shortfall: string;
}

export interface RawView {
  /** `time`, `value`, `quality`. */
  readonly columns: readonly string[];
  /** Oldest first. Event time; null where the value is no number; `good`, `uncertain` or `bad`. */
  readonly rows: readonly (readonly [number, number | null, string])[];
}
