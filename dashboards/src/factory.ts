// The factory line: what the sensors on the machines measure, what is too much, and whether all readings arrived.
import { BigValueGraphMode } from '@grafana/grafana-foundation-sdk/common';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { Bars, Celsius, Humidity, PercentUnit, Short } from '@grafana/grafana-foundation-sdk/units';
import { alertMarks, alertTable, firingAlerts } from './alerts.ts';
import { completeness } from './completeness.ts';
import { dashboardOf } from './dashboard-of.ts';
import { factorySignals } from './measurements.ts';
import { eachDevice, eachWindow, overall } from './pane-series.ts';
import type { Measure, Steps } from './panels.ts';
import { bands, bars, lines, stat, stateTimeline, thresholds, words } from './panels.ts';
import { alertsOn, hoppingWindows } from './query-text.ts';
import { deviceVariable, gatewayVariable, windowVariable } from './variables.ts';

const millimetersPerSecond = 'suffix:mm/s';

// Where the sample gateway file clears `too_hot` (33 °C) and raises it (34 °C), so that graph and alert agree.
const temperatureSteps: Steps = ['green', [33, 'orange'], [34, 'red']];
// ISO 20816-3, medium machines on a rigid foundation: zone C begins at 2.8 mm/s, zone D at 4.5 mm/s.
const vibrationSteps: Steps = ['green', [2.8, 'orange'], [4.5, 'red']];
const noLimits: Steps = ['blue'];

const alerts = alertsOn(factorySignals);

/** Doors may have windows of their own, which nothing else has. */
const measured = factorySignals.filter((signal) => signal !== 'door');

const lineNow = [
  firingAlerts(alerts),
  presentValue(
    {
      title: 'Temperature',
      description: 'Mean over the chosen devices, latest window. Orange from 33 °C, red from 34 °C.',
      unit: Celsius,
      queries: [overall('mean("mean") AS "mean"', 'temperature')],
    },
    temperatureSteps,
  ),
  presentValue(
    {
      title: 'Humidity',
      description: 'Mean relative humidity over the chosen devices, latest window.',
      unit: Humidity,
      queries: [overall('mean("mean") AS "mean"', 'humidity')],
    },
    noLimits,
  ),
  presentValue(
    {
      title: 'Pressure',
      description: 'Mean over the chosen devices, latest window.',
      unit: Bars,
      queries: [overall('mean("mean") AS "mean"', 'pressure')],
    },
    noLimits,
  ),
  presentValue(
    {
      title: 'Worst vibration',
      description: 'Highest RMS velocity of any chosen device, latest window. Orange from 2.8 mm/s, red from 4.5 mm/s.',
      unit: millimetersPerSecond,
      queries: [overall('max("max") AS "max"', 'vibration')],
    },
    vibrationSteps,
  ),
  stateTimeline(
    {
      title: 'Doors',
      description: 'Open when the door was open at any moment of the window, so that a short opening shows.',
      queries: [eachDevice('max("max") AS "open"', 'door')],
    },
    words({ 0: ['closed', 'green'], 1: ['open', 'orange'] }),
  ),
];

const temperature = [
  lines({
    title: 'Temperature, mean',
    description: 'Mean of each window, by device. The bands are where the alert clears (33 °C) and fires (34 °C).',
    unit: Celsius,
    queries: [eachDevice('mean("mean") AS "mean"', 'temperature')],
  })
    .thresholds(thresholds(temperatureSteps))
    .thresholdsStyle(bands()),
  lines({
    title: 'Temperature, 95th percentile',
    description: 'Nineteen readings in twenty were at most this warm. Shows short peaks, which a mean hides.',
    unit: Celsius,
    queries: [eachDevice('max("p95") AS "p95"', 'temperature')],
  })
    .thresholds(thresholds(temperatureSteps))
    .thresholdsStyle(bands()),
  lines({
    title: 'Temperature, sliding mean',
    description: 'Mean of hopping windows, by device and window: as smooth as they are long, as prompt as they slide.',
    unit: Celsius,
    queries: [eachWindow('mean("mean") AS "mean"', 'temperature', hoppingWindows)],
  })
    .thresholds(thresholds(temperatureSteps))
    .thresholdsStyle(bands())
    .span(24),
];

const otherSignals = [
  lines({
    title: 'Vibration, highest',
    description: 'Highest RMS velocity of each window, by device. The bands are zones C and D of ISO 20816-3.',
    unit: millimetersPerSecond,
    queries: [eachDevice('max("max") AS "max"', 'vibration')],
  })
    .thresholds(thresholds(vibrationSteps))
    .thresholdsStyle(bands()),
  lines({
    title: 'Pressure, mean',
    description: 'Mean of each window, by device.',
    unit: Bars,
    queries: [eachDevice('mean("mean") AS "mean"', 'pressure')],
  }),
  lines({
    title: 'Humidity, mean',
    description: 'Mean relative humidity of each window, by device.',
    unit: Humidity,
    queries: [eachDevice('mean("mean") AS "mean"', 'humidity')],
  }),
  lines({
    title: 'Dew point, mean',
    description:
      'Computed on the gateway of temperature and humidity, by device. Water settles on whatever is colder than this.',
    unit: Celsius,
    queries: [eachDevice('mean("mean") AS "mean"', 'dew_point')],
  }),
];

const doors = [
  lines({
    title: 'Doors, share of the time open',
    description: 'Of the windows that compute duty, by device and window.',
    unit: PercentUnit,
    queries: [eachWindow('mean("duty") AS "duty"', 'door')],
  })
    .min(0)
    .max(1),
  bars({
    title: 'Doors, openings and closings',
    description: 'How often a door moved: of the windows that compute changes, by device and window.',
    unit: Short,
    queries: [eachWindow('sum("changes") AS "changes"', 'door')],
  }),
];

export const factory: Dashboard = dashboardOf({
  uid: 'weir-factory',
  title: 'Weir: factory line',
  description: 'Temperature, humidity, pressure, vibration and doors of the line, its alerts and its completeness.',
  from: 'now-1h',
  variables: [gatewayVariable(factorySignals), deviceVariable(factorySignals), windowVariable(measured, '1m')],
  annotations: alertMarks(alerts),
  rows: [
    { title: 'The line now', panels: lineNow },
    { title: 'Temperature', panels: temperature },
    { title: 'Vibration, pressure, humidity', panels: otherSignals },
    { title: 'Doors', panels: doors },
    { title: 'Alerts', panels: [alertTable(alerts)] },
    { title: 'Completeness', panels: completeness(factorySignals) },
  ],
});

function presentValue(measure: Measure, steps: Steps): StatBuilder {
  return stat(measure, steps, BigValueGraphMode.Area).span(5).decimals(1);
}
