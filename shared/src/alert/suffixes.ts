// What may stand behind a number in a condition: a unit of Weir, or of time. The longest first.

import { knownUnits } from '../model/units.ts';

export const suffixes: readonly string[] = [
  ...new Set([...knownUnits.filter((unit) => /\D/.test(unit)), 'd', 'w']),
].toSorted((a, b) => b.length - a.length);
