// What the page of a back-test shows, gathered while the past goes by: an outline of every series that rules look at, of its panes
// and of its scores. The page reads it as JSON; every number in it is one of the pipeline's.

import type { Severity } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import type { Series } from '@weir/shared/model/series.ts';
import type { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { SeriesState } from '@weir/shared/pipeline/series-state.ts';
import { Envelope, type Outline } from './envelope.ts';
import type { Compared } from './episodes.ts';

export interface ReportData {
  readonly title: string;
  /** What was read, in sentences. */
  readonly notes: readonly string[];
  /** Event times, epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  /** Names of the sets of rules: one, or the present ones and the changed ones. */
  readonly sets: readonly string[];
  readonly rules: readonly ReportRule[];
  readonly alarms: readonly ReportAlarm[];
  /** Alarms that are counted and not listed. */
  readonly alarmsLeft: number;
  readonly charts: readonly ReportChart[];
  /** Series that are not drawn. */
  readonly chartsLeft: number;
}

export interface ReportRule {
  readonly rule: string;
  readonly severity: Severity;
  /** Alarms that somebody was told of, by set of rules; null where the set has no such rule. */
  readonly told: readonly (number | null)[];
  /** Alarms nobody was told of. */
  readonly quiet: readonly (number | null)[];
}

export interface ReportAlarm {
  readonly rule: string;
  readonly device: string;
  readonly signal: string;
  readonly severity: Severity;
  readonly from: number;
  /** Null while it lasts. */
  readonly to: number | null;
  readonly value: number | null;
  readonly reason: string;
  readonly quiet: string;
  readonly by: Compared['by'];
}

export interface ReportChart {
  readonly device: string;
  readonly signal: string;
  readonly unit: string;
  readonly readings: Outline;
  /** One for each window. */
  readonly panes: readonly { readonly name: string; readonly line: Outline }[];
  /** One for each rule that asks for anomalies. */
  readonly scores: readonly { readonly rule: string; readonly limit: number; readonly line: Outline }[];
}

/** Outlines are made of so many series, and drawn of so many. */
const mostSeries = 1000;
const mostCharts = 40;
const mostWindows = 3;
export const mostAlarms = 1000;

interface Gathered {
  readonly series: Pick<Series, 'device' | 'signal'>;
  readonly readings: Envelope;
  readonly panes: Map<string, Envelope>;
  readonly scores: Map<string, { limit: number; line: Envelope }>;
  /** Of a series that is computed: the newest that was drawn. */
  newest: number;
}

export class Gatherer {
  readonly #pipeline: Pipeline;
  readonly #from: number;
  readonly #unitOf: (signal: string) => string;
  /** By the series' number in the pipeline. */
  readonly #all = new Map<number, Gathered>();
  #left = 0;

  /** @param from event time before which nothing is drawn */
  constructor(pipeline: Pipeline, from: number, unitOf: (signal: string) => string) {
    this.#pipeline = pipeline;
    this.#from = from;
    this.#unitOf = unitOf;
  }

  /** A reading was taken. @param value as it came */
  reading(state: SeriesState, time: number, value: number): void {
    if (time < this.#from) return;
    const { gain, offset } = state.plan;
    const gathered = this.#of(state.series);
    gathered?.readings.add(time, value * gain + offset);
    if (gathered !== undefined && time >= state.newestTime) this.#scores(gathered, state, time);
  }

  /** Panes have come out. */
  panes(panes: readonly Pane[]): void {
    for (const { series, window, start, end, values } of panes) {
      if (end < this.#from) continue;
      const mean = window.compute.indexOf('mean');
      const statistic = mean >= 0 ? 'mean' : window.compute[0];
      const gathered = this.#all.get(this.#idOf(series));
      if (gathered === undefined || statistic === undefined) continue;
      const name = `${statistic} ${window.id}`;
      let line = gathered.panes.get(name);
      if (line === undefined) {
        if (gathered.panes.size === mostWindows) continue;
        gathered.panes.set(name, (line = new Envelope()));
      }
      line.add((start + end) / 2, values[Math.max(mean, 0)] ?? NaN);
    }
    this.#computed();
  }

  /** @param alarms those with one come first */
  charts(alarms: readonly Compared[]): Pick<ReportData, 'charts' | 'chartsLeft'> {
    const counts = new Map<number, number>();
    for (const { episode } of alarms) {
      const id = this.#idOf(episode.series);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    const all = [...this.#all].toSorted(([a], [b]) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
    const charts = all.slice(0, mostCharts).map(([, gathered]) => this.#chart(gathered));
    return { charts, chartsLeft: this.#left + all.length - charts.length };
  }

  #chart({ series: { device, signal }, readings, panes, scores }: Gathered): ReportChart {
    return {
      device,
      signal,
      unit: this.#unitOf(signal),
      readings: readings.outline(),
      panes: [...panes].map(([name, line]) => ({ name, line: line.outline() })),
      scores: [...scores].map(([rule, { limit, line }]) => ({ rule, limit, line: line.outline() })),
    };
  }

  /** Series that are computed say nothing when they get a value: they are looked at now and then. */
  #computed(): void {
    for (const state of this.#pipeline.states()) {
      if (state.plan.derived === undefined || state.newestTime < this.#from) continue;
      const gathered = this.#of(state.series);
      if (gathered === undefined || gathered.newest === state.newestTime) continue;
      gathered.newest = state.newestTime;
      gathered.readings.add(state.newestTime, state.newestValue);
      this.#scores(gathered, state, state.newestTime);
    }
  }

  #scores(gathered: Gathered, state: SeriesState, time: number): void {
    for (const { alarm } of state.feeds) {
      for (const { score, limit } of alarm.scores) {
        const rule = alarm.compiled.rule.id;
        let line = gathered.scores.get(rule);
        if (line === undefined) gathered.scores.set(rule, (line = { limit, line: new Envelope() }));
        line.line.add(time, score);
      }
    }
  }

  #idOf({ device, signal }: Pick<Series, 'device' | 'signal'>): number {
    return this.#pipeline.series.intern(device, signal)?.id ?? -1;
  }

  #of({ id, device, signal }: Series): Gathered | undefined {
    const known = this.#all.get(id);
    if (known !== undefined) return known;
    if (this.#all.size === mostSeries) {
      this.#left = Math.max(this.#left, this.#pipeline.series.size - mostSeries);
      return undefined;
    }
    const gathered: Gathered = {
      series: { device, signal },
      readings: new Envelope(),
      panes: new Map(),
      scores: new Map(),
      newest: -Infinity,
    };
    this.#all.set(id, gathered);
    return gathered;
  }
}
