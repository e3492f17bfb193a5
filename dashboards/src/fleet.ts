// The fleet: which gateway is down, behind, full or losing readings.
import { BigValueGraphMode, LineInterpolation } from '@grafana/grafana-foundation-sdk/common';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { BytesIEC, Short } from '@grafana/grafana-foundation-sdk/units';
import { alertMarks, alertTable, firingAlerts } from './alerts.ts';
import { dashboardOf } from './dashboard-of.ts';
import type { InfluxqlQuery } from './influxql.ts';
import { rows, series } from './influxql.ts';
import type { Measure, Steps } from './panels.ts';
import { lines, stat, stateTimeline, table, words } from './panels.ts';
import { alertsOfGateways, fleetNow, gatewaysNow, gatewaysOverTime } from './query-text.ts';
import { gatewayVariable } from './variables.ts';

const readingsPerSecond = 'suffix:readings/s';
const readings = 'suffix:readings';

const upOrDown = words({ 0: ['down', 'red'], 1: ['up', 'green'] });
const noLimits: Steps = ['blue'];
const anyIsBad: Steps = ['green', [1, 'red']];

const fleetTotals = [
  total(
    {
      title: 'Gateways up',
      description: 'Gateways that hold their connection to the hub.',
      unit: Short,
      queries: [series(fleetNow('sum("up") AS "up"', 'last("up") AS "up"'), 'up')],
    },
    ['red', [1, 'green']],
  ),
  total(
    {
      title: 'Gateways down',
      description:
        'Gateways the hub knows but cannot hear. They go on measuring and alerting; their backlog follows later.',
      unit: Short,
      queries: [series(fleetNow('sum("down") AS "down"', '1 - last("up") AS "down"'), 'down')],
    },
    anyIsBad,
  ),
  firingAlerts(alertsOfGateways),
  total(
    {
      title: 'Readings taken',
      description: 'Readings per second over all chosen gateways.',
      unit: readingsPerSecond,
      queries: [series(fleetNow('sum("rate") AS "rate"', 'last("readings_per_second") AS "rate"'), 'rate')],
    },
    noLimits,
  ),
  total(
    {
      title: 'Backlog',
      description: 'Readings safe on the gateways and not yet stored at the hub.',
      unit: readings,
      queries: [series(fleetNow('sum("pending") AS "pending"', 'last("pending") AS "pending"'), 'pending')],
    },
    noLimits,
  ),
  total(
    {
      title: 'Unaccounted',
      description:
        'Taken less stored, open in windows, pending and lost. Always zero: every reading is in exactly one of these.',
      unit: readings,
      queries: [
        series(
          fleetNow(
            'sum("unaccounted") AS "unaccounted"',
            'last("taken") - last("stored") - last("open") - last("pending") - last("lost") AS "unaccounted"',
          ),
          'unaccounted',
        ),
      ],
    },
    ['red', [0, 'green'], [1, 'red']],
  ),
];

const gateways = [
  table({
    title: 'Gateways',
    description:
      'The latest figures of each gateway. A click on its name opens the factory line with this gateway chosen.',
    queries: [
      rows(
        gatewaysNow(
          [
            'last("up") AS "state"',
            'last("pending") AS "backlog"',
            'last("lost") AS "lost"',
            'last("readings_per_second") AS "readings/s"',
            'last("outbox_bytes") AS "outbox"',
            'last("memory_bytes") AS "memory"',
            'last("sources_up") AS "sources up"',
            'last("sources_down") AS "sources down"',
          ].join(', '),
        ),
      ),
    ],
  })
    .unit(Short)
    .withTransformation({
      id: 'organize',
      options: { excludeByName: { Time: true }, indexByName: {}, renameByName: {} },
    })
    .overrideByName('gateway', [linkToFactory()])
    .overrideByName('state', [
      { id: 'mappings', value: [upOrDown] },
      { id: 'custom.cellOptions', value: { type: 'color-text' } },
    ])
    .overrideByRegexp('outbox|memory', [{ id: 'unit', value: BytesIEC }]),
  stateTimeline(
    {
      title: 'Up and down',
      description: 'Whether each gateway held its connection to the hub.',
      queries: [eachGateway('last("up") AS "up"')],
    },
    upOrDown,
  ),
];

const delivery = [
  lines({
    title: 'Backlog by gateway',
    description:
      'Readings waiting on the gateway. Rises while the link is down and falls when it is back; else it is too slow.',
    unit: readings,
    queries: [eachGateway('last("pending") AS "pending"')],
  }).min(0),
  lines({
    title: 'Outbox size',
    description:
      'Bytes of what must go out, on the gateway’s disk. At its limit the gateway gives up the oldest, and counts it.',
    unit: BytesIEC,
    queries: [eachGateway('last("outbox_bytes") AS "outbox"')],
  }).min(0),
  lines({
    title: 'Lost readings by reason',
    description:
      'Readings that ended in the loss ledger, counted since the gateway was set up. A step up is a new loss.',
    unit: readings,
    queries: [series(gatewaysOverTime('last(/^lost_/)'), '$tag_gateway: $col')],
  })
    .lineInterpolation(LineInterpolation.StepAfter)
    .min(0)
    .withTransformation({ id: 'renameByRegex', options: { regex: '(.*): last_lost_(.*)', renamePattern: '$1: $2' } }),
  lines({
    title: 'Taken and stored',
    description:
      'Readings taken in on the gateway and readings stored at the hub, counted since the gateway was set up.',
    unit: readings,
    queries: [series(gatewaysOverTime('last("taken") AS "taken", last("stored") AS "stored"'), '$tag_gateway: $col')],
  }),
];

const machines = [
  lines({
    title: 'Readings per second',
    description: 'Readings taken in, by gateway.',
    unit: readingsPerSecond,
    queries: [eachGateway('mean("readings_per_second") AS "rate"')],
  }).min(0),
  lines({
    title: 'Memory',
    description: 'Resident memory of the agent. It is bounded: a line that keeps climbing is a defect.',
    unit: BytesIEC,
    queries: [eachGateway('max("memory_bytes") AS "memory"')],
  }).min(0),
  lines({
    title: 'Sources down',
    description: 'Sensors and brokers a gateway cannot read. It keeps trying; look at the cable or the address.',
    unit: Short,
    queries: [eachGateway('max("sources_down") AS "down"')],
  })
    .min(0)
    .decimals(0)
    .span(24),
];

export const fleet: Dashboard = dashboardOf({
  uid: 'weir-fleet',
  title: 'Weir: fleet',
  description: 'All gateways: up or down, backlog, losses by reason, load, and the alerts they raised.',
  from: 'now-1h',
  variables: [gatewayVariable(['gateways'])],
  annotations: alertMarks(alertsOfGateways),
  rows: [
    { title: 'The fleet now', panels: fleetTotals },
    { title: 'Gateways', panels: gateways },
    { title: 'Delivery and loss', panels: delivery },
    { title: 'Load', panels: machines },
    { title: 'Alerts', panels: [alertTable(alertsOfGateways)] },
  ],
});

function total(measure: Measure, steps: Steps): StatBuilder {
  return stat(measure, steps, BigValueGraphMode.None);
}

function eachGateway(select: string): InfluxqlQuery {
  return series(gatewaysOverTime(select), '$tag_gateway');
}

function linkToFactory(): { id: string; value: unknown } {
  const url = '/d/weir-factory?var-gateway=${__value.raw:percentencode}&${__url_time_range}';
  return { id: 'links', value: [{ title: 'Open the factory line', url }] };
}
