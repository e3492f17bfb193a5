// Every InfluxQL query of a dashboard, for whoever wants to run or check them: the text as it stands in the JSON, with
// Grafana's macros and template variables still in it (expand-query.ts fills them in).
import type { Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';

export interface DashboardQuery {
  /** Panels must show something; an annotation or a variable may well have nothing to say. */
  readonly kind: 'panel' | 'annotation' | 'variable';
  /** Of the panel or the annotation; of a variable, its name. */
  readonly title: string;
  readonly query: string;
}

/** Throws when a panel or an annotation has a target that is not InfluxQL. */
export function queriesOf(dashboard: Dashboard): DashboardQuery[] {
  const panels = (dashboard.panels ?? []).flatMap(withInner).flatMap(panelQueries);
  const annotations = (dashboard.annotations.list ?? []).map(({ name, target }) => {
    return { kind: 'annotation' as const, title: name, query: textOf(target, name) };
  });
  const variables = (dashboard.templating.list ?? []).map(({ name, query }) => {
    return { kind: 'variable' as const, title: name, query: textOf({ query }, name) };
  });
  return [...panels, ...annotations, ...variables];
}

/** A collapsed row holds its panels; an open one stands before them. */
function withInner(panel: Panel | RowPanel): (Panel | RowPanel)[] {
  return 'panels' in panel ? [panel, ...panel.panels] : [panel];
}

function panelQueries(panel: Panel | RowPanel): DashboardQuery[] {
  const targets = 'targets' in panel ? (panel.targets ?? []) : [];
  const title = panel.title ?? '';
  return targets.map((target) => ({ kind: 'panel', title, query: textOf(target, title) }));
}

function textOf(target: Dataquery | { query: unknown } | undefined, title: string): string {
  if (target !== undefined && 'query' in target && typeof target.query === 'string') return target.query;
  throw new Error(`"${title}" has a query that is not InfluxQL text`);
}
