// The notifier kinds; the key of an entry under `notify:` in hub.yaml says which.

import * as z from 'zod';
import { webhook } from './webhook.ts';

export const notifierKinds = z.union([
  webhook, // { webhook: "http://10.0.0.5/alarm" }
]);
