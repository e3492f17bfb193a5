// One line an event on standard error: time, level, message, then fields as key=value. systemd keeps it.

export type Fields = Readonly<Record<string, string | number | boolean>>;

export interface Logger {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
}

export function stderrLogger(now: () => number): Logger {
  const write = (level: string, message: string, fields: Fields = {}): void => {
    const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${quoted(String(value))}`);
    process.stderr.write(`${new Date(now()).toISOString()} ${level} ${message}${pairs.join('')}\n`);
  };
  return {
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
  };
}

export const silentLogger: Logger = { info: () => undefined, warn: () => undefined };

function quoted(text: string): string {
  return /^[\w./:@\u00b0%+-]+$/.test(text) ? text : JSON.stringify(text);
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
