// What every part of the gateway file that names a broker can say.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isUrl } from '@weir/shared/config/schema.ts';
import * as z from 'zod';

export const brokerUrl = z
  .string()
  .refine(
    (text) => isUrl(text, ['mqtt:', 'mqtts:']),
    'write the broker like mqtt://10.0.0.5:1883 or mqtts://broker.factory.lan',
  );

export const brokerLogin = {
  username: z.string().optional().describe('User name at the broker.'),
  passwordFile: z.string().optional().describe('File with the password; its first line is taken.'),
  ca: z.string().optional().describe('File with the certificate of the authority that vouches for the broker (PEM).'),
  cert: z.string().optional().describe('File with our own certificate, where the broker wants one (PEM).'),
  key: z.string().optional().describe('File with its private key (PEM).'),
} as const;

export interface BrokerLogin {
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface Credentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/**
 * What the files say, read anew each time: it can be put right without a restart.
 * @param base folder relative paths start from @throws when one cannot be read: shown as health and tried again
 */
export function readCredentials({ username, passwordFile, ca, cert, key }: BrokerLogin, base: string): Credentials {
  const read = (path: string): string => readFileSync(resolve(base, path), 'utf8');
  return {
    username,
    password: readSecret(passwordFile, base),
    tls: {
      ...(ca === undefined ? {} : { ca: read(ca) }),
      ...(cert === undefined ? {} : { cert: read(cert) }),
      ...(key === undefined ? {} : { key: read(key) }),
    },
  };
}

/**
 * The first line of a file that holds a secret, read anew each time: it can be put right without a restart.
 * @param base folder relative paths start from @throws when the file cannot be read: shown as health and tried again
 */
export function readSecret(path: string | undefined, base: string): string | undefined {
  return path === undefined ? undefined : readFileSync(resolve(base, path), 'utf8').split('\n')[0]?.trim();
}
