// The sources this agent has. A new one is a file in this folder, a line here, and a page in docs/sources.

import { gpio } from './gpio.ts';
import { mqtt } from './mqtt.ts';
import { serial } from './serial.ts';
import type { SourceKind } from './source.ts';

export const sourceKinds: readonly SourceKind[] = [serial, mqtt, gpio];
