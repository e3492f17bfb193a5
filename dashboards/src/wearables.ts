// The wearables: heart rate in its zones and steps of the people who wear a band, and what the bands delivered late.
//
// Bands often sync hours after the fact. Weir then restates the panes concerned, so the graphs are right afterwards; the
// row on late data says how often that happened.
import { BigValueGraphMode } from '@grafana/grafana-foundation-sdk/common';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { DatetimeLocal, DurationSeconds, Short } from '@grafana/grafana-foundation-sdk/units';
import { alertMarks, alertTable, firingAlerts } from './alerts.ts';
import { completeness } from './completeness.ts';
import { dashboardOf } from './dashboard-of.ts';
import { rows, series } from './influxql.ts';
import { wearableSignals } from './measurements.ts';
import { eachDevice, eachDeviceCorrected, eachSignal, overall } from './pane-series.ts';
import type { Measure, Steps } from './panels.ts';
import { bands, bars, lines, stat, table, thresholds } from './panels.ts';
import { alertsOn, panesOverTime, sessionRows } from './query-text.ts';
import { deviceVariable, gatewayVariable, windowVariable } from './variables.ts';

const beatsPerMinute = 'suffix:bpm';
const steps = 'suffix:steps';

// Rest, everyday, light, moderate and hard effort at 45 years: 50, 65 and 85 % of the highest rate, 220 less the age.
const heartRateZones: Steps = ['blue', [50, 'green'], [90, 'yellow'], [115, 'orange'], [150, 'red']];
const noLimits: Steps = ['blue'];

const alerts = alertsOn(wearableSignals);

const now = [
  firingAlerts(alerts),
  presentValue(
    {
      title: 'Heart rate',
      description: 'Mean over the chosen devices, latest window that has arrived. Coloured by effort zone.',
      unit: beatsPerMinute,
      queries: [overall('mean("mean") AS "mean"', 'heart_rate')],
    },
    heartRateZones,
  ),
  presentValue(
    {
      title: 'Lowest heart rate',
      description: 'Lowest value of any chosen device in the time range.',
      unit: beatsPerMinute,
      queries: [overall('min("min") AS "min"', 'heart_rate')],
    },
    heartRateZones,
    'min',
  ),
  presentValue(
    {
      title: 'Highest heart rate',
      description: 'Highest value of any chosen device in the time range.',
      unit: beatsPerMinute,
      queries: [overall('max("max") AS "max"', 'heart_rate')],
    },
    heartRateZones,
    'max',
  ),
  presentValue(
    {
      title: 'Most steps',
      description: 'Most steps of any chosen device in one day of the time range.',
      unit: steps,
      queries: [overall('max("max") AS "max"', 'steps')],
    },
    noLimits,
    'max',
  ),
];

const heartRate = [
  lines({
    title: 'Heart rate of $device',
    description:
      'Lowest, mean and highest value of each window. Background: rest, everyday, light, moderate, hard effort.',
    unit: beatsPerMinute,
    queries: [
      series(
        panesOverTime('min("min") AS "lowest", mean("mean") AS "mean", max("max") AS "highest"', ['heart_rate']),
        '$col',
      ),
    ],
  })
    .repeat('device')
    .repeatDirection('h')
    .maxPerRow(2)
    .span(24)
    .thresholds(thresholds(heartRateZones))
    .thresholdsStyle(bands())
    .overrideByName('lowest', faint())
    .overrideByName('highest', [...faint(), { id: 'custom.fillBelowTo', value: 'lowest' }]),
];

const stepCounters = [
  lines({
    title: 'Steps',
    description: 'Steps since midnight, as the band counts them, by device.',
    unit: steps,
    queries: [eachDevice('max("max") AS "steps"', 'steps')],
  })
    .span(24)
    .min(0),
];

const sessions = [
  table({
    title: 'Sessions',
    description:
      'Stretches in which a band sent a heart rate, newest first (at most 200). One ends when nothing has followed for its gap; until then it grows.',
    queries: [rows(sessionRows('heart_rate', ['end', 'duration', 'count', 'mean', 'max']))],
  })
    .unit(beatsPerMinute)
    .decimals(0)
    .overrideByName('end', [{ id: 'unit', value: DatetimeLocal }])
    .overrideByName('duration', [{ id: 'unit', value: DurationSeconds }])
    .overrideByName('count', [{ id: 'unit', value: Short }]),
];

const lateData = [
  bars({
    title: 'Windows corrected by late readings',
    description:
      'Windows of heart rate that were restated because readings came after they had been reported, by device.',
    unit: Short,
    queries: [eachDeviceCorrected('count("revision") AS "corrected"', 'heart_rate')],
  }).noValue('none corrected'),
  lines({
    title: 'Most corrections of one window',
    description: 'How often a window was restated (its revision), by signal. Zero: every reading came in time.',
    unit: Short,
    queries: [eachSignal('max("revision") AS "revision"', wearableSignals)],
  })
    .min(0)
    .decimals(0),
  ...completeness(wearableSignals),
];

export const wearables: Dashboard = dashboardOf({
  uid: 'weir-wearables',
  title: 'Weir: wearables',
  description: 'Heart rate and steps by device, sessions, alerts, and the readings that arrived late.',
  from: 'now-6h',
  variables: [gatewayVariable(wearableSignals), deviceVariable(wearableSignals), windowVariable(wearableSignals, '1m')],
  annotations: alertMarks(alerts),
  rows: [
    { title: 'Now', panels: now },
    { title: 'Heart rate', panels: heartRate },
    { title: 'Steps', panels: stepCounters },
    { title: 'Sessions', panels: sessions },
    { title: 'Alerts', panels: [alertTable(alerts)] },
    { title: 'Late data and completeness', panels: lateData },
  ],
});

function presentValue(measure: Measure, colors: Steps, calculation = 'lastNotNull'): StatBuilder {
  return stat(measure, colors, BigValueGraphMode.Area, calculation).span(5).decimals(0);
}

/** For the edges of the band around the mean. */
function faint(): { id: string; value: unknown }[] {
  return [
    { id: 'custom.lineWidth', value: 1 },
    { id: 'custom.fillOpacity', value: 12 },
    { id: 'color', value: { mode: 'fixed', fixedColor: 'text' } },
  ];
}
