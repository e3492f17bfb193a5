// CSV lines without quoting, as boards print them: `1760000000000,61.2,18.4`. The columns are named in the gateway file; a
// column called `-` is passed over. An empty field is no reading: the board had nothing to say.

import { textDecoder, type Format } from './format.ts';
import { parseTime } from './time-field.ts';

export const csv: Format = {
  framings: ['lines', 'cobs', 'slip'],
  prepare({ columns = [], separator = ',', time: timeColumn, timeUnit = 'ms' }) {
    const timeAt = timeColumn === undefined ? -1 : columns.indexOf(timeColumn);
    return textDecoder((line, device, batch) => {
      const fields = line.split(separator);
      if (fields.length !== columns.length) {
        batch.dead('malformed', device, `${fields.length} fields instead of ${columns.length}`, line);
        return;
      }
      const time = timeColumn === undefined ? batch.arrival : parseTime(fields[timeAt]?.trim(), timeUnit);
      if (!Number.isFinite(time)) {
        batch.dead('bad_time', device, `column "${timeColumn}" holds no event time`, line);
        return;
      }
      for (const [index, column] of columns.entries()) {
        const field = fields[index]?.trim() ?? '';
        if (column === '-' || index === timeAt || field === '' || !batch.takes(column)) continue;
        batch.text(device, column, time, field, line);
      }
    });
  },
};
