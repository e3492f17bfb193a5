// Answers of the HTTP server: every one carries the same security headers, every error is JSON.

import type { ServerResponse } from 'node:http';

/** The page is scripts and styles of its own origin and nothing else; nobody may frame it. */
const securityHeaders = {
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

export function respond(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...securityHeaders,
    'cache-control': 'no-store',
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

export function respondJson(response: ServerResponse, status: number, value: unknown): void {
  respond(response, status, 'application/json; charset=utf-8', JSON.stringify(value));
}

/** An answer that stays open. */
export function openStream(response: ServerResponse, type: string): void {
  response.writeHead(200, { ...securityHeaders, 'cache-control': 'no-store', 'content-type': type });
  response.flushHeaders();
}

/** Something the asker did wrong, or cannot have. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
