// The sources this agent has. A new one is a file in this folder, a line here, and a page in docs/sources.

import { file } from './file.ts';
import { gpio } from './gpio.ts';
import { modbus } from './modbus.ts';
import { mqtt } from './mqtt.ts';
import { serial } from './serial.ts';
import type { SourceKind } from './source.ts';
import { system } from './system.ts';
import { wot } from './wot.ts';

export const sourceKinds: readonly SourceKind[] = [serial, modbus, gpio, mqtt, wot, file, system];
