// Errors that speak to the person at the keyboard. Each code stands here once.

export type SimErrorCode =
  /** The scenario file cannot be read or has mistakes. */
  | 'SCENARIO_INVALID'
  /** A recorded series cannot be read or has a cell that is no number or time. */
  | 'SERIES_INVALID'
  /** A command-line option or a combination of options makes no sense. */
  | 'OPTION_INVALID'
  /** A serial line cannot be made: the link's place is taken, or socat refuses. */
  | 'LINE_FAILED';

export class SimError extends Error {
  readonly code: SimErrorCode;

  constructor(code: SimErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SimError';
    this.code = code;
  }
}
