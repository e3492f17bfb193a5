// A threshold as people write it: `temperature > 34`.

export const operators = ['>', '>=', '<', '<=', '==', '!='] as const;

export type Operator = (typeof operators)[number];

export interface Comparison {
  readonly signal: string;
  readonly operator: Operator;
  readonly limit: number;
}

const pattern = /^\s*([A-Za-z0-9_][\w.-]*)\s*(>=|<=|==|!=|>|<)\s*(\S+)\s*$/;

/** Reads `signal operator number`. @returns the condition, or what is wrong with the text */
export function parseComparison(text: string): Comparison | string {
  const match = pattern.exec(text);
  const [, signal, operator, limitText] = match ?? [];
  if (signal === undefined || operator === undefined || limitText === undefined) {
    return `"${text}" is not a condition; write signal, operator (${operators.join(' ')}) and number, such as temperature > 34`;
  }
  const limit = Number(limitText);
  if (!Number.isFinite(limit)) return `"${limitText}" is not a number, in the condition "${text}"`;
  return { signal, operator: operator as Operator, limit };
}

export function holds(condition: Pick<Comparison, 'operator' | 'limit'>, value: number): boolean {
  switch (condition.operator) {
    case '>':
      return value > condition.limit;
    case '>=':
      return value >= condition.limit;
    case '<':
      return value < condition.limit;
    case '<=':
      return value <= condition.limit;
    case '==':
      return value === condition.limit;
    case '!=':
      return value !== condition.limit;
  }
}
