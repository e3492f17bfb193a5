// What `run.ts` has found and made, for the scenarios: the image, or why there is none.

import * as z from 'zod';

const imageSchema = z.object({
  kernel: z.string(),
  initramfs: z.string(),
  release: z.string(),
  hasOnoff: z.boolean(),
});

/** Undefined: this machine cannot run the scenarios, and run.ts has said why. */
export const image = process.env['WEIR_VM_IMAGE']
  ? imageSchema.parse(JSON.parse(process.env['WEIR_VM_IMAGE']))
  : undefined;
