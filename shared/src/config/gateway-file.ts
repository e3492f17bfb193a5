// A gateway file that has been read and checked: what the rest of Weir knows of it.

import type { Part } from './kinds.ts';
import type { Alert, Hub, Settings, Signal, Thing, Window } from './schema.ts';

export interface GatewayFile {
  readonly gateway: string;
  readonly hub: Hub | undefined;
  /** Folder of the log, as written; the command line may say another. */
  readonly data: string | undefined;
  readonly sources: ReadonlyMap<string, Part>;
  readonly signals: ReadonlyMap<string, Signal>;
  /** By their place in the file. */
  readonly windows: ReadonlyMap<number, Window>;
  readonly alerts: ReadonlyMap<string, Alert>;
  readonly actions: ReadonlyMap<string, Part>;
  readonly thing: Thing | undefined;
  readonly settings: Settings;
}
