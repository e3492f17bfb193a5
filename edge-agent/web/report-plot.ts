// One series: its readings as a band from lowest to highest, its panes as lines, its alarms as bars behind them, and below how strange
// a detector found it, with what would be an alarm.

import uPlot from 'uplot';
import type { ReportAlarm, ReportChart } from '../src/backtest/report-data.ts';

const heightPx = 200;
const scoreHeightPx = 120;

type Column = (number | null)[];

export class ReportPlot {
  readonly #plots: uPlot[] = [];

  constructor(target: HTMLElement, chart: ReportChart, alarms: readonly ReportAlarm[]) {
    const colours = readColours();
    const { times, high, low } = chart.readings;
    const tables = [withGaps(times, high, low), ...chart.panes.map(({ line }) => withGaps(line.times, line.last))];
    const data = joined(tables);
    const series: uPlot.Series[] = [
      {},
      { label: 'highest', stroke: colours.reading, width: 1, points: { show: false } },
      { label: 'lowest', stroke: colours.reading, width: 1, points: { show: false } },
      ...chart.panes.map(({ name }, index) => ({
        label: name,
        stroke: colours.panes[index % colours.panes.length] ?? colours.text,
        width: 2,
        points: { show: false },
      })),
    ];
    this.#add(target, data, {
      height: heightPx,
      series,
      bands: [{ series: [1, 2], fill: `${colours.reading}33` }],
      hooks: { drawClear: [(plot) => drawAlarms(plot, alarms, colours)] },
      scales: {},
      colours,
    });
    if (chart.scores.length > 0) this.#addScores(target, chart, colours);
  }

  /** @param from epoch milliseconds */
  show(from: number, to: number): void {
    for (const plot of this.#plots) plot.setScale('x', { min: from / 1000, max: Math.max(to, from + 1000) / 1000 });
  }

  #addScores(target: HTMLElement, { scores }: ReportChart, colours: Colours): void {
    const tables = scores.map(({ line }) => withGaps(line.times, line.high));
    const series: uPlot.Series[] = [
      {},
      ...scores.map(({ rule }, index) => ({
        label: `score for ${rule}`,
        stroke: colours.panes[(index + 1) % colours.panes.length] ?? colours.text,
        width: 1,
        points: { show: false },
      })),
    ];
    const drawLimits = (plot: uPlot): void => {
      for (const { limit } of scores) {
        const y = plot.valToPos(limit, 'y', true);
        plot.ctx.save();
        plot.ctx.strokeStyle = colours.critical;
        plot.ctx.setLineDash([6, 4]);
        plot.ctx.beginPath();
        plot.ctx.moveTo(plot.bbox.left, y);
        plot.ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
        plot.ctx.stroke();
        plot.ctx.restore();
      }
    };
    this.#add(target, joined(tables), {
      height: scoreHeightPx,
      series,
      bands: [],
      hooks: { draw: [drawLimits] },
      scales: { y: { range: [0, 1] } },
      splits: [0, 0.5, 1],
      colours,
    });
  }

  #add(
    target: HTMLElement,
    data: uPlot.AlignedData,
    parts: Pick<uPlot.Options, 'height' | 'series' | 'hooks'> & {
      readonly bands: uPlot.Band[];
      readonly scales: uPlot.Scales;
      readonly splits?: number[];
      readonly colours: Colours;
    },
  ): void {
    const { colours, height, series, bands, hooks = {}, scales, splits } = parts;
    const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false } };
    const plot = new uPlot(
      {
        width: Math.max(200, target.clientWidth),
        height,
        series,
        bands,
        hooks,
        scales: { x: { time: true }, ...scales },
        axes: [
          { ...axis, grid: { show: false }, space: 96, values: timeLabels },
          { ...axis, size: 64, ...(splits === undefined ? {} : { splits: () => splits }) },
        ],
        tzDate: (timestamp) => uPlot.tzDate(new Date(timestamp * 1000), 'Etc/UTC'),
        cursor: { y: false, sync: { key: 'report', setSeries: false }, drag: { x: true, y: false } },
        legend: { live: true },
      },
      data,
      target,
    );
    new ResizeObserver(() => plot.setSize({ width: Math.max(200, target.clientWidth), height })).observe(target);
    this.#plots.push(plot);
  }
}

interface Colours {
  readonly text: string;
  readonly grid: string;
  readonly reading: string;
  readonly panes: readonly string[];
  readonly critical: string;
  readonly gone: string;
  readonly fresh: string;
}

function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: colour('--muted'),
    grid: colour('--grid'),
    reading: colour('--reading'),
    panes: ['--pane-1', '--pane-2', '--pane-3'].map(colour),
    critical: colour('--critical'),
    gone: colour('--gone'),
    fresh: colour('--fresh'),
  };
}

/** An alarm only by the present rules is grey, one only by the changed rules blue, one by both red. */
function drawAlarms(plot: uPlot, alarms: readonly ReportAlarm[], colours: Colours): void {
  const { ctx, bbox } = plot;
  const fills = { present: colours.gone, changed: colours.fresh, both: colours.critical };
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { from, to, by, quiet } of alarms) {
    const left = plot.valToPos(from / 1000, 'x', true);
    const right = to === null ? bbox.left + bbox.width : plot.valToPos(to / 1000, 'x', true);
    ctx.fillStyle = fills[by];
    ctx.globalAlpha = quiet === '' ? 0.22 : 0.08;
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
    ctx.globalAlpha = quiet === '' ? 1 : 0.4;
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), 4);
  }
  ctx.restore();
}

/** Where far more time has passed than usual, there is nothing: a line across would say otherwise. */
function withGaps(times: readonly number[], ...columns: readonly (readonly number[])[]): uPlot.AlignedData {
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  const usual = steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? Infinity;
  const [seconds, ...found]: [number[], ...Column[]] = [[], ...columns.map((): Column => [])];
  for (const [at, time] of times.entries()) {
    const before = times[at - 1];
    if (before !== undefined && time - before > usual * 5) {
      seconds.push((before + usual) / 1000);
      for (const column of found) column.push(null);
    }
    seconds.push(time / 1000);
    for (const [index, column] of columns.entries()) found[index]?.push(column[at] ?? null);
  }
  return [seconds, ...found];
}

/** A null is a gap, as far as the points of other lines there; where only another line has a point, there is none. */
function joined(tables: uPlot.AlignedData[]): uPlot.AlignedData {
  return uPlot.join(
    tables,
    tables.map((table) => table.map(() => 2)),
  );
}

/** Days where the axis spans days, otherwise the time of day. */
function timeLabels(_plot: uPlot, splits: number[], _axis: number, _space: number, apart: number): string[] {
  return splits.map((second) => {
    const text = new Date(second * 1000).toISOString();
    if (apart >= 86_400) return text.slice(0, 10);
    const time = apart < 60 ? text.slice(11, 19) : text.slice(11, 16);
    return time.startsWith('00:00') ? `${text.slice(5, 10)} ${time}` : time;
  });
}
