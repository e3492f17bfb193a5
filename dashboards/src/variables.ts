// The template variables: gateway, device and window, each filled from the tag values that are in the database.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { VariableModel } from '@grafana/grafana-foundation-sdk/dashboard';
import { QueryVariableBuilder, VariableRefresh, VariableSort } from '@grafana/grafana-foundation-sdk/dashboard';
import { datasource } from './influxql.ts';

export function gatewayVariable(measurements: readonly string[]): Builder<VariableModel> {
  return severalOf('gateway', 'Gateway', tagValues('gateway', measurements));
}

export function deviceVariable(measurements: readonly string[]): Builder<VariableModel> {
  return severalOf('device', 'Device', `${tagValues('device', measurements)} WHERE "gateway" =~ /^$gateway$/`);
}

/**
 * One window length at a time: mixing them would count every reading once per length. Tumbling windows only, such as `1m` and
 * `1d@Europe/Zurich`: hopping ones overlap, and sessions have no length.
 */
export function windowVariable(measurements: readonly string[], preferred: string): Builder<VariableModel> {
  return tagVariable('window', 'Window', tagValues('window', measurements))
    .regex(String.raw`/^\w+(?:@.+)?$/`)
    .current({ text: preferred, value: preferred });
}

function severalOf(name: string, label: string, query: string): Builder<VariableModel> {
  return (
    tagVariable(name, label, query)
      .multi(true)
      .includeAll(true)
      // A pattern, not the list of today's values: a device that appears later is then shown without a reload.
      .allValue('.*')
      .current({ text: ['All'], value: ['$__all'] })
  );
}

function tagVariable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query(query)
    .definition(query)
    .refresh(VariableRefresh.OnDashboardLoad)
    .sort(VariableSort.NaturalAsc);
}

function tagValues(tag: string, measurements: readonly string[]): string {
  return `SHOW TAG VALUES FROM ${measurements.map((name) => `"${name}"`).join(', ')} WITH KEY = "${tag}"`;
}
