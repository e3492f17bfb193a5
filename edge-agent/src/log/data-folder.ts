import { join, resolve } from 'node:path';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';

/** Where the agent keeps its data. @param base folder of the gateway file @param data overrides what the file says */
export function dataFolder(file: GatewayFile, base: string, data: string | undefined): string {
  return resolve(base, data ?? file.data ?? join('weir-data', file.gateway));
}
