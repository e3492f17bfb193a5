// One uPlot of one signal: a line for each device, a soft band from min to max, a dashed percentile, and, where they were
// asked for, raw readings: a thin line, with dots where there is room for them.

import uPlot from 'uplot';
import { formatTick, formatValueTick } from './format.ts';
import { lonelyColumns, rawLine, valueRange, type ChartData } from './chart-data.ts';
import { lineStyle, type Theme } from './theme.ts';
import { PlotTip, type TipRow } from './plot-tip.ts';

const heightPx = 168;
/** Opacity of a band, as the two last digits of a colour. */
const bandAlpha = '2b';

export interface PlotLine {
  readonly device: string;
  /** See `lineStyle`. */
  readonly place: number;
  readonly statistics: readonly string[];
  readonly hidden: boolean;
  /** Its panes follow at no fixed step: points, and no line that would say what was between them. */
  readonly loose: boolean;
}

export interface PlotShape {
  readonly unit: string;
  /** Values are states such as open and closed: the line steps. */
  readonly stepped: boolean;
  readonly lines: readonly PlotLine[];
}

export class Plot {
  readonly #target: HTMLElement;
  readonly #shape: PlotShape;
  readonly #plot: uPlot;
  readonly #resized: ResizeObserver;
  #theme: Theme;
  #data: ChartData;

  constructor(target: HTMLElement, shape: PlotShape, data: ChartData, theme: Theme) {
    this.#target = target;
    this.#shape = shape;
    this.#data = data;
    this.#theme = theme;
    this.#plot = new uPlot(this.#options(), columns(data), target);
    this.#resized = new ResizeObserver(() => this.#plot.setSize({ width: target.clientWidth, height: heightPx }));
    this.#resized.observe(target);
  }

  setData(data: ChartData): void {
    this.#data = data;
    this.#plot.setData(columns(data));
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#plot.redraw(true, true);
  }

  /** Moves the cursor to a neighbouring pane, for readers without a mouse. */
  step(by: number): void {
    const { idx } = this.#plot.cursor;
    const last = this.#data.times.length - 1;
    const column = Math.max(0, Math.min(last, (idx ?? (by > 0 ? -1 : last + 1)) + by));
    const time = this.#data.times[column];
    if (time !== undefined) this.#plot.setCursor({ left: this.#plot.valToPos(time, 'x'), top: 0 });
  }

  hideCursor(): void {
    this.#plot.setCursor({ left: -10, top: -10 });
  }

  destroy(): void {
    this.#resized.disconnect();
    this.#plot.destroy();
  }

  #options(): uPlot.Options {
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    for (const line of this.#shape.lines) {
      for (const statistic of line.statistics) series.push(this.#series(line, statistic));
      const high = series.length - line.statistics.length + line.statistics.indexOf('max');
      if (line.statistics.includes('max') && line.statistics.includes('min')) {
        const fill = (): string => lineStyle(this.#theme, line.place).colour + bandAlpha;
        bands.push({ series: [high, high + 1], fill });
      }
    }
    const tip = new PlotTip((column) => this.#tipRows(column));
    return {
      width: Math.max(this.#target.clientWidth, 1),
      height: heightPx,
      ms: 1,
      legend: { show: false },
      padding: [8, 20, 0, 0],
      scales: {
        x: { range: () => [this.#data.fromMs, this.#data.toMs] },
        y: { range: (_, min, max) => valueRange(min, max) },
      },
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        sync: { key: 'weir', setSeries: false },
        points: { size: 7 },
      },
      hooks: { setCursor: [(plot) => tip.follow(plot)] },
      axes: this.#axes(),
      series,
      bands,
    };
  }

  #axes(): uPlot.Axis[] {
    const common: uPlot.Axis = {
      stroke: () => this.#theme.text,
      font: this.#theme.font,
      grid: { stroke: () => this.#theme.grid, width: 1 },
      ticks: { show: false },
    };
    const times: uPlot.Axis = {
      ...common,
      size: 28,
      space: 76,
      grid: { show: false },
      values: (_, splits, _axis, _space, apart) => splits.map((time) => formatTick(time, apart)),
    };
    const values: uPlot.Axis = {
      ...common,
      size: 56,
      space: 34,
      values: (_, splits) => splits.map(formatValueTick),
    };
    return [times, values];
  }

  #series({ device, place, statistics, hidden, loose }: PlotLine, statistic: string): uPlot.Series {
    const raw = statistic === rawLine;
    const main = statistic === statistics[0] && !raw;
    const edge = !main && (statistic === 'min' || statistic === 'max');
    const joined = this.#shape.stepped ? uPlot.paths.stepped?.({ align: 1 }) : uPlot.paths.linear?.();
    const paths = loose && !raw ? (): null => null : joined;
    const dash = main ? lineStyle(this.#theme, place).dash : raw ? [] : [4, 4];
    return {
      label: `${device} ${statistic}`,
      show: !hidden,
      stroke: () => (edge ? 'transparent' : lineStyle(this.#theme, place).colour),
      width: main ? 2 : 1,
      dash,
      ...(paths === undefined ? {} : { paths }),
      points: main
        ? {
            show: true,
            size: 5,
            fill: () => lineStyle(this.#theme, place).colour,
            ...(loose ? {} : { filter: lonelyOnes }),
          }
        : raw
          ? { size: 4, fill: () => lineStyle(this.#theme, place).colour }
          : { show: false },
    };
  }

  #tipRows(column: number): { timeMs: number; rows: TipRow[] } {
    const rows = this.#shape.lines.flatMap(({ device, place, statistics, hidden }, index) => {
      const all = statistics.map((statistic, nth) => ({ statistic, value: this.#data.lines[index]?.[nth]?.[column] }));
      // Raw readings stand between the starts of panes: there is one or the other, seldom both.
      const said = all[0]?.value === undefined ? all.filter(({ statistic }) => statistic === rawLine) : all;
      const there = said.filter(({ statistic, value }) => statistic !== rawLine || value !== undefined);
      const values = there.map(({ value }) => value);
      if (hidden || values[0] === undefined || values[0] === null) return [];
      const named = there.map(({ statistic }) => statistic);
      return [{ device, place, unit: this.#shape.unit, statistics: named, values }];
    });
    return { timeMs: this.#data.times[column] ?? 0, rows };
  }
}

function lonelyOnes(plot: uPlot, index: number): number[] {
  return lonelyColumns(Array.from(plot.data[index] ?? []));
}

function columns(data: ChartData): uPlot.AlignedData {
  return [data.times, ...data.lines.flat()];
}
