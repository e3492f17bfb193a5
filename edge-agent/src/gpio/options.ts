// How a gateway file names a line of the board, the same for sources and actions.

import * as z from 'zod';

export const lineNumber = z
  .int()
  .min(0)
  .max(1023)
  .describe('Number of the line on its chip: on a Raspberry Pi the BCM number, not the pin.');

export const chipName = z
  .string()
  .regex(/^[\w.:-]+$/, 'write the chip like gpiochip0, or as its label')
  .optional()
  .describe("Name or label of the chip. Default: that of a Raspberry Pi's header, or the only one there is.");

/** A line has one user: a source, or an action. */
export function heldLine({ gpio, chip }: { gpio: number; chip?: string | undefined }): string {
  return chip === undefined ? `GPIO ${gpio}` : `GPIO ${gpio} of ${chip}`;
}
