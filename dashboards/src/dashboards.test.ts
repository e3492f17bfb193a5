// What must hold for every dashboard, whoever adds the next one.
import type { Dashboard, GridPos, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { all } from './all.ts';
import { datasource } from './influxql.ts';
import { jsonOf } from './json-of.ts';
import { measurements } from './measurements.ts';
import { queriesOf } from './queries-of.ts';

describe.each(all)('$fileName', ({ fileName, dashboard }) => {
  const panels = panelsOf(dashboard);

  test('is on disk as `node dashboards/src/build.ts` writes it', () => {
    const written = readFileSync(join(import.meta.dirname, '../grafana', fileName), 'utf8');
    expect(written).toBe(jsonOf(dashboard));
  });

  test('has a uid that is a stable part of its address', () => {
    expect(dashboard.uid).toBe(`weir-${fileName.replace('.json', '')}`);
  });

  test.each(panels)('says in panel "$title" what it shows and where it comes from', (panel) => {
    expect(panel.title).toMatch(/\S/);
    expect(panel.description).toMatch(/\S.*\.$/);
    expect(panel.datasource).toEqual(datasource);
    expect(panel.targets).not.toEqual([]);
  });

  test.each(panels.filter(({ type }) => type !== 'state-timeline'))('gives the numbers of "$title" a unit', (panel) => {
    expect(panel.fieldConfig?.defaults.unit).toMatch(/\S/);
  });

  test('numbers its panels and rows without repeating', () => {
    const ids = (dashboard.panels ?? []).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain(undefined);
  });

  test('stays within the 24 columns of the grid', () => {
    expect(placesOf(dashboard).filter(({ x, w }) => x < 0 || x + w > 24)).toEqual([]);
  });

  test('puts nothing on top of another', () => {
    const cells = placesOf(dashboard).flatMap(cellsOf);
    expect(cells.filter((cell, index) => cells.indexOf(cell) !== index)).toEqual([]);
  });

  test.each(queriesOf(dashboard))('asks in $kind "$title" for measurements and fields that exist', ({ query }) => {
    const { from, used, patterns } = namesIn(query);
    expect(Object.keys(measurements)).toEqual(expect.arrayContaining(from));
    const columns = from.flatMap((name) => [
      ...(measurements[name]?.tags ?? []),
      ...(measurements[name]?.fields ?? []),
    ]);
    expect(from).not.toEqual([]);
    expect(columns).toEqual(expect.arrayContaining(used));
    expect(patterns.filter((pattern) => !columns.some((column) => pattern.test(column)))).toEqual([]);
  });

  test('uses only variables it defines', () => {
    const known = new Set(['timeFilter', '__interval', ...(dashboard.templating.list ?? []).map(({ name }) => name)]);
    const texts = [...queriesOf(dashboard).map(({ query }) => query), ...panels.map(({ title }) => title ?? '')];
    const used = texts.flatMap((text) => [...text.matchAll(/\$(\w+)/g)].map(([, name]) => name));
    expect(used.filter((name) => !known.has(name ?? ''))).toEqual([]);
    const repeats = panels.flatMap(({ repeat }) => repeat ?? []);
    expect(repeats.filter((name) => !known.has(name))).toEqual([]);
  });

  test('limits every query over time to the chosen time range', () => {
    const overTime = queriesOf(dashboard).filter(({ query }) => query.includes('time('));
    expect(overTime).not.toEqual([]);
    expect(overTime.filter(({ query }) => !query.includes('$timeFilter'))).toEqual([]);
  });
});

test('no two dashboards share a uid or a file', () => {
  expect(new Set(all.map(({ dashboard }) => dashboard.uid)).size).toBe(all.length);
  expect(new Set(all.map(({ fileName }) => fileName)).size).toBe(all.length);
});

function panelsOf(dashboard: Dashboard): Panel[] {
  return (dashboard.panels ?? []).filter((panel): panel is Panel => panel.type !== 'row');
}

function placesOf(dashboard: Dashboard): GridPos[] {
  return (dashboard.panels ?? []).map(({ title, gridPos }) => {
    if (gridPos === undefined) throw new Error(`${title} has no place`);
    return gridPos;
  });
}

function cellsOf({ x, y, w, h }: GridPos): string[] {
  return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`);
}

/** The quoted names in a query: measurements after FROM, and all others but those the query itself defines with AS. */
function namesIn(query: string): { from: string[]; used: string[]; patterns: RegExp[] } {
  const patterns = [...query.matchAll(/\w\(\/(.+?)\/\)/g)].map(([, pattern]) => new RegExp(pattern ?? '', 'u'));
  const text = query.replaceAll(/([~(]) ?\/.*?\//g, '$1').replaceAll(/'.*?'/g, '');
  const lists = [...text.matchAll(/FROM ((?:"\w+"(?:, )?)+)/g)].map(([, list]) => list ?? '');
  const defined = new Set([...text.matchAll(/AS "([^"]+)"/g)].map(([, name]) => name));
  const rest = text.replaceAll(/AS "[^"]+"/g, '').replaceAll(/FROM (?:"\w+"(?:, )?)+/g, '');
  const used = quoted(rest).filter((name) => !defined.has(name));
  return { from: lists.flatMap(quoted), used, patterns };
}

function quoted(text: string): string[] {
  return [...text.matchAll(/"([^"]+)"/g)].map(([, name]) => name ?? '');
}
