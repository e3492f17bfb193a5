import { expect, test } from 'vitest';
import { staleFiles } from './generate.ts';

test('the wire code that is committed is what weir.proto generates', () => {
  expect(staleFiles(), 'run: npm run generate').toStrictEqual([]);
});
