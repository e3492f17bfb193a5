// `host:port` as people write it.

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** IPv6 hosts stand in brackets. Port 0 lets the system choose. @returns undefined when the text is no host:port */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}
