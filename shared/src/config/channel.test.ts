import { expect, test } from 'vitest';
import { parseChannel } from './channel.ts';

test('the source is what stands before the first dot; a channel may hold dots itself', () => {
  expect(parseChannel('oven.temp')).toStrictEqual({ source: 'oven', channel: 'temp' });
  expect(parseChannel('oven.zone.1.temp')).toStrictEqual({ source: 'oven', channel: 'zone.1.temp' });
});
