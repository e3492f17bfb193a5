// What the hub's page and API speak: plain JSON shapes, shared by the server (api.ts) and the page (web/).
//
//   GET /api/gateways                                    GatewayView[]
//   GET /api/series                                      SeriesView[]
//   GET /api/panes?gateway&device&signal&window&from&to&limit
//                                                        PanesView      from, to: epoch milliseconds; the newest `limit` of them
//   GET /api/alerts?limit                                AlertView[]    newest first; the active ones are always among them
//   GET /api/events                                      server-sent events: gateway (GatewayView), panes (PaneView[]), alert (AlertView)
//   GET /healthz, GET /metrics                           for machines

export interface GatewayView {
  readonly name: string;
  readonly online: boolean;
  /** Epoch milliseconds of the last status; 0 when there was none yet. */
  readonly seen: number;
  readonly version: string;
  /** Counts of readings: taken = stored + pending + open + lost, once everything sent is acknowledged. */
  readonly taken: number;
  readonly open: number;
  readonly pending: number;
  readonly stored: number;
  readonly lost: Readonly<Record<string, number>>;
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
}
