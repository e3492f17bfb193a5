// How far a reading can be trusted, in OPC UA's three words. Good readings enter statistics and rules; uncertain ones are
// counted, and enter only where the signal says so; bad ones are refused.

/** The journal writes them by their place in this list. */
export const qualities = ['good', 'uncertain', 'bad'] as const;

export type Quality = (typeof qualities)[number];

/** Why a reading is uncertain. */
export const flags = [
  'source', // the source said so
  'step', // further from the one before than the signal's `maxStep` allows
  'stuck', // the same value for longer than the signal's `stuck` allows
] as const;

export type Flag = (typeof flags)[number];
