// Whether all readings arrived: how many are behind each point, and how many devices were heard.
import { BigValueGraphMode } from '@grafana/grafana-foundation-sdk/common';
import type { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import type { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { Short } from '@grafana/grafana-foundation-sdk/units';
import { series } from './influxql.ts';
import { eachSignal } from './pane-series.ts';
import { bars, stat } from './panels.ts';
import { devicesHeard } from './query-text.ts';

export function completeness(signals: readonly string[]): readonly [TimeSeriesBuilder, StatBuilder] {
  const readings = bars({
    title: 'Readings behind each point',
    description:
      'How many readings went into the windows, by signal. A lower bar is a gap: a sensor, its link or a gateway.',
    unit: Short,
    queries: [eachSignal('sum("count") AS "count"', signals)],
  });
  const devices = {
    title: 'Devices heard',
    description:
      'Devices with at least one window in the time range, by signal. Fewer than there are: some are silent.',
    unit: Short,
    queries: [series(devicesHeard(signals), '$m')],
  };
  return [readings, stat(devices, ['blue'], BigValueGraphMode.None).span(12).height(8)];
}
