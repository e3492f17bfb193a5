// What arrived is not what the protocol says.

/** `message` names the field. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export function fail(message: string): never {
  throw new WireError(message);
}

export function oneOf<T extends string>(known: readonly T[], name: string, where: string): T {
  return known.find((candidate) => candidate === name) ?? fail(`${where} "${name}"`);
}
