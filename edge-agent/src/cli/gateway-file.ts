// Reads a gateway file for a command: every problem on standard error with its position, and exit code 2 when one is an
// error.

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import { formatProblem } from '@weir/shared/config/yaml-file.ts';
import { actionKinds } from '../actions/registry.ts';
import { messageOf } from '../logger.ts';
import { sourceKinds } from '../sources/registry.ts';

export const kinds = { sources: sourceKinds, actions: actionKinds };

/** A command cannot go on; `message` is what the person at the terminal reads. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @param warn called with each warning @throws CommandError with all problems, one a line */
export function loadGatewayFile(path: string, warn: (line: string) => void): GatewayFile {
  const { file, problems } = readGatewayFile(readText(path), kinds, dirname(path));
  const lines = problems.map((problem) => formatProblem(path, problem));
  if (file === undefined) {
    const errors = problems.filter(({ severity }) => severity === 'error').length;
    throw new CommandError(
      [...lines, `${path}: ${errors} ${errors === 1 ? 'mistake' : 'mistakes'}; nothing was started`].join('\n'),
    );
  }
  for (const line of lines) warn(line);
  return file;
}

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`${path}: cannot be read: ${messageOf(error)}`);
  }
}

/** A file the person has named and that cannot be used is told in a sentence. */
export async function usable<T>(path: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    throw new CommandError(`${path}: cannot be used: ${messageOf(error)}`);
  }
}
