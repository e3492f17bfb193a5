import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { dictionary } from './dictionary.ts';

test('the dictionary is part of the protocol: it stays what it is', () => {
  expect([dictionary.length, crc32(dictionary)]).toEqual([505, 3_925_896_316]);
});
