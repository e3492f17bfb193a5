// The actions this agent has, besides `log`, which is always there. A new one is a file in this folder, a line here, and a
// page in docs/actions.

import type { ActionKind } from './action.ts';
import { command } from './command.ts';
import { gpio } from './gpio.ts';
import { mqtt } from './mqtt.ts';
import { serial } from './serial.ts';
import { webhook } from './webhook.ts';

export const actionKinds: readonly ActionKind[] = [webhook, mqtt, gpio, serial, command];
