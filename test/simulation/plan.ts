// What happens in a run: how its gateways are set up, and which faults come when. All of it follows from the seed.

import type { Chance } from './chance.ts';

/** How the machines know the time: right from the start, not before a time service has said it, or moved by somebody now and then. */
export type ClockTrouble = 'none' | 'late' | 'moved';

export interface Setup {
  readonly gateways: number;
  /** The gateway file, without its name. */
  readonly text: string;
  readonly everyMs: number;
  readonly devices: number;
  /** How long faults happen. */
  readonly troubleMs: number;
  readonly rawAroundMs: number;
  readonly outboxBytes: number;
  /** So little room in the outbox that it has to make less of what it holds. */
  readonly crowded: boolean;
  readonly clock: ClockTrouble;
  /** What may wait at the hub. */
  readonly queue: { readonly maxBatchesPerLane: number; readonly maxBytes: number };
  readonly journalBytes: number;
  /** How much of the journal is between two checkpoints. */
  readonly tailBytes: number;
}

export type GatewayFault =
  | {
      readonly kind: 'kill' | 'power cut';
      readonly downMs: number;
      /** Disk calls until it happens; now without. */ readonly calls?: number;
    }
  | { readonly kind: 'restart'; readonly downMs: number }
  | { readonly kind: 'clock moved'; readonly byMs: number; readonly forMs: number }
  | { readonly kind: 'cut' }
  | { readonly kind: 'block'; readonly directions: readonly ('up' | 'down')[]; readonly forMs: number }
  | { readonly kind: 'slow link'; readonly latencyMs: number; readonly forMs: number }
  | { readonly kind: 'stall'; readonly forMs: number }
  | { readonly kind: 'slow disk'; readonly latencyMs: number; readonly forMs: number }
  | { readonly kind: 'disk fails'; readonly trouble: 'EIO' | 'ENOSPC' | 'EROFS'; readonly forMs: number }
  | { readonly kind: 'disk full'; readonly bytes: number; readonly forMs: number }
  | {
      readonly kind: 'call fails';
      readonly trouble: 'EIO' | 'ENOSPC';
      readonly effect: 'none' | 'half' | 'done';
      readonly calls: number;
    };

export type HubFault =
  | {
      readonly kind: 'kill' | 'hub power cut';
      readonly downMs: number;
      readonly moment?: 'store write' | 'stored' | 'commit' | 'committed';
    }
  | { readonly kind: 'restart'; readonly downMs: number }
  | { readonly kind: 'store out' | 'hub disk full' | 'store refuses'; readonly forMs: number }
  | { readonly kind: 'slow store'; readonly latencyMs: number; readonly forMs: number };

export type Fault = { readonly atMs: number } & (
  | { readonly gateway: number; readonly fault: GatewayFault }
  | { readonly gateway?: undefined; readonly fault: HubFault }
);

export interface Plan {
  readonly setup: Setup;
  readonly faults: readonly Fault[];
}

const minute = 60_000;

export function makePlan(chance: Chance): Plan {
  const setup = makeSetup(chance);
  const faults: Fault[] = [];
  if (setup.crowded) {
    const forMs = chance.between(0.5, 0.9) * setup.troubleMs;
    faults.push({ atMs: 20_000, gateway: 0, fault: { kind: 'block', directions: ['up', 'down'], forMs } });
  }
  // Some runs are calm, some are not; some have one kind of trouble only.
  const meanMs = chance.spread(6000, 60_000);
  const only = chance.happens(0.4) ? chance.pick(['gateway', 'disk', 'link', 'hub'] as const) : undefined;
  for (let atMs = chance.between(1000, meanMs); atMs < setup.troubleMs; atMs += chance.between(0.2, 1.8) * meanMs) {
    const where = only ?? chance.pick(['gateway', 'disk', 'link', 'hub'] as const);
    if (where === 'hub') faults.push({ atMs, fault: hubFault(chance) });
    else {
      const gateway = chance.whole(0, setup.gateways - 1);
      const fault = gatewayFault(chance, where);
      faults.push({ atMs, gateway, fault });
      // What the first process has left in the cache the second one builds upon, and then it is gone.
      if (fault.kind === 'kill' && chance.happens(0.4)) {
        const cut = { kind: 'power cut', downMs: 1000 } as const;
        faults.push({ atMs: atMs + fault.downMs + chance.spread(500, 30_000), gateway, fault: cut });
      }
    }
    if (setup.clock === 'moved' && chance.happens(0.3)) {
      const byMs = chance.pick([-1, 1]) * chance.spread(1000, 2 * 60 * minute);
      const fault = { kind: 'clock moved', byMs, forMs: chance.spread(5000, 2 * minute) } as const;
      faults.push({ atMs, gateway: chance.whole(0, setup.gateways - 1), fault });
    }
  }
  return { setup, faults };
}

