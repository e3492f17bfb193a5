// Requests on a line of bytes are found however they come, and in whatever noise.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtuRequests, rtuFrame } from './rtu.ts';

/** "Read holding registers 0 and 1 of slave 17", with the check that the specification's appendix gives such a frame. */
const request = Buffer.from('110300000002c69b', 'hex');

describe('requests in Modbus RTU', () => {
  it('are the frames whose check is right', () => {
    expect(new RtuRequests().push(request)).toEqual([{ unit: 17, pdu: Buffer.from('0300000002', 'hex') }]);
    expect(rtuFrame({ unit: 17, pdu: Buffer.from('0300000002', 'hex') }, false)).toEqual(request);
    expect(new RtuRequests().push(rtuFrame({ unit: 17, pdu: Buffer.from('0300000002', 'hex') }, true))).toEqual([]);
  });

  it('are found in pieces, and behind noise', () => {
    const noise = fc.uint8Array({ maxLength: 30 });
    fc.assert(
      fc.property(noise, fc.nat(100), (before, cut) => {
        const stream = Buffer.concat([before, request, request]);
        const at = cut % stream.length;
        const requests = new RtuRequests();
        const found = [...requests.push(stream.subarray(0, at)), ...requests.push(stream.subarray(at))];
        // Noise that looks like the beginning of a long request waits for the rest of it.
        const rest = requests.push(Buffer.alloc(300));
        expect([...found, ...rest].filter(({ unit }) => unit === 17).length).toBeGreaterThanOrEqual(2);
      }),
    );
  });

  it('with several registers to write are as long as they say', () => {
    const frame = rtuFrame({ unit: 1, pdu: Buffer.from('1000010002040a0b0c0d', 'hex') }, false);
    expect(new RtuRequests().push(Buffer.concat([frame, request]))).toHaveLength(2);
  });
});
