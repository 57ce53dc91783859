import { Router } from 'express';
import type { Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { BodyField } from '../body.js';
import { bodyText, readBody } from '../body.js';
import { onlyMethods } from '../problem.js';
import type { SessionTokens } from '../session-token.js';

const DEFAULT_SECONDS = 120;
const MAX_SECONDS = 3600;

const seconds: BodyField<number> = {
  what: `a whole number of seconds from 1 to ${MAX_SECONDS}`,
  read: (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_SECONDS ? value : null,
  fallback: DEFAULT_SECONDS,
};

type SessionTokenRoutesOptions = {
  readonly tokens: SessionTokens;
  readonly agents: readonly string[];
  readonly clock: Clock;
};

/** `POST /v1/session-tokens`: a site's server lets one visitor call. */
export function sessionTokenRoutes({ tokens, agents, clock }: SessionTokenRoutesOptions): Router {
  const router = Router();
  router
    .route('/')
    .post((request, response) => {
      const fields = readBody(request.body ?? {}, {
        agent: { ...bodyText(100), fallback: '' },
        name: { ...bodyText(100), fallback: '' },
        number: { ...bodyText(50), fallback: '' },
        seconds,
      });
      const { agent, name, number } = fields;
      if (agent !== '' && !agents.includes(agent)) {
        throw new LinecardError('AGENT_UNKNOWN', `there is no agent "${agent}"`);
      }
      const expiresAtMs = clock.wallMs() + fields.seconds * 1000;
      const token = tokens.issue({ agent: agent === '' ? null : agent, name, number, expiresAtMs });
      response.status(201).json({ token, expiresAt: new Date(expiresAtMs).toISOString() });
    })
    .all(onlyMethods(['POST']));
  return router;
}
