// Numbers, sizes and times as the page writes them. Pure: the current time is handed in, the time zone is the reader's.

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const upToOne = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const timeOfDay = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const hourMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Every digit: in a ledger a rounded count proves nothing. */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** Readings per second: whole from ten up, one decimal below. */
export function formatRate(perSecond: number): string {
  return perSecond >= 10 ? grouped.format(perSecond) : upToOne.format(perSecond);
}

/** Four significant digits, never fewer than the whole part has; whole numbers as they are; `–` where undefined. */
export function formatValue(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const decimals = Number.isInteger(value) ? 0 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value))));
  // Beyond this a row of zeros says less than the exponent.
  if (decimals > 7) return value.toExponential(2);
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** A tick of the value axis: as few digits as tell it apart. */
export function formatValueTick(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 6 });
}

/** The unit behind a value. `1` and `state` are not said: a pure number, and an open or closed door. */
export function formatUnit(unit: string): string {
  return unit === '1' || unit === 'state' ? '' : unit;
}

export function formatValueWithUnit(value: number | null | undefined, unit: string): string {
  const symbol = formatUnit(unit);
  return symbol === '' ? formatValue(value) : `${formatValue(value)}\u00a0${symbol}`;
}

/** Decimal megabytes, as cards and disks are sold. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? grouped.format(value) : upToOne.format(value)} ${units[unit] ?? ''}`;
}

/** How long a card lasts: `8 months`, `3.4 years`, `over 100 years`; `–` where it cannot be told yet. */
export function formatYears(years: number | null): string {
  if (years === null) return '–';
  if (years > 100) return 'over 100 years';
  const text = years >= 10 ? grouped.format(years) : upToOne.format(years);
  if (years >= 1) return text === '1' ? '1 year' : `${text} years`;
  const months = Math.floor(years * 12);
  if (months === 0) return 'under a month';
  return months === 1 ? '1 month' : `${months} months`;
}

/** The two largest parts: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < minuteMs) return `${Math.floor(ms / secondMs)} s`;
  if (ms < hourMs) return pair(ms, minuteMs, 'min', secondMs, 's');
  if (ms < dayMs) return pair(ms, hourMs, 'h', minuteMs, 'min');
  return pair(ms, dayMs, 'd', hourMs, 'h');
}

function pair(ms: number, largeMs: number, large: string, smallMs: number, small: string): string {
  const rest = Math.floor((ms % largeMs) / smallMs);
  const whole = `${Math.floor(ms / largeMs)} ${large}`;
  return rest === 0 ? whole : `${whole} ${rest} ${small}`;
}

/** How long ago, in its largest part only: it changes while it is read. */
export function formatAgo(thenMs: number, nowMs: number): string {
  const ms = nowMs - thenMs;
  if (ms < -2 * secondMs) return `${largest(-ms)} ahead`;
  return ms < 2 * secondMs ? 'just now' : `${largest(ms)} ago`;
}

/** When a pane's window ended, or will by what is known now: an early pane speaks of one that is still open. */
export function formatEnd(endMs: number, nowMs: number): string {
  const leftMs = endMs - nowMs;
  return leftMs > 2 * secondMs ? `ends in ${largest(leftMs)}` : formatAgo(endMs, nowMs);
}

function largest(ms: number): string {
  if (ms < minuteMs) return `${Math.floor(ms / secondMs)} s`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} min`;
  if (ms < 2 * dayMs) return `${Math.floor(ms / hourMs)} h`;
  return `${Math.floor(ms / dayMs)} days`;
}

/** The time of day; with the date when it was not today, and the year when it was another. */
export function formatTime(timeMs: number, nowMs: number): string {
  const time = timeOfDay.format(timeMs);
  const [then, now] = [new Date(timeMs), new Date(nowMs)];
  if (then.toDateString() === now.toDateString()) return time;
  const year = then.getFullYear() === now.getFullYear() ? '' : ` ${then.getFullYear()}`;
  return `${dayMonth.format(timeMs)}${year}, ${time}`;
}

/** A tick of the time axis: the day at midnight, else no finer than the ticks are apart. */
export function formatTick(timeMs: number, apartMs: number): string {
  const time = hourMinute.format(timeMs);
  if (apartMs >= dayMs || time === '00:00') return dayMonth.format(timeMs);
  return apartMs >= minuteMs ? time : timeOfDay.format(timeMs);
}

/** Sessions and counts by what they are, `session 10m`; all others are called by their length, `1m`, `1h/1m`. */
export function formatWindow({ id, kind }: { readonly id: string; readonly kind: string }): string {
  return kind === 'session' || kind === 'count' ? id.replace('-', ' ') : id;
}

/** `too_late` reads `too late`. */
export function formatReason(reason: string): string {
  return reason.replaceAll('_', ' ');
}
