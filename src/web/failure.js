/**
 * Why a call did not come about, or ended. The code is stable, for programs; the words are for the visitor.
 * @typedef {'insecure' | 'microphone-refused' | 'microphone-missing' | 'microphone-busy' | 'microphone-lost' | 'microphone-taken' | 'unreachable' | 'refused' | 'unknown-agent' | 'busy' | 'no-way' |
 *   'no-relay' | 'lost' | 'failed'} FailureCode
 */

/** @type {Readonly<Record<FailureCode, string>>} */
export const FAILURE_WORDS = {
  insecure: 'Calls need a secure page: open this site by https.',
  'microphone-refused': 'The microphone is not allowed. Allow it beside the address of this page, then call again.',
  'microphone-missing': 'No microphone was found. Connect one, then call again.',
  'microphone-busy': 'The microphone is in use by another program. Close it, then call again.',
  'microphone-lost': 'The microphone was disconnected: nobody hears you. Connect one, and the call goes on with it.',
  'microphone-taken':
    'The microphone was taken away by a telephone call or another program: nobody hears you until it is free.',
  unreachable: 'The service cannot be reached. Check your connection, then call again.',
  refused: 'This page may not make calls.',
  'unknown-agent': 'There is nobody of this name to call.',
  busy: 'All lines are busy. Try again in a moment.',
  'no-way': 'No way was found through this network for sound. A firewall may be in the way: try another network.',
  'no-relay':
    'The relay that calls of this site go through does not answer. Try again in a moment, or another network.',
  lost: 'The connection was lost and could not be made again.',
  failed: 'The call could not be made.',
};

/** A failure in words that a visitor understands. */
export class CallFailure extends Error {
  /**
   * @param {FailureCode} code
   * @param {string} [detail] for developers
   */
  constructor(code, detail) {
    super(FAILURE_WORDS[code]);
    this.name = 'CallFailure';
    this.code = code;
    this.detail = detail ?? '';
  }
}

/**
 * What getUserMedia threw (Media Capture and Streams, "getUserMedia").
 * @param {unknown} thrown
 */
export function microphoneFailure(thrown) {
  const name = thrown instanceof Error ? thrown.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return new CallFailure('microphone-refused', name);
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return new CallFailure('microphone-missing', name);
  if (name === 'NotReadableError' || name === 'AbortError') return new CallFailure('microphone-busy', name);
  return new CallFailure('failed', String(thrown));
}

/**
 * What the bridge answered instead of an answer.
 * @param {Response} response
 */
export async function answerFailure(response) {
  const detail = await response.text().catch(() => '');
  switch (response.status) {
    case 401:
    case 403:
      return new CallFailure('refused', detail);
    case 404:
      return new CallFailure('unknown-agent', detail);
    case 429:
    case 503:
      return new CallFailure('busy', detail);
    // The bridge asked its relay, which let it wait or did not want it.
    case 504:
      return new CallFailure('no-relay', detail);
    default:
      return new CallFailure('failed', detail);
  }
}
