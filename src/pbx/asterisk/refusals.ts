import { LinecardError } from '../../core/errors.js';
import { AriRefusal } from './ari-library.js';

/** A connection that was refused, in words that say what to change. */
export function explainRefusal(
  thrown: unknown,
  where: { readonly url: string; readonly username: string },
): LinecardError {
  if (thrown instanceof LinecardError) return thrown;
  if (thrown instanceof AriRefusal) {
    switch (thrown.status) {
      case 401:
        return new LinecardError(
          'PBX_REFUSED',
          `ARI at ${where.url} does not accept user "${where.username}" with this password: make ari.username and ari.password the same as in ari.conf of the PBX`,
          { cause: thrown },
        );
      case 403:
        return new LinecardError(
          'PBX_REFUSED',
          `ARI at ${where.url} does not permit this to user "${where.username}": check ari.conf and the allowed addresses of the PBX`,
          { cause: thrown },
        );
      case 404:
        return new LinecardError(
          'PBX_REFUSED',
          `there is no ARI at ${where.url}: set enabled = yes in ari.conf, and load res_ari and its modules`,
          { cause: thrown },
        );
      default:
        return refused(thrown, `ARI at ${where.url} refused to connect us`);
    }
  }
  return new LinecardError('INVARIANT', `connecting to ARI failed: ${String(thrown)}`, { cause: thrown });
}

/** A command that was refused. What the status means for the channel was looked at before. */
export function refused(thrown: unknown, what: string): LinecardError {
  if (thrown instanceof LinecardError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  // 503: it is starting or stopping.
  const code = thrown instanceof AriRefusal && thrown.status === 503 ? 'PBX_UNREACHABLE' : 'PBX_REFUSED';
  return new LinecardError(code, `${what}: the PBX answered ${message}`, { cause: thrown });
}
