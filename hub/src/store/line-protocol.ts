// InfluxDB's line protocol, version 1: one point a line,
//
//   measurement,tag=value,tag=value field=1.5,other=3i,text="quoted" 1700000000000000
//
// with the time in microseconds. Measurements escape comma and space, tags and field keys also the equals sign, with a
// backslash; strings in quotes escape the quote and the backslash. What the format cannot say is changed: a line break in
// a name becomes a space, and a backslash a slash (InfluxDB 1.x reads the escapes around one in more than one way). An
// empty tag is left out, and so is a field that is NaN or infinite.

/** Written with the `i` of an integer; anything else numeric is a float. InfluxDB keeps the first type a field had. */
export interface Integer {
  readonly integer: number;
}

export type FieldValue = number | Integer | string;

/** The text of a measurement or a tag, ready to be put into a line; worth keeping where it is used again. */
export function escapeMeasurement(text: string): string {
  return sayable(text).replaceAll(/[, ]/g, '\\$&');
}

export function escapeTag(text: string): string {
  return sayable(text).replaceAll(/[,= ]/g, '\\$&');
}

/** `measurement,tag=value,…`: what all points of one series share. Tags in the order given; sorted is quickest to take. */
export function encodeSeries(measurement: string, tags: Readonly<Record<string, string>>): string {
  let head = escapeMeasurement(measurement);
  for (const [key, value] of Object.entries(tags)) {
    const escaped = escapeTag(value);
    if (escaped !== '') head += `,${escapeTag(key)}=${escaped}`;
  }
  return head;
}

/** @returns the line without its line break, or undefined when no field is left to write */
export function encodePoint(
  series: string,
  fields: Readonly<Record<string, FieldValue>>,
  timeMs: number,
): string | undefined {
  let body = '';
  for (const [key, value] of Object.entries(fields)) {
    const encoded = encodeField(value);
    if (encoded !== undefined) body += `${body === '' ? '' : ','}${escapeTag(key)}=${encoded}`;
  }
  return body === '' ? undefined : `${series} ${body} ${microseconds(timeMs)}`;
}

export function microseconds(timeMs: number): number {
  return Math.round(timeMs * 1000);
}

function encodeField(value: FieldValue): string | undefined {
  if (typeof value === 'string') return `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  return Number.isFinite(value.integer) ? `${Math.trunc(value.integer)}i` : undefined;
}

function sayable(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ').replaceAll('\\', '/');
}
