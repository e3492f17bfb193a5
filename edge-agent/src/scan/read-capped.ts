// Fetches a page, up to a length: whoever answers there may be anybody.

const mostBytes = 1024 * 1024;

/** @throws when it cannot be fetched, or is longer */
export async function readCapped(url: string, timeoutMs: number): Promise<string> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(timeoutMs),
    headers: { accept: 'application/td+json, application/json' },
  });
  if (!response.ok) throw new Error(`${url} answers ${response.status} ${response.statusText}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error(`${url} says more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
