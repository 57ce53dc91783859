/** Who has to act so that it does not happen again. */
export type Fault = 'none' | 'caller' | 'pbx' | 'provider' | 'config' | 'bug';

type ErrorRow = { readonly fault: Exclude<Fault, 'none'>; readonly retryable: boolean };

/**
 * Every error Linecard raises on purpose: the code is stable and is what logs, metrics and API clients match on.
 * Busy, no answer and declined are not here: they are values.
 */
export const ERRORS = {
  CONFIG_INVALID: { fault: 'config', retryable: false },
  PORT_IN_USE: { fault: 'config', retryable: false },
  AGENT_UNKNOWN: { fault: 'config', retryable: false },
  EXTENSION_UNKNOWN: { fault: 'config', retryable: false },
  DESTINATION_UNKNOWN: { fault: 'config', retryable: false },
  SCHEDULE_UNKNOWN: { fault: 'caller', retryable: false },
  DESTINATION_CLOSED: { fault: 'caller', retryable: true },
  PBX_UNREACHABLE: { fault: 'pbx', retryable: true },
  PBX_REFUSED: { fault: 'pbx', retryable: false },
  PBX_TIMEOUT: { fault: 'pbx', retryable: true },
  PBX_UNSUPPORTED: { fault: 'pbx', retryable: false },
  CHANNEL_GONE: { fault: 'caller', retryable: false },
  MEDIA_TIMEOUT: { fault: 'pbx', retryable: true },
  MEDIA_PROTOCOL: { fault: 'pbx', retryable: false },
  MEDIA_FULL: { fault: 'config', retryable: true },
  MEDIA_THREAD_LOST: { fault: 'bug', retryable: true },
  AGENT_FAILED: { fault: 'provider', retryable: true },
  AGENT_UNAVAILABLE: { fault: 'provider', retryable: true },
  TOOL_FAILED: { fault: 'provider', retryable: false },
  TOOL_TIMEOUT: { fault: 'provider', retryable: true },
  STORAGE_FAILED: { fault: 'config', retryable: true },
  CALL_UNKNOWN: { fault: 'caller', retryable: false },
  CALL_STATE: { fault: 'caller', retryable: false },
  CALLER_LIMIT: { fault: 'caller', retryable: true },
  REQUEST_INVALID: { fault: 'caller', retryable: false },
  INVARIANT: { fault: 'bug', retryable: false },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** An error of a known kind. `message` names the thing, what is allowed and the fix; `cause` keeps the foreign error. */
export class LinecardError extends Error {
  override readonly name = 'LinecardError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get fault(): Exclude<Fault, 'none'> {
    return ERRORS[this.code].fault;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** What was thrown, as one of ours; anything foreign that reaches this point is a bug of ours. */
export function toLinecardError(thrown: unknown, code: ErrorCode = 'INVARIANT'): LinecardError {
  if (thrown instanceof LinecardError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new LinecardError(code, message, { cause: thrown });
}
