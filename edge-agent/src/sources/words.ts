// Words that stand for numbers, in every source whose devices say ON and OFF.

import * as z from 'zod';

export const words = z
  .record(z.string().min(1), z.number())
  .optional()
  .describe('Words that stand for numbers, such as `{ ON: 1, OFF: 0 }`.');