function makeSetup(chance: Chance): Setup {
  const crowded = chance.happens(0.07);
  const windows = [
    `{ every: 1m, of: all, compute: [sum, min, max]${crowded ? ', early: 1s' : ''}, lateness: 1h }`,
    ...(crowded ? ['30s', '40s', '2m', '3m', '4m'] : []).map(
      (size) => `{ every: ${size}, of: all, compute: [min, max, mean, p50, first, last], early: 1s, lateness: 1h }`,
    ),
    ...(chance.happens(0.4) ? ['{ session: 9s, of: all, compute: [min, max, first, last], lateness: 1h }'] : []),
    ...(chance.happens(0.3) ? ['{ every: 90s, slide: 30s, of: all, compute: [min, max, last], lateness: 1h }'] : []),
    ...(chance.happens(0.2) ? ['{ every: 20s, of: all, compute: [min, changes], early: 5s, lateness: 1h }'] : []),
  ];
  const commitMs = chance.pick([500, 500, 1000, 2000]);
  const outboxBytes = crowded ? chance.whole(100_000, 150_000) : 1e9;
  const clock = chance.happens(0.75) ? 'none' : chance.pick(['late', 'moved'] as const);
  return {
    gateways: crowded ? 1 : chance.whole(1, 3),
    devices: crowded ? 6 : chance.whole(1, 2),
    everyMs: crowded ? 3500 : chance.pick([3500, 4000, 6000]),
    troubleMs: crowded ? 8 * minute : chance.spread(2 * minute, 8 * minute),
    rawAroundMs: chance.happens(0.3) ? 30_000 : 0,
    crowded,
    clock,
    outboxBytes,
    journalBytes: 256e6,
    tailBytes: chance.spread(500, 100_000),
    queue: chance.happens(0.3)
      ? { maxBatchesPerLane: chance.whole(1, 3), maxBytes: 100_000 }
      : { maxBatchesPerLane: 8, maxBytes: 16e6 },
    text: `
hub: mqtt://hub
sources:
  broker: { sensor: broker }
  line: { sensor: line }
signals:
  temperature: { from: [broker.temperature, line.temperature] }
windows:
${windows.map((window) => `  - ${window}`).join('\n')}
alerts:
  hot: { when: temperature > ${4 ** 21}, keepFor: 0s, chatter: tell, onLate: fire, severity: critical, do: [horn] }
actions:
  horn: { horn: loud, limit: none }
settings: { commit: ${commitMs}ms, disorder: 2s, idleAfter: 30s, outbox: ${outboxBytes} B }
`,
  };
}

function gatewayFault(chance: Chance, where: 'gateway' | 'disk' | 'link'): GatewayFault {
  const forMs = chance.spread(500, 90_000);
  switch (where) {
    case 'gateway': {
      const kind = chance.pick(['kill', 'kill', 'power cut', 'power cut', 'restart'] as const);
      const downMs = chance.spread(200, 60_000);
      if (kind === 'restart') return { kind, downMs };
      return chance.happens(0.7) ? { kind, downMs, calls: chance.spread(1, 60) } : { kind, downMs };
    }
    case 'link': {
      const kind = chance.pick(['cut', 'cut', 'block', 'block', 'slow link'] as const);
      if (kind === 'cut') return { kind };
      if (kind === 'slow link') return { kind, latencyMs: chance.spread(200, 8000), forMs };
      return {
        kind,
        forMs: chance.spread(500, 120_000),
        directions: chance.pick([['up'], ['down'], ['up', 'down']] as const),
      };
    }
    case 'disk': {
      const kind = chance.pick(['stall', 'slow disk', 'disk fails', 'disk full', 'call fails', 'call fails'] as const);
      switch (kind) {
        case 'stall':
          return { kind, forMs: chance.spread(500, 15_000) };
        case 'slow disk':
          return { kind, forMs, latencyMs: chance.spread(20, 1500) };
        case 'disk fails':
          return { kind, forMs: chance.spread(500, 60_000), trouble: chance.pick(['EIO', 'ENOSPC', 'EROFS'] as const) };
        case 'disk full':
          return { kind, forMs: chance.spread(500, 60_000), bytes: chance.whole(0, 3000) };
        case 'call fails':
          return {
            kind,
            calls: chance.spread(1, 60),
            trouble: chance.pick(['EIO', 'ENOSPC'] as const),
            effect: chance.pick(['none', 'half', 'done'] as const),
          };
      }
    }
  }
}

function hubFault(chance: Chance): HubFault {
  const kind = chance.pick([
    'kill',
    'kill',
    'hub power cut',
    'restart',
    'store out',
    'slow store',
    'hub disk full',
    'store refuses',
  ] as const);
  const downMs = chance.spread(200, 60_000);
  const forMs = chance.spread(500, 90_000);
  switch (kind) {
    case 'kill':
      return chance.happens(0.7)
        ? { kind, downMs, moment: chance.pick(['store write', 'stored', 'commit', 'committed'] as const) }
        : { kind, downMs };
    case 'hub power cut':
    case 'restart':
      return { kind, downMs };
    case 'slow store':
      return { kind, forMs, latencyMs: chance.spread(100, 10_000) };
    case 'store out':
    case 'hub disk full':
    case 'store refuses':
      return { kind, forMs };
  }
}
