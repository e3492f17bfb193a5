// Whether all readings arrived and can be believed: how many are behind each point, how many that is of those expected, how
// many were flagged, and which devices were heard.
import { BigValueGraphMode } from '@grafana/grafana-foundation-sdk/common';
import type { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import type { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { PercentUnit, Short } from '@grafana/grafana-foundation-sdk/units';
import { series } from './influxql.ts';
import { eachSignal } from './pane-series.ts';
import { bars, lines, stat } from './panels.ts';
import { devicesHeard } from './query-text.ts';

export function completeness(signals: readonly string[]): readonly (StatBuilder | TimeSeriesBuilder)[] {
  const readings = bars({
    title: 'Readings behind each point',
    description:
      'How many readings went into the windows, by signal. A lower bar is a gap: a sensor, its link or a gateway.',
    unit: Short,
    queries: [eachSignal('sum("count") AS "count"', signals)],
  });
  const share = lines({
    title: 'Completeness',
    description:
      'Readings that came, of those expected (expect: in the gateway file), by signal. A window without any has no pane.',
    unit: PercentUnit,
    queries: [eachSignal('mean("completeness") AS "completeness"', signals)],
  })
    .min(0)
    .axisSoftMax(1);
  const flagged = bars({
    title: 'Flagged readings',
    description:
      'Readings kept out of the statistics because they are uncertain, by signal: stuck, too large a step, or the sensor says so.',
    unit: Short,
    queries: [eachSignal('sum("uncertain") AS "uncertain"', signals)],
  });
  const devices = {
    title: 'Devices heard',
    description:
      'Devices with at least one window in the time range, by signal. Fewer than there are: some are silent.',
    unit: Short,
    queries: [series(devicesHeard(signals), '$m')],
  };
  return [share, flagged, readings, stat(devices, ['blue'], BigValueGraphMode.None).span(12).height(8)];
}
