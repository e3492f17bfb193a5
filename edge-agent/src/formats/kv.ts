// key=value: `t=1760000000000 temp=31.4 rh=44`, as many boards log. Pairs are separated by white space, commas or
// semicolons, a key from its value by `=` or `:`. Pairs no signal takes are passed over, and so are words without a value
// (a log level, a tag); a line without a single pair is malformed.

import { textDecoder, type Format } from './format.ts';
import { parseTime } from './time-field.ts';

export const kv: Format = {
  framings: ['lines', 'cobs', 'slip'],
  prepare({ time: timeKey, timeUnit = 'ms' }) {
    return textDecoder((line, device, batch) => {
      const pairs = new Map<string, string>();
      for (const word of line.split(/[\s,;]+/)) {
        const at = word.search(/[=:]/);
        if (at > 0) pairs.set(word.slice(0, at), word.slice(at + 1));
      }
      if (pairs.size === 0) {
        batch.dead('malformed', device, 'no key=value in the line', line);
        return;
      }
      const time = timeKey === undefined ? batch.arrival : parseTime(pairs.get(timeKey), timeUnit);
      if (!Number.isFinite(time)) {
        batch.dead('bad_time', device, `"${timeKey}" holds no event time`, line);
        return;
      }
      let taken = 0;
      for (const [key, text] of pairs) {
        if (key === timeKey || !batch.takes(key)) continue;
        taken += 1;
        if (text !== '') batch.text(device, key, time, text, line);
      }
      const names = [...pairs.keys()].slice(0, 8).join(', ');
      if (taken === 0) batch.dead('unmapped', device, `no signal takes any of: ${names}`, line);
    });
  },
};
