// The kinds of panel the dashboards are made of, with the look they share. Each returns the SDK's builder, so that a
// dashboard can add what is special about one panel.
import type { BigValueGraphMode } from '@grafana/grafana-foundation-sdk/common';
import {
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type { Threshold, ValueMap } from '@grafana/grafana-foundation-sdk/dashboard';
import { MappingType, ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { InfluxqlQuery } from './influxql.ts';
import { datasource, targets } from './influxql.ts';

export interface PanelText {
  readonly title: string;
  /** Says what the numbers mean and what to do about a bad one. Shown behind the panel's (i). */
  readonly description: string;
  readonly queries: readonly InfluxqlQuery[];
}

export type Measure = PanelText & { readonly unit: string };

/** From a value upwards, this colour; the first step holds below all others. */
export type Steps = readonly [base: string, ...above: (readonly [from: number, color: string])[]];

export function lines({ title, description, queries, unit }: Measure): TimeSeriesBuilder {
  return new TimeSeriesBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .targets(targets(queries))
    .unit(unit)
    .span(12)
    .height(8)
    .lineWidth(2)
    .fillOpacity(8)
    .showPoints(VisibilityMode.Auto)
    .legend(legendBelow())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
}

export function bars(measure: Measure): TimeSeriesBuilder {
  return lines(measure)
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(70)
    .lineWidth(1)
    .min(0)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
}

/** One number that can be read from across the room: the series' last, or another calculation over the time range. */
export function stat(
  { title, description, queries, unit }: Measure,
  steps: Steps,
  graph: BigValueGraphMode,
  calculation = 'lastNotNull',
): StatBuilder {
  return new StatBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .targets(targets(queries))
    .unit(unit)
    .span(4)
    .height(4)
    .thresholds(thresholds(steps))
    .graphMode(graph)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs([calculation]).values(false).fields(''));
}

/** What was in which state, when. */
export function stateTimeline({ title, description, queries }: PanelText, states: ValueMap): StateTimelineBuilder {
  return new StateTimelineBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .targets(targets(queries))
    .mappings([states])
    .span(24)
    .height(6)
    .mergeValues(true)
    .rowHeight(0.8)
    .showValue(VisibilityMode.Auto)
    .legend(legendBelow());
}

export function table({ title, description, queries }: PanelText): TableBuilder {
  return new TableBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .targets(targets(queries))
    .span(24)
    .height(8);
}

/** Colours the plot's background by threshold, so that a line's distance from an alert shows. */
export function bands(): GraphThresholdsStyleConfigBuilder {
  return new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.DashedAndArea);
}

export function thresholds([base, ...above]: Steps): ThresholdsConfigBuilder {
  const steps: Threshold[] = [{ value: null, color: base }, ...above.map(([value, color]) => ({ value, color }))];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

/** Shows a value as a word in a colour. */
export function words(states: Readonly<Record<string, readonly [text: string, color: string]>>): ValueMap {
  const options = Object.entries(states).map(([value, [text, color]], index) => [value, { text, color, index }]);
  return { type: MappingType.ValueToText, options: Object.fromEntries(options) };
}

function legendBelow(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom);
}
