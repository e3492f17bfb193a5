// From the gateway file to the pipeline's plan: names resolved, defaults filled in, nothing left to parse.

import type { Rule } from '../alert/rule.ts';
import { statistics, type WindowSpec } from '../model/pane.ts';
import type { Plan, SignalPlan } from '../pipeline/plan.ts';
import { parseChannel } from './channel.ts';
import { covers, latenessOf } from './checks.ts';
import { formatDuration } from './duration.ts';
import type { GatewayFile } from './gateway-file.ts';
import type { Alert, Signal, Window } from './schema.ts';

export function compilePlan(file: GatewayFile): Plan {
  const { settings } = file;
  return {
    signals: new Map([...file.signals].map(([id, signal]) => [id, signalPlan(id, signal, file)])),
    maxAheadMs: settings.maxAhead,
    idleAfterMs: settings.idleAfter,
    maxSeries: settings.maxSeries,
  };
}

/** Which signal takes a channel of a source: source -> channel -> signal. */
export function compileRoutes(file: GatewayFile): Map<string, Map<string, string>> {
  const routes = new Map<string, Map<string, string>>();
  for (const [id, { from }] of file.signals) {
    for (const text of from) {
      const { source, channel } = parseChannel(text);
      const channels = routes.get(source) ?? new Map<string, string>();
      routes.set(source, channels.set(channel, id));
    }
  }
  return routes;
}

function signalPlan(id: string, signal: Signal, file: GatewayFile): SignalPlan {
  const windows = [...file.windows.values()].filter((window) => covers(window, id));
  return {
    signal: id,
    range: signal.range ?? [-Infinity, Infinity],
    disorderMs: signal.disorder ?? file.settings.disorder,
    latenessMs: latenessOf(id, signal, windows),
    windows: windows.map(windowSpec),
    rules: [...file.alerts]
      .filter(([, alert]) => alert.when.signal === id)
      .map(([ruleId, alert]) => rule(ruleId, alert)),
  };
}

function windowSpec(window: Window): WindowSpec {
  return {
    id: formatDuration(window.every),
    sizeMs: window.every,
    compute: statistics.filter((statistic) => window.compute.includes(statistic)),
  };
}

function rule(id: string, alert: Alert): Rule {
  return {
    id,
    when: alert.when,
    clear: alert.clear,
    forMs: alert.for ?? 0,
    severity: alert.severity,
    actions: [...new Set(['log', ...alert.do])],
  };
}
