// What batches are deflated with, so that the first words of a small one cost as little as repeated ones: a preset dictionary (RFC
// 1950, 2.2), the most frequent at its end. A gateway with a good link sends a few panes at a time, and of these, names would be most.
//
// Part of the protocol: a batch packed with one dictionary cannot be unpacked with another.

const signals = wordsOf(
  'current voltage power energy flow level speed position door steps heart_rate co2 vibration pressure humidity temperature',
);
const statistics = wordsOf(
  'sum range first last duration time_mean integral duty increase rate changes completeness p50 p99 variance stddev p95',
);
/** Sizes in milliseconds. */
const windows = [
  ['1d', 86_400_000],
  ['1h', 3_600_000],
  ['5m', 300_000],
  ['15m', 900_000],
  ['10s', 10_000],
  ['10m', 600_000],
  ['1m', 60_000],
] as const;

function wordsOf(text: string): string[] {
  return text.split(' ');
}

/** A field of weir.proto: its number and wire type, length, bytes. */
function field(tag: number, text: string): string {
  return String.fromCharCode(tag, text.length) + text;
}

function double(value: number): string {
  return String.fromCharCode(...new Uint8Array(Float64Array.of(value).buffer));
}

const text = [
  ...signals.map((signal) => field(0x12, signal)),
  ...statistics.map((statistic) => field(0x1a, statistic)),
  ...windows.flatMap(([name, sizeMs]) => [
    field(0x0a, name),
    field(0x12, field(0x0a, `\x09${double(sizeMs)}`)),
    ...['mean', 'min', 'max'].map((statistic) => field(0x1a, statistic)),
  ]),
].join('');

export const dictionary: Uint8Array = Uint8Array.from(text, (character) => character.charCodeAt(0));
