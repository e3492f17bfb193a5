// One chart: a signal of a gateway, what each device last said in words, and the panes before it as lines.
//
// The numbers a test or a screen reader wants are in the document: each device carries its last pane in `data-*`.

import { alignTracks, drawnStatistics, mainStatistic, rawLine, statisticOf } from './chart-data.ts';
import { element, KeyedViews, setData, setText, type Data, type View } from './dom.ts';
import { formatCount, formatEnd, formatReason, formatUnit, formatValue, formatWindow } from './format.ts';
import { Plot, type PlotLine } from './plot.ts';
import { swatchClass } from './plot-tip.ts';
import type { RawShown } from './raw.ts';
import type { Theme } from './theme.ts';
import type { Point, Track, WindowChoice } from './tracks.ts';

/** A device that has been quiet for so many windows is marked: its last value is not how things are. */
const quietWindows = 5;

export interface Chart {
  readonly signal: string;
  /** One for each device, at least one. */
  readonly tracks: readonly Track[];
  /** Each device's place among all devices of the gateway. */
  readonly places: ReadonlyMap<string, number>;
  /** The window the reader chose, which this signal may not have. */
  readonly chosenWindow: WindowChoice | undefined;
  readonly percentile: boolean;
  /** Raw readings the reader wants to see, and how it stands with them in words. */
  readonly raw: { readonly shown: RawShown; readonly note: string } | undefined;
  readonly theme: Theme;
  readonly nowMs: number;
}

export class ChartView implements View<Chart> {
  readonly root = element('section', 'chart');
  readonly #title = element('h3');
  readonly #unit = element('span', 'unit');
  readonly #window = element('span', 'window');
  readonly #raw = element('button', 'quiet raw-button', 'Raw');
  readonly #rawNote = element('p', 'raw-note');
  readonly #devices = element('ul', 'devices');
  readonly #tiles: KeyedViews<Tile>;
  readonly #target = element('div', 'plot');
  readonly #empty = element('p', 'plot-empty');
  readonly #hidden = new Set<string>();
  #plot: Plot | undefined;
  #shapeKey = '';
  #shown: Chart | undefined;

