// The store kinds; the key under `store:` in hub.yaml says which.

import * as z from 'zod';
import { influxStore } from './influx.ts';
import { sqliteStore } from './sqlite.ts';

export const storeKinds = z.union([
  influxStore, // { influx: "http://127.0.0.1:8086", database: weir }
  sqliteStore, // { sqlite: true }
]);
