import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EventStream } from './event-stream.ts';

function read(pieces: readonly string[]): string[] {
  const events: string[] = [];
  const stream = new EventStream(1000, (data) => events.push(data));
  for (const piece of pieces) stream.push(piece);
  return events;
}

it('gives the data of each event, wherever the stream is cut', () => {
  const text =
    ': hello\n\ndata: 1\n\nevent: x\r\nid: 7\r\ndata:2\r\n\r\ndata: {\ndata: }\n\nretry: 5\n\ndata\n\ndata: lost';
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
      expect(read(pieces)).toEqual(['1', '2', '{\n}', '']);
    }),
  );
});

it('takes no event that is too long', () => {
  expect(() => read(['data: '.padEnd(2000, 'x')])).toThrow('more than 1000 characters');
  expect(() => read(Array.from({ length: 200 }, () => 'data: 123456789\n'))).toThrow('more than 1000 characters');
});
