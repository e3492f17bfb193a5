// Numbers in a detector's reason: four digits, enough to recognise them.

export function readable(value: number): string {
  return String(Number(value.toPrecision(4)));
}
