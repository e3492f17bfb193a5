// queriesOf must not overlook a query: the end-to-end test runs what it returns.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { expect, test } from 'vitest';
import { all } from './all.ts';
import { rows, series } from './influxql.ts';
import { lines, table } from './panels.ts';
import { queriesOf } from './queries-of.ts';
import { gatewayVariable } from './variables.ts';

const graph = lines({
  title: 'Graph',
  description: 'Two queries.',
  unit: 'short',
  queries: [series('SELECT a', 'a'), series('SELECT b', 'b')],
});

test('queries come with the title of their panel, in the order of the targets', () => {
  const dashboard = new DashboardBuilder('Test').withPanel(graph).build();
  expect(queriesOf(dashboard)).toEqual([
    { kind: 'panel', title: 'Graph', query: 'SELECT a' },
    { kind: 'panel', title: 'Graph', query: 'SELECT b' },
  ]);
});

test('panels inside a collapsed row are found', () => {
  const inner = table({ title: 'Inner', description: 'One query.', queries: [rows('SELECT c')] });
  const dashboard = new DashboardBuilder('Test').withRow(new RowBuilder('Row').withPanel(inner)).build();
  expect(queriesOf(dashboard)).toEqual([{ kind: 'panel', title: 'Inner', query: 'SELECT c' }]);
});

test('variables are found under their name', () => {
  const dashboard = new DashboardBuilder('Test').withVariable(gatewayVariable(['gateways'])).build();
  const query = 'SHOW TAG VALUES FROM "gateways" WITH KEY = "gateway"';
  expect(queriesOf(dashboard)).toEqual([{ kind: 'variable', title: 'gateway', query }]);
});

test('a target that is not InfluxQL is refused by the name of its panel', () => {
  const target = { _implementsDataqueryVariant: () => undefined, refId: 'A', expr: 'up' };
  const dashboard: Dashboard = {
    ...new DashboardBuilder('Test').build(),
    panels: [{ ...graph.build(), targets: [target] }],
  };
  expect(() => queriesOf(dashboard)).toThrow('"Graph" has a query that is not InfluxQL text');
});

test.each(all)('$fileName gives the same queries read back from its JSON', ({ dashboard }) => {
  const readBack = JSON.parse(JSON.stringify(dashboard)) as Dashboard;
  expect(queriesOf(readBack)).toEqual(queriesOf(dashboard));
});
