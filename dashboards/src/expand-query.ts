// Turns a dashboard's query into the InfluxQL which Grafana would send: fills in the time range, the interval and the
// template variables. For running a dashboard's queries without a Grafana.
//
// Grafana's rules for InfluxQL, as far as the dashboards use them:
// - `$timeFilter` becomes a condition on `time`, both ends included, in milliseconds.
// - `$__interval` becomes a duration such as `10s`; `$__interval_ms` the same as a number.
// - `$name` or `${name}` becomes the variable's value. Inside a regular expression the value is escaped; several values
//   become `(a|b)`. The choice "All" becomes the variable's custom all-value, which is `.*` in Weir's dashboards.

/** What Grafana holds as a variable's value when "All" is chosen. */
export const allValue = '$__all';

export interface Expansion {
  /** Epoch milliseconds. */
  readonly from: number;
  /** Epoch milliseconds. */
  readonly to: number;
  /** An InfluxQL duration of one unit: `500ms`, `10s`, `1m`, `1h`. */
  readonly interval: string;
  readonly variables: Readonly<Record<string, string | readonly string[]>>;
}

// A whole regular expression after `=~` or `!~`, or else a variable outside of one.
const patternOrVariable = /(?<operator>[=!]~\s*)\/(?<pattern>(?:[^/\\]|\\.)*)\/|\$(?:(?<bare>\w+)|\{(?<braced>\w+)\})/g;
const variableInPattern = /\$(?:(?<bare>\w+)|\{(?<braced>\w+)\})/g;
const millisecondsOf: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

type Value = string | readonly string[];

/** Throws when the query uses a variable that has no fitting value, or the interval is not a duration. */
export function expandQuery(query: string, { from, to, interval, variables }: Expansion): string {
  const values = new Map<string, Value>([
    ...Object.entries(variables),
    ['timeFilter', `time >= ${from}ms and time <= ${to}ms`],
    ['__interval', interval],
    ['__interval_ms', String(milliseconds(interval))],
  ]);
  const valueOf = (name: string): Value => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`no value for $${name} in the query: ${query}`);
    return value;
  };
  // In one pass, so that a value which itself looks like a variable stays what it is.
  return query.replaceAll(patternOrVariable, (...match) => {
    const { operator, pattern, ...name } = groupsOf(match);
    if (operator === undefined || pattern === undefined) return asText(nameIn(name), valueOf(nameIn(name)));
    const filled = pattern.replaceAll(variableInPattern, (...inner) => asPattern(valueOf(nameIn(groupsOf(inner)))));
    return `${operator}/${filled}/`;
  });
}

function asPattern(value: Value): string {
  if (typeof value !== 'string') return `(${value.map(asPattern).join('|')})`;
  return value === allValue ? '.*' : value.replaceAll(/[\\^$*+?.()|[\]{}/]/g, String.raw`\$&`);
}

function asText(name: string, value: Value): string {
  if (typeof value === 'string' && value !== allValue) return value;
  throw new Error(`$${name} has several values, which fit only into a regular expression`);
}

function milliseconds(interval: string): number {
  const [, amount, unit] = /^(\d+)([a-z]+)$/.exec(interval) ?? [];
  const unitMs = unit === undefined ? undefined : millisecondsOf[unit];
  if (amount === undefined || unitMs === undefined)
    throw new Error(`"${interval}" is not an interval such as 10s or 1m`);
  return Number(amount) * unitMs;
}

type Groups = Readonly<Record<string, string | undefined>>;

/** `replaceAll` hands its callback the named groups as the last argument. */
function groupsOf(match: readonly unknown[]): Groups {
  return match.at(-1) as Groups;
}

function nameIn({ bare, braced }: Groups): string {
  return bare ?? braced ?? '';
}
