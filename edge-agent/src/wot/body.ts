// The body of an HTTP answer, within bounds: whoever answers decides how long it is.

/** @throws when it is longer than allowed */
export async function bodyOf(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`${response.url} answers with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What an answer says that is no success, for the person who must act. The answer is let go. */
export async function refusalOf(response: Response): Promise<Error> {
  await response.body?.cancel();
  const hint = response.status === 401 || response.status === 403 ? '; see username, passwordFile and tokenFile' : '';
  return new Error(`${response.url} answers ${response.status} ${response.statusText}${hint}`);
}
