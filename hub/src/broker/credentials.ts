// Who may connect. A gateway's key is 32 random bytes, shown once, and kept as `scrypt$<salt>$<hash>` (base64url).
//
// The key has 256 bits of its own, so the hash need not be slow, only one-way. What was verified is remembered as a
// digest beside the stored hash it was verified against: when all gateways come back at once after a power cut, each
// costs a row look-up, and a key that was changed or removed is known at the next connection, whoever changed it.

import { createHash, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { namePattern } from '@weir/shared/wire/topics.ts';
import { HubError } from '../errors.ts';
import type { Gateways } from '../state/gateways.ts';

export type Verdict = 'accepted' | 'refused' | 'busy';

const cost: ScryptOptions = { N: 4096, r: 8, p: 1 };
const hashBytes = 32;
/** Hashes in work at one time; beyond it a stranger could queue up processor time. A few thousand gateways may come back at once. */
const maxVerifying = 512;

export class Credentials {
  readonly #gateways: Pick<Gateways, 'add' | 'keyHash'>;
  readonly #verified = new Map<string, { keyHash: string; digest: Buffer }>();
  #verifying = 0;

  constructor(gateways: Pick<Gateways, 'add' | 'keyHash'>) {
    this.#gateways = gateways;
  }

  /** @returns the new gateway's key, to be shown once @throws HubError when the name is taken or no name */
  async add(name: string, nowMs: number): Promise<string> {
    if (!namePattern.test(name)) {
      throw new HubError(
        'WEIR_HUB_GATEWAY',
        `"${name}" cannot be a gateway's name: at most 64 letters, digits, _, - and ., the first a letter, digit or _`,
      );
    }
    const key = randomBytes(32).toString('base64url');
    const salt = randomBytes(16);
    const hash = await derive(key, salt);
    const added = this.#gateways.add(name, `scrypt$${salt.toString('base64url')}$${hash.toString('base64url')}`, nowMs);
    if (!added) {
      throw new HubError('WEIR_HUB_GATEWAY', `there is a gateway "${name}" already; for a new key remove it first`);
    }
    return key;
  }

  async verify(name: string, key: string): Promise<Verdict> {
    const keyHash = this.#gateways.keyHash(name);
    if (keyHash === undefined) {
      this.#verified.delete(name);
      return 'refused';
    }
    const digest = createHash('sha256').update(key).digest();
    const known = this.#verified.get(name);
    if (known?.keyHash === keyHash && timingSafeEqual(known.digest, digest)) return 'accepted';
    if (this.#verifying >= maxVerifying) return 'busy';
    this.#verifying += 1;
    try {
      if (!(await matches(key, keyHash))) return 'refused';
    } finally {
      this.#verifying -= 1;
    }
    this.#verified.set(name, { keyHash, digest });
    return 'accepted';
  }
}

async function matches(key: string, keyHash: string): Promise<boolean> {
  const [scheme, salt, hash] = keyHash.split('$');
  if (scheme !== 'scrypt' || salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64url');
  const derived = await derive(key, Buffer.from(salt, 'base64url'));
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

function derive(key: string, salt: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(key, salt, hashBytes, cost, (error, hash) => (error === null ? resolve(hash) : reject(error)));
  return promise;
}
