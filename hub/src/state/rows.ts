// Columns of a SQLite row as the types they were declared with. A column of another type is a bug of ours, not outside
// trouble: every table is STRICT.

export type Row = Readonly<Record<string, unknown>>;

export function text(row: Row, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : wrong(column, value);
}

export function number(row: Row, column: string): number {
  const value = row[column];
  return typeof value === 'number' ? value : wrong(column, value);
}

export function numberOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : number(row, column);
}

export function bytesOrNull(row: Row, column: string): Uint8Array | null {
  const value = row[column];
  return value === null || value instanceof Uint8Array ? value : wrong(column, value);
}

function wrong(column: string, value: unknown): never {
  throw new TypeError(`column ${column} holds ${typeof value}`);
}
