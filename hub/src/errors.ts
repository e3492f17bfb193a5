// Errors for the person who must act. Each has a code that documentation and scripts can name.

export const hubErrorCodes = {
  WEIR_HUB_CONFIG: 'hub.yaml has mistakes',
  WEIR_HUB_DATA: 'the data folder cannot be used',
  WEIR_HUB_LISTEN: 'an address cannot be listened on',
  WEIR_HUB_QUARANTINE: 'a row of the quarantine cannot be retried or dropped',
  WEIR_HUB_ALERT: 'an operation on alarms cannot be ordered',
  WEIR_HUB_RAW: 'raw readings cannot be asked for',
  WEIR_HUB_GATEWAY: 'a gateway cannot be added or removed',
} as const;

export type HubErrorCode = keyof typeof hubErrorCodes;

export class HubError extends Error {
  override readonly name = 'HubError';
  readonly code: HubErrorCode;

  constructor(code: HubErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
