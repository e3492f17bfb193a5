// Asks a real InfluxDB 1.x, as Grafana does.

import * as z from 'zod';

const answerSchema = z.object({
  results: z.array(
    z.object({
      error: z.string().optional(),
      series: z
        .array(
          z.object({
            name: z.string(),
            columns: z.array(z.string()),
            values: z.array(z.array(z.unknown())).default([]),
          }),
        )
        .default([]),
    }),
  ),
});

/** @returns the rows of all series @throws with the database's own words when it refuses the query */
export async function influxRows(url: string, database: string, query: string): Promise<unknown[][]> {
  const parameters = new URLSearchParams({ db: database, epoch: 'ms', q: query });
  const response = await fetch(`${url}/query?${parameters}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${query}\n${text}`);
  const { results } = answerSchema.parse(JSON.parse(text));
  const error = results.find((result) => result.error !== undefined)?.error;
  if (error !== undefined) throw new Error(`${query}\n${error}`);
  return results.flatMap(({ series }) => series.flatMap(({ values }) => values));
}