  /** @param onRaw the reader wants to see raw readings of these tracks, or not any more */
  constructor(onRaw: (tracks: readonly Track[]) => void) {
    this.#raw.type = 'button';
    this.#raw.addEventListener('click', () => onRaw(this.#shown?.tracks ?? []));
    this.#rawNote.setAttribute('role', 'status');
    const key = (tile: Tile): string => tile.track.device;
    this.#tiles = new KeyedViews<Tile>(this.#devices, key, () => new TileView((device) => this.#toggle(device)));
    this.#target.tabIndex = 0;
    this.#target.setAttribute('role', 'img');
    this.#target.addEventListener('keydown', (event) => this.#onKey(event));
    this.#target.addEventListener('blur', () => this.#plot?.hideCursor());
    const head = element('header', 'chart-head', this.#title, this.#unit, this.#window, this.#raw);
    this.root.append(head, this.#rawNote, this.#devices, element('div', 'plot-box', this.#target, this.#empty));
  }

  update(chart: Chart): void {
    const [first] = chart.tracks;
    if (first === undefined) return;
    const before = this.#shown;
    this.#shown = chart;
    const { gateway, unit, window } = first;
    setData(this.root, { signal: chart.signal, gateway, window: window.id, unit });
    setText(this.#title, chart.signal);
    setText(this.#unit, formatUnit(unit));
    const { chosenWindow } = chart;
    const lacks = chosenWindow === undefined || chosenWindow.id === window.id ? '' : formatWindow(chosenWindow);
    setText(this.#window, lacks === '' ? formatWindow(window) : `${formatWindow(window)}, has no ${lacks}`);
    this.#renderRaw(chart);
    this.#renderTiles(chart);
    this.#renderEmpty(chart.tracks);
    const same = before !== undefined && sameTracks(before.tracks, chart.tracks);
    const sameRaw = before?.raw?.shown.readings === chart.raw?.shown.readings;
    if (!same || !sameRaw || before.percentile !== chart.percentile) this.#draw(chart);
    else if (before.theme !== chart.theme) this.#plot?.setTheme(chart.theme);
  }

  remove(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #renderRaw({ raw, signal, tracks }: Chart): void {
    const on = raw !== undefined;
    this.#raw.setAttribute('aria-pressed', String(on));
    this.#raw.disabled = !on && tracks.every((track) => track.points.length === 0);
    this.#raw.title = on ? 'Show the panes only' : `Ask the gateway for the raw readings of ${signal} shown here`;
    this.#rawNote.hidden = !on;
    setText(this.#rawNote, raw?.note ?? '');
    const readings = [...(raw?.shown.readings.values() ?? [])].reduce((sum, points) => sum + points.length, 0);
    setData(this.root, { raw: on, 'raw-readings': on ? readings : null });
  }

  #renderTiles({ tracks, places, nowMs }: Chart): void {
    setData(this.#devices, { many: tracks.length > 4 });
    this.#tiles.render(
      tracks.map((track) => {
        const place = places.get(track.device) ?? 0;
        return { track, place, nowMs, hidden: this.#hidden.has(track.device), alone: tracks.length === 1 };
      }),
    );
  }

  #renderEmpty(tracks: readonly Track[]): void {
    const [first] = tracks;
    this.#empty.hidden = first === undefined || tracks.some((track) => track.points.length > 0);
    if (this.#empty.hidden || first === undefined) return;
    const loading = tracks.some((track) => !track.loaded);
    setText(this.#empty, loading ? 'Loading' : `No pane of ${formatWindow(first.window)} yet`);
  }

  #draw(chart: Chart): void {
    const { tracks, places, percentile, theme, signal, raw } = chart;
    const readings = raw?.shown.readings;
    const hasRaw = (device: string): boolean => (readings?.get(device)?.length ?? 0) > 0;
    const lines: PlotLine[] = tracks.map(({ device, window }) => ({
      device,
      place: places.get(device) ?? 0,
      statistics: [...drawnStatistics(window.compute, tracks.length, percentile), ...(hasRaw(device) ? [rawLine] : [])],
      loose: window.stepMs === 0,
      hidden: this.#hidden.has(device),
    }));
    const statistics = lines.map((line) => line.statistics);
    const data = alignTracks(tracks, statistics, readings);
    const unit = tracks[0]?.unit ?? '1';
    const shape = { unit, stepped: unit === 'state', lines };
    const shapeKey = JSON.stringify(shape);
    const devices = tracks.length === 1 ? '1 device' : `${tracks.length} devices`;
    const label = `${signal} over time, ${devices}. The arrow keys read single panes${tracks.some(({ device }) => hasRaw(device)) ? ' and raw readings' : ''}.`;
    this.#target.setAttribute('aria-label', label);
    if (data.times.length === 0 || shapeKey !== this.#shapeKey) this.remove();
    this.#shapeKey = shapeKey;
    if (data.times.length === 0) return;
    if (this.#plot === undefined) this.#plot = new Plot(this.#target, shape, data, theme);
    else this.#plot.setData(data);
  }

  #toggle(device: string): void {
    if (!this.#hidden.delete(device)) this.#hidden.add(device);
    if (this.#shown === undefined) return;
    this.#renderTiles(this.#shown);
    this.#draw(this.#shown);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.#plot?.hideCursor();
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.#plot?.step(by);
  }
}

interface Tile {
  readonly track: Track;
  readonly place: number;
  readonly hidden: boolean;
  /** The only device of its chart: there is nothing to tell apart. */
  readonly alone: boolean;
  readonly nowMs: number;
}

class TileView implements View<Tile> {
  readonly root = element('li', 'device');
  readonly #name = element('button', 'device-name');
  readonly #swatch = element('span');
  readonly #device = element('span', 'name');
  readonly #value = element('span', 'value');
  readonly #detail = element('span', 'detail');
  readonly #age = element('span', 'age');

  constructor(onToggle: (device: string) => void) {
    this.#name.type = 'button';
    this.#name.title = 'Show or hide its line';
    this.#name.append(this.#swatch, this.#device);
    this.#name.addEventListener('click', () => onToggle(this.#device.textContent));
    this.root.append(this.#name, this.#value, this.#detail, this.#age);
  }

  update({ track, place, hidden, alone, nowMs }: Tile): void {
    const point = track.points.at(-1);
    const main = mainStatistic(track.window.compute);
    setData(this.root, { device: track.device, points: track.points.length, ...pointData(point) });
    setText(this.#device, track.device);
    this.#swatch.className = `swatch ${swatchClass(place)}`;
    this.#name.setAttribute('aria-pressed', String(!hidden));
    this.#name.disabled = alone;
    setText(this.#value, formatValue(point === undefined ? null : statisticOf(point, main)));
    setText(this.#detail, point === undefined ? 'no pane yet' : detailText(point, main));
    const { stepMs } = track.window;
    setText(this.#age, point === undefined ? '' : formatEnd(point.end, nowMs));
    // Windows that follow at no fixed step may be as far apart as they like.
    const quiet = point !== undefined && stepMs > 0 && nowMs - point.end > quietWindows * stepMs;
    setData(this.root, { quiet });
  }
}

/** The last pane in full: `data-start`, `data-end`, `data-count`, `data-revision` and each statistic by its name. */
function pointData(point: Point | undefined): Data {
  if (point === undefined) return {};
  // A name that cannot be an attribute's must not stop the page.
  const statistics = Object.entries(point.values).filter(([name]) => /^[a-z][a-z0-9_]*$/.test(name));
  const { start, end, count, revision } = point;
  return { ...Object.fromEntries(statistics), start, end, count, revision };
}

function detailText(point: Point, main: string): string {
  const { min, max } = point.values;
  const range = typeof min === 'number' && typeof max === 'number' ? `${formatValue(min)} to ${formatValue(max)}` : '';
  const readings = point.count === 1 ? '1 reading' : `${formatCount(point.count)} readings`;
  return [main === 'mean' ? '' : formatReason(main), range, readings].filter((part) => part !== '').join(' · ');
}

function sameTracks(a: readonly Track[], b: readonly Track[]): boolean {
  return a.length === b.length && a.every((track, index) => track === b[index]);
}
