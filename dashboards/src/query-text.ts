// The text of the InfluxQL queries: which rows a panel reads, for each of the three kinds of measurement.
//
// Every query filters by the dashboard's variables in Grafana's standard way, `"gateway" =~ /^$gateway$/`. Panes are read
// for one window at a time, since the same readings are in the 5 s and in the 1 m panes: of the chosen length, or with one
// line for each window. A window is called such as `1m`, `1d@Europe/Zurich`, `1m/10s` (hopping), `session-15s`, `count-100`.
//
// When the chosen time range is wide, several panes fall into one point of a line: lows are taken as the lowest, highs as
// the highest, means as the mean of the panes. `fill(none)` keeps narrow ranges from showing a gap between every two panes.

const ofGateway = `"gateway" =~ /^$gateway$/`;
const ofDevice = `${ofGateway} AND "device" =~ /^$device$/`;
/** For panesByWindow: whatever windows there are. */
export const anyWindow = ofDevice;
const ofWindow = `${ofDevice} AND "window" =~ /^$window$/`;
/** For panesByWindow: hopping windows only. */
export const hoppingWindows = String.raw`${ofDevice} AND "window" =~ /^\w+\/\w+$/`;
const ofSession = `${ofDevice} AND "window" =~ /^session-/`;
const overTime = 'time($__interval)';

/** Panes over time, one line per tag set of `by`. */
export function panesOverTime(select: string, signals: readonly string[], by: readonly string[] = []): string {
  return `SELECT ${select} FROM ${names(signals)} WHERE $timeFilter AND ${ofWindow} GROUP BY ${list(overTime, by)} fill(none)`;
}

/** As panesOverTime, of those panes only that a late reading has corrected. */
export function correctedPanesOverTime(select: string, signals: readonly string[], by: readonly string[] = []): string {
  return `SELECT ${select} FROM ${names(signals)} WHERE $timeFilter AND ${ofWindow} AND "revision" > 0 GROUP BY ${list(overTime, by)} fill(none)`;
}

/** Panes over time of the windows that `where` chooses and that compute what is selected: one line per device and window. */
export function panesByWindow(select: string, signal: string, where: string): string {
  return `SELECT ${select} FROM "${signal}" WHERE $timeFilter AND ${where} GROUP BY ${list(overTime, ['gateway', 'device', 'window'])} fill(none)`;
}

/** Sessions that began in the time range, newest first, with their `fields`. */
export function sessionRows(signal: string, fields: readonly string[]): string {
  const columns = names(['gateway', 'device', ...fields]);
  return `SELECT ${columns} FROM "${signal}" WHERE $timeFilter AND ${ofSession} ORDER BY time DESC LIMIT 200`;
}

/** One number a signal: how many devices have a pane of it in the time range. */
export function devicesHeard(signals: readonly string[]): string {
  const lastPanes = `SELECT last("count") AS "last" FROM ${names(signals)} WHERE $timeFilter AND ${ofWindow} GROUP BY "gateway", "device"`;
  return `SELECT count("last") AS "devices" FROM (${lastPanes})`;
}

/** Gateway figures over time, one line per gateway. */
export function gatewaysOverTime(select: string): string {
  return `SELECT ${select} FROM "gateways" WHERE $timeFilter AND ${ofGateway} GROUP BY ${list(overTime, ['gateway'])} fill(none)`;
}

/** One row per gateway. */
export function gatewaysNow(select: string): string {
  return `SELECT ${select} FROM "gateways" WHERE $timeFilter AND ${ofGateway} GROUP BY "gateway"`;
}

/** One number: `select` over the latest figures of every gateway, where `latest` names the column to read them from. */
export function fleetNow(select: string, latest: string): string {
  return `SELECT ${select} FROM (${gatewaysNow(latest)})`;
}

/** Transitions, newest first. Columns: severity, gateway, device, signal, rule, state, value. */
export function alertRows(where: string): string {
  const columns = names(['severity', 'gateway', 'device', 'signal', 'rule', 'state', 'value', 'reason']);
  return `SELECT ${columns} FROM "alerts" WHERE $timeFilter AND ${where} ORDER BY time DESC LIMIT 200`;
}

/** Transitions to one state. Without the value, which a rule on silence lacks: Grafana drops a row with a gap in it. */
export function alertTransitions(state: 'firing' | 'cleared', where: string): string {
  const columns = names(['rule', 'gateway', 'device', 'signal', 'severity', 'state']);
  return `SELECT ${columns} FROM "alerts" WHERE $timeFilter AND ${where} AND "state" = '${state}'`;
}

/** One number: alerts whose last transition was to firing. Not limited to the time range, as they may have begun earlier. */
export function alertsFiring(where: string): string {
  const lastTransitions = `SELECT last("firing") AS "firing" FROM "alerts" WHERE ${where} GROUP BY "gateway", "device", "signal", "rule"`;
  return `SELECT sum("firing") AS "firing" FROM (${lastTransitions})`;
}

/** The alerts of the chosen gateways and devices on these signals. */
export function alertsOn(signals: readonly string[]): string {
  return `${ofDevice} AND "signal" =~ /^(${signals.join('|')})$/`;
}

/** The alerts of the chosen gateways. */
export const alertsOfGateways = ofGateway;

function list(first: string, tags: readonly string[]): string {
  return tags.length === 0 ? first : `${first}, ${names(tags)}`;
}

function names(identifiers: readonly string[]): string {
  return identifiers.map((identifier) => `"${identifier}"`).join(', ');
}
