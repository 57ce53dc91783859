import type { Request, Response } from 'express';
import express, { Router } from 'express';
import type { Caller } from '../../core/calls.js';
import { LinecardError } from '../../core/errors.js';
import type { BrowserAccess } from '../port.js';
import { HttpProblem, onlyMethods } from '../problem.js';
import type { SessionClaims } from '../session-token.js';
import type { Visitors } from '../visitors.js';
import { placeOf } from '../visitors.js';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
/** Chromium's offer is 3 KB. */
const MAX_BODY = '64kb';

type WebRtcRoutesOptions = { readonly browsers: BrowserAccess; readonly visitors: Visitors };
type CallParams = { agent: string; id: string };

/**
 * `/v1/webrtc`: WHIP (RFC 9725) with audio both ways. `POST /:agent` brings the offer and makes the call, `PATCH` on the call brings candidates or
 * restarts ICE, `DELETE` ends it. `GET /` tells a page which agents there are and which ICE servers to use.
 */
export function webRtcRoutes({ browsers, visitors }: WebRtcRoutesOptions): Router {
  const { desk } = browsers;
  const router = Router();
  router.use(visitors.cors);

  router
    .route('/')
    .get((request, response) => {
      const { claims } = visitors.admit(request);
      const only = claims?.agent ?? null;
      response.json({
        agents: desk.agents.filter((agent) => only === null || agent === only).map((name) => ({ name })),
        iceServers: browsers.iceServers(),
      });
    })
    .all(onlyMethods(['GET']));

  router
    .route('/:agent')
    .post(express.text({ type: SDP, limit: MAX_BODY, inflate: false }), async (request, response) => {
      const { claims } = visitors.admit(request);
      const { agent } = request.params;
      if (claims?.agent != null && claims.agent !== agent) {
        throw new HttpProblem(403, 'AGENT_NOT_ALLOWED', `this session token is for the agent "${claims.agent}"`);
      }
      const place = placeOf(request.ip ?? '');
      visitors.countOffer(place);
      const answer = await desk.call({
        agent,
        offer: bodyOf(request, SDP),
        reachedAt: request.socket.localAddress ?? '',
        address: place,
        caller: callerOf(claims),
        resumes: visitors.resumedCall(request),
      });
      const path = `${request.baseUrl}/${encodeURIComponent(agent)}/${answer.callId}`;
      response.status(201).set({
        Location: path,
        ETag: entityTag(answer.tag),
        'Linecard-Resume': visitors.resumeToken(answer.callId),
      });
      for (const server of browsers.iceServers()) response.append('Link', linksOf(server));
      response.type(SDP).send(answer.sdp);
    })
    .all(onlyMethods(['POST']));

  router
    .route('/:agent/:id')
    .patch(
      express.text({ type: FRAGMENT, limit: MAX_BODY, inflate: false }),
      async (request: Request<CallParams>, response: Response) => {
        visitors.admitToCall(request);
        const { id } = request.params;
        checkTag(request, desk.tagOf(id));
        const answer = await desk.fragment(id, bodyOf(request, FRAGMENT));
        if (answer === null) response.status(204).end();
        else
          response
            .set('ETag', entityTag(desk.tagOf(id)))
            .type(FRAGMENT)
            .send(answer);
      },
    )
    .delete(async (request: Request<CallParams>, response: Response) => {
      visitors.admitToCall(request);
      await desk.hangUp(request.params.id);
      response.status(200).end();
    })
    .all(onlyMethods(['PATCH', 'DELETE']));
  return router;
}

function bodyOf(request: Request | Request<CallParams>, type: string): string {
  const body = request.body as unknown;
  if (typeof body === 'string') return body;
  throw new HttpProblem(415, 'BODY_WRONG_TYPE', `this needs a body with the header "Content-Type: ${type}"`, {
    headers: { 'Accept-Post': SDP },
  });
}

/** RFC 9725 §4.3.1: a fragment names the ICE session that it is for, a restart says `*`. One that names none is for the present one. */
function checkTag(request: Request<CallParams>, tag: string): void {
  const wanted = request.headers['if-match'];
  if (wanted === undefined || wanted === '*' || wanted === entityTag(tag)) return;
  throw new HttpProblem(412, 'ICE_SESSION_OVER', 'ICE was restarted since; this fragment is for the session before');
}

function entityTag(tag: string): string {
  return `"${tag}"`;
}

/** RFC 9725 §4.4. */
function linksOf(server: ReturnType<BrowserAccess['iceServers']>[number]): string[] {
  const { urls, username, credential } = server;
  const secret =
    username === undefined || credential === undefined
      ? ''
      : `; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`;
  return urls.map((url) => `<${url}>; rel="ice-server"${secret}`);
}

/** A quoted-string (RFC 9110 §5.6.4). */
function quoted(text: string): string {
  if (!/^[\t\x20-\x7e]*$/.test(text))
    throw new LinecardError('CONFIG_INVALID', 'a TURN credential must be plain ASCII');
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

function callerOf(claims: SessionClaims | null): Caller {
  return { number: claims?.number ?? '', name: claims?.name ?? '' };
}
