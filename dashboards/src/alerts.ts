// What every dashboard shows of the alerts: how many are firing, their transitions as rows, and marks on every graph.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { BigValueGraphMode } from '@grafana/grafana-foundation-sdk/common';
import type { AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard';
import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import type { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import type { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { Short } from '@grafana/grafana-foundation-sdk/units';
import { annotationTarget, datasource, rows, series } from './influxql.ts';
import { stat, table, words } from './panels.ts';
import { alertRows, alertTransitions, alertsFiring } from './query-text.ts';

const severities = words({
  critical: ['critical', 'red'],
  warning: ['warning', 'orange'],
  info: ['info', 'blue'],
});

const states = words({ firing: ['firing', 'red'], cleared: ['cleared', 'green'] });

/** `where` chooses the alerts, as in query-text.ts. */
export function firingAlerts(where: string): StatBuilder {
  const measure = {
    title: 'Alerts firing',
    description: 'Alerts whose last transition was to firing, whenever that was. The table below names them.',
    unit: Short,
    queries: [series(alertsFiring(where), 'firing')],
  };
  return stat(measure, ['green', [1, 'red']], BigValueGraphMode.None).noValue('0');
}

export function alertTable(where: string): TableBuilder {
  return table({
    title: 'Alert transitions',
    description:
      'When each rule fired and cleared, in event time, newest first (at most 200). Value: what the rule saw; reason: why, in words.',
    queries: [rows(alertRows(where))],
  })
    .unit(Short)
    .overrideByName('severity', [colored(severities), asColoredText])
    .overrideByName('state', [colored(states), asColoredText]);
}

/** A red mark where an alert fired and a green one where it cleared. */
export function alertMarks(where: string): Builder<AnnotationQuery>[] {
  return [mark('Alert fired', 'firing', 'red', where), mark('Alert cleared', 'cleared', 'green', where)];
}

function mark(name: string, state: 'firing' | 'cleared', color: string, where: string): Builder<AnnotationQuery> {
  const columns = { name, textColumn: 'rule', tagsColumn: 'gateway,device,signal,severity,state' };
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(datasource)
    .enable(true)
    .iconColor(color)
    .target(annotationTarget(alertTransitions(state, where), columns));
}

function colored(mapping: typeof states): { id: string; value: unknown } {
  return { id: 'mappings', value: [mapping] };
}

const asColoredText = { id: 'custom.cellOptions', value: { type: 'color-text' } };
