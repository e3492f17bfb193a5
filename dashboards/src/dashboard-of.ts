// Puts a dashboard together from rows of panels: numbers the panels, places them on Grafana's grid of 24 columns, and
// gives every dashboard the same links, tags and refresh.
//
// Grafana stacks the panels in this order, at full width, on a screen as narrow as a phone's: what matters most comes first.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type {
  AnnotationQuery,
  Dashboard,
  DashboardLink,
  Panel,
  VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkType,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';

export interface Row {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
}

export interface DashboardParts {
  /** Stable: links and bookmarks hold it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Start of the default time range, such as `now-1h`. */
  readonly from: string;
  readonly variables: readonly Builder<VariableModel>[];
  readonly annotations: readonly Builder<AnnotationQuery>[];
  readonly rows: readonly Row[];
}

const tag = 'weir';

/**
 * Keeps the time range but not the variables: a device of the factory is none of the wearables'. Without a `placement`,
 * which the SDK's builder would set, and which hides the links in a menu.
 */
const linkToSiblings: DashboardLink = {
  title: 'Weir',
  type: DashboardLinkType.Dashboards,
  icon: 'external link',
  tooltip: '',
  tags: [tag],
  asDropdown: false,
  targetBlank: false,
  includeVars: false,
  keepTime: true,
};

export function dashboardOf(parts: DashboardParts): Dashboard {
  const builder = new DashboardBuilder(parts.title)
    .uid(parts.uid)
    .description(parts.description)
    .tags([tag])
    .time({ from: parts.from, to: 'now' })
    .timezone('browser')
    .refresh('10s')
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([...parts.variables])
    .annotations([...parts.annotations])
    .links([{ build: () => linkToSiblings }]);
  for (const row of parts.rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  return numbered(builder.build());
}

function numbered(dashboard: Dashboard): Dashboard {
  return { ...dashboard, panels: (dashboard.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 })) };
}
