import { assertNever } from '../../core/assert-never.js';
import type { HangUpCause } from '../port.js';

/** FreeSWITCH's names of Q.850 causes; a phone's "decline" (SIP 603, or 486 by its button) is told apart by who refused. */
export function causeOf(name: string | undefined, disposition: string | undefined): HangUpCause {
  switch (name) {
    case undefined:
    case 'NORMAL_CLEARING':
    case 'NORMAL_UNSPECIFIED':
    case 'MANAGER_REQUEST':
      return 'normal';
    case 'USER_BUSY':
      return disposition === 'recv_refuse' ? 'declined' : 'busy';
    case 'CALL_REJECTED':
      return 'declined';
    case 'NO_ANSWER':
    case 'NO_USER_RESPONSE':
    case 'ALLOTTED_TIMEOUT':
      return 'noAnswer';
    case 'ORIGINATOR_CANCEL':
      return 'cancelled';
    case 'USER_NOT_REGISTERED':
    case 'SUBSCRIBER_ABSENT':
    case 'DESTINATION_OUT_OF_ORDER':
    case 'UNALLOCATED_NUMBER':
    case 'NO_ROUTE_DESTINATION':
      return 'unreachable';
    default:
      return 'failed';
  }
}

/** What `uuid_kill` takes. */
export function nameOf(cause: HangUpCause): string {
  switch (cause) {
    case 'normal':
      return 'NORMAL_CLEARING';
    case 'busy':
      return 'USER_BUSY';
    case 'noAnswer':
      return 'NO_ANSWER';
    case 'declined':
      return 'CALL_REJECTED';
    case 'unreachable':
      return 'NO_ROUTE_DESTINATION';
    case 'cancelled':
      return 'ORIGINATOR_CANCEL';
    case 'lost':
    case 'failed':
      return 'NORMAL_TEMPORARY_FAILURE';
    default:
      return assertNever(cause);
  }
}
