// The InfluxQL query type which the Foundation SDK does not have.
//
// Grafana's InfluxDB data source reads from a target: `query` with `rawQuery: true` (the text is sent as it is, after
// `$timeFilter`, `$__interval` and the template variables are filled in), `resultFormat` (`time_series` gives one line per
// column and tag set, `table` gives one row per point) and `alias` (`$tag_<name>`, `$col`, `$m` for the measurement).
// An annotation is a target too; it names the columns that become its text and its tags.
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';

/** Must equal the uid in deploy/grafana/provisioning/datasources/weir.yaml. */
export const datasource: DataSourceRef = { type: 'influxdb', uid: 'weir-influxdb' };

export interface InfluxqlQuery {
  readonly query: string;
  readonly resultFormat: 'time_series' | 'table';
  readonly alias?: string;
}

export interface InfluxqlTarget extends Dataquery, InfluxqlQuery {
  readonly refId: string;
  readonly datasource: DataSourceRef;
  readonly rawQuery: true;
  readonly policy: 'default';
}

export interface InfluxqlAnnotationTarget extends InfluxqlTarget {
  readonly fromAnnotations: true;
  readonly name: string;
  readonly textColumn: string;
  /** Column names, separated by commas without spaces. */
  readonly tagsColumn: string;
}

/** One line per tag set, named by `alias`. */
export function series(query: string, alias: string): InfluxqlQuery {
  return { query, alias, resultFormat: 'time_series' };
}

/** One row per point. */
export function rows(query: string): InfluxqlQuery {
  return { query, resultFormat: 'table' };
}

/** The targets of a panel, with refIds A, B, C, … in the order given. */
export function targets(queries: readonly InfluxqlQuery[]): Builder<Dataquery>[] {
  return queries.map((query, index) => {
    const built = target(String.fromCodePoint(65 + index), query);
    return { build: () => built };
  });
}

export function annotationTarget(
  query: string,
  columns: Pick<InfluxqlAnnotationTarget, 'name' | 'textColumn' | 'tagsColumn'>,
): Builder<Dataquery> {
  const built: InfluxqlAnnotationTarget = {
    ...target('Anno', { query, resultFormat: 'time_series' }),
    fromAnnotations: true,
    ...columns,
  };
  return { build: () => built };
}

function target(refId: string, query: InfluxqlQuery): InfluxqlTarget {
  return { refId, datasource, ...query, rawQuery: true, policy: 'default', _implementsDataqueryVariant };
}

/** The SDK marks every query type with this method; JSON leaves it out. */
function _implementsDataqueryVariant(): void {}
