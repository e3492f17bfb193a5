// The page of a back-test: how many alarms of which rule, which of them the two sets of rules have in common, and the series they
// are about. Text from the gateway only ever becomes a text node.

import type { ReportAlarm, ReportChart, ReportData, ReportRule } from '../src/backtest/report-data.ts';
import { ReportPlot } from './report-plot.ts';

const marks = { present: '−', changed: '+', both: '=' } as const;
const markTitles = {
  present: 'only by the present rules',
  changed: 'only by the changed rules',
  both: 'by both',
} as const;

const data = readData();
const root = document.getElementById('report') ?? document.body;
const plots: ReportPlot[] = [];
const cards = new Map<string, HTMLElement>();

root.append(
  header(),
  ...(data.rules.length > 0 ? [rulesTable()] : []),
  ...(data.alarms.length > 0 ? [alarmsTable()] : []),
  charts(),
);
for (const plot of plots) plot.show(data.from, data.to);

function readData(): ReportData {
  // It is what report.ts wrote.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(document.getElementById('data')?.textContent ?? '{}') as ReportData;
}

function header(): HTMLElement {
  return element('header', '', element('h1', '', data.title), ...data.notes.map((note) => element('p', 'note', note)));
}

function rulesTable(): HTMLElement {
  const heads = ['rule', 'severity', ...(data.sets.length > 1 ? data.sets : ['alarms']), 'nobody told'];
  const table = element('table', 'rules', row('th', heads));
  for (const rule of data.rules) table.append(row('td', cellsOf(rule)));
  return element('section', 'card', element('h2', '', 'Alarms by rule'), element('div', 'scroll', table));
}

function cellsOf({ rule, severity, told, quiet }: ReportRule): (string | Node)[] {
  const counts = told.map((count) => (count === null ? '–' : String(count)));
  return [rule, element('span', `severity ${severity}`, severity), ...counts, String(quiet.at(-1) ?? 0)];
}

function alarmsTable(): HTMLElement {
  const isCompared = data.sets.length > 1;
  const table = element(
    'table',
    'alarms',
    row('th', [...(isCompared ? [''] : []), 'began', 'for', 'rule', 'of', 'why']),
  );
  for (const alarm of data.alarms) {
    const mark = element('span', `mark ${alarm.by}`, marks[alarm.by]);
    mark.title = markTitles[alarm.by];
    const began = element('button', 'began', timeText(alarm.from));
    began.type = 'button';
    began.addEventListener('click', () => show(alarm));
    const quiet = alarm.quiet === '' ? [] : [element('span', 'quiet', ` nobody told: ${alarm.quiet}`)];
    const of = `${alarm.device} / ${alarm.signal}`;
    const why = element('span', '', alarm.reason, ...quiet);
    const cells = [began, lasting(alarm), element('span', `severity ${alarm.severity}`, alarm.rule), of, why];
    table.append(row('td', [...(isCompared ? [mark] : []), ...cells]));
  }
  const left = data.alarmsLeft > 0 ? [element('p', 'note', `and ${data.alarmsLeft} more`)] : [];
  const legend = isCompared
    ? [element('p', 'note', '+ only by the changed rules, − only by the present rules, = by both')]
    : [];
  return element(
    'section',
    'card',
    element('h2', '', 'Alarms'),
    ...legend,
    element('div', 'scroll long', table),
    ...left,
  );
}

function charts(): HTMLElement {
  const left = data.chartsLeft > 0 ? [element('p', 'note', `${data.chartsLeft} more series are not drawn`)] : [];
  const hint = 'Drag across a chart to look closer, double-click to go back. Times are UTC.';
  const section = element('section', '', element('h2', '', 'Series'), element('p', 'note', hint), ...left);
  for (const chart of data.charts) section.append(card(chart));
  return section;
}

function card(chart: ReportChart): HTMLElement {
  const alarms = data.alarms.filter(({ device, signal }) => device === chart.device && signal === chart.signal);
  const unit = chart.unit === '' || chart.unit === '1' ? '' : ` in ${chart.unit}`;
  const title = element('h3', '', `${chart.device} / ${chart.signal}`, element('span', 'note', unit));
  const target = element('div', 'plot');
  const made = element('article', 'card', title, target);
  cards.set(keyOf(chart), made);
  // Its width is known once it is on the page.
  requestAnimationFrame(() => {
    const plot = new ReportPlot(target, chart, alarms);
    plot.show(data.from, data.to);
    plots.push(plot);
  });
  return made;
}

function show(alarm: ReportAlarm): void {
  // Far enough to see some of the points a chart is drawn in.
  const margin = Math.max((data.to - data.from) / 100, ((alarm.to ?? data.to) - alarm.from) / 2);
  for (const plot of plots) plot.show(alarm.from - margin, (alarm.to ?? data.to) + margin);
  cards.get(keyOf(alarm))?.scrollIntoView({ behavior: 'smooth', block: 'center' });
}

function keyOf({ device, signal }: { readonly device: string; readonly signal: string }): string {
  return JSON.stringify([device, signal]);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}

function lasting({ from, to }: ReportAlarm): string {
  if (to === null) return 'goes on';
  const seconds = Math.round((to - from) / 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

function row(kind: 'th' | 'td', cells: readonly (string | Node)[]): HTMLElement {
  return element('tr', '', ...cells.map((cell) => element(kind, '', cell)));
}

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}
