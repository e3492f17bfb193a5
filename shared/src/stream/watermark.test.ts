import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Watermark } from './watermark.ts';

test('the watermark trails the newest event time and never goes back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.nat(), (times, disorderMs) => {
      const watermark = new Watermark(disorderMs);
      expect(watermark.time).toBe(-Infinity);
      let newest = -Infinity;
      for (const time of times) {
        watermark.observe(time);
        newest = Math.max(newest, time);
        expect(watermark.time).toBe(newest - disorderMs);
      }
    }),
  );
});

test('lifting moves the watermark forward only, and survives being restored', () => {
  const watermark = new Watermark(100);
  watermark.observe(1000);
  watermark.liftTo(500);
  expect(watermark.time).toBe(900);
  watermark.liftTo(2000);
  watermark.liftTo(1500);
  expect(watermark.time).toBe(2000);
  const restored = new Watermark(100);
  restored.restore(...watermark.state());
  expect(restored.time).toBe(2000);
  restored.observe(2200);
  expect(restored.time).toBe(2100);
});
