// Every query of every dashboard, asked of a real InfluxDB that holds a few points of each measurement.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { all } from './all.ts';
import { allValue, expandQuery } from './expand-query.ts';
import { factorySignals, wearableSignals } from './measurements.ts';
import { queriesOf } from './queries-of.ts';
import type { Influxd } from './testing/influxd.ts';
import { influxdInstalled, startInfluxd } from './testing/influxd.ts';

const from = 1_700_000_000_000;
const to = from + 60_000;
const everything = { gateway: [allValue], device: [allValue], window: '10s' };

describe.skipIf(!influxdInstalled)('with a real influxd (skipped where it is not installed)', () => {
  let influxd: Influxd;

  beforeAll(async () => {
    influxd = await startInfluxd();
    await influxd.query('', 'CREATE DATABASE "weir"');
    await influxd.write('weir', points());
  });

  afterAll(() => influxd[Symbol.asyncDispose]());

  describe.each(all)('$fileName', ({ dashboard }) => {
    test.each(queriesOf(dashboard))('$kind "$title" finds rows', async ({ query }) => {
      const series = await influxd.query(
        'weir',
        expandQuery(query, { from, to, interval: '10s', variables: everything }),
      );
      expect(series.flatMap(({ values }) => values)).not.toEqual([]);
    });
  });

  test('a choice of gateways leaves the others out', async () => {
    const variables = { ...everything, gateway: ['line-1', 'a/b (c)'] };
    const query =
      'SELECT last("up") FROM "gateways" WHERE $timeFilter AND "gateway" =~ /^$gateway$/ GROUP BY "gateway"';
    const series = await influxd.query('weir', expandQuery(query, { from, to, interval: '10s', variables }));
    expect(series).toMatchObject([{ tags: { gateway: 'a/b (c)' } }, { tags: { gateway: 'line-1' } }]);
  });

  test('an unbalanced ledger shows on the fleet as readings unaccounted for', async () => {
    const queries = all.flatMap(({ dashboard }) => queriesOf(dashboard));
    const unaccounted = queries.find(({ title }) => title === 'Unaccounted')?.query ?? '';
    const query = expandQuery(unaccounted, { from, to, interval: '10s', variables: everything });
    const balance = async (): Promise<unknown> => (await influxd.query('weir', query))[0]?.values[0]?.[1];
    expect(await balance()).toBe(0);
    await influxd.write('weir', [
      `gateways,gateway=line-2 up=1i,taken=107i,stored=90i,open=4i,pending=3i,lost=3i ${to}`,
    ]);
    expect(await balance()).toBe(7);
  });
});

function points(): string[] {
  const times = Array.from({ length: 6 }, (_, index) => from + index * 10_000);
  return times.flatMap((time) => [...panes(time), ...system(time)]);
}

function panes(time: number): string[] {
  const fields = 'count=10i,mean=21.5,min=20,max=23,stddev=0.5,p50=21.4,p95=22.9,p99=23,revision=1i';
  return [...factorySignals, ...wearableSignals].flatMap((signal) =>
    ['a', 'b'].map((device) => `${signal},gateway=line-1,device=${device},window=10s ${fields} ${time}`),
  );
}

function system(time: number): string[] {
  const ledger = 'taken=100i,stored=90i,open=4i,pending=3i,lost=3i,lost_malformed=2i,lost_too_late=1i';
  const load = 'outbox_bytes=4096i,memory_bytes=80000000i,readings_per_second=12.5,sources_up=3i,sources_down=0i';
  const gateways = ['line-1', 'line-2', String.raw`a/b\ (c)`];
  const alerts = ['temperature', 'heart_rate'].flatMap((signal) => [
    `alerts,gateway=line-1,device=a,signal=${signal},rule=too_hot,severity=critical state="firing",firing=1i,value=35 ${time}`,
    `alerts,gateway=line-1,device=a,signal=${signal},rule=too_hot,severity=critical state="cleared",firing=0i ${time + 5_000}`,
  ]);
  return [...gateways.map((gateway) => `gateways,gateway=${gateway} up=1i,${ledger},${load} ${time}`), ...alerts];
}
