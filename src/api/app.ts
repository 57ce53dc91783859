import type { Express, RequestHandler } from 'express';
import express, { Router } from 'express';
import { AgentSockets } from './agent-sockets.js';
import type { TrustsProxy } from './client-address.js';
import { bearer } from './token.js';
import { pageRoutes } from './page.js';
import type { ApiOptions, BrowserAccess } from './port.js';
import { notFound, problemHandler } from './problem.js';
import { callRoutes } from './routes/calls.js';
import { EventStreams } from './routes/events.js';
import { healthRoutes, metricsRoute } from './routes/health.js';
import { callBackRoutes, messageRoutes } from './routes/messages.js';
import { recordingRoutes } from './routes/recordings.js';
import { scheduleRoutes } from './routes/schedules.js';
import { sessionTokenRoutes } from './routes/session-tokens.js';
import { webRtcRoutes } from './routes/webrtc.js';
import { SessionTokens } from './session-token.js';
import { Visitors } from './visitors.js';

/** The largest body is a text to say (2,000 characters, up to six bytes each as JSON). */
const MAX_BODY = '16kb';

/** The routes, and how their open streams are ended. */
export type Api = {
  readonly app: Express;
  readonly upgrade: AgentSockets['upgrade'];
  readonly closeStreams: () => void;
};

/** The HTTP side of Linecard, without a server. */
export function createApi(options: ApiOptions): Api {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', [...options.proxies]);
  app.use(securityHeaders);

  app.use(healthRoutes(options));
  app.use(pageRoutes());

  const tokens = new SessionTokens(options.token);
  if (options.browsers !== null) app.use('/v1/webrtc', browserRoutes(options, options.browsers, tokens));

  const streams = new EventStreams(options);
  const behindToken = Router();
  behindToken.use(express.json({ limit: MAX_BODY, inflate: false }));
  behindToken.use('/calls', streams.routes(), callRoutes(options));
  const { agents } = options.sockets;
  behindToken.use('/session-tokens', sessionTokenRoutes({ tokens, agents, clock: options.clock }));
  behindToken.use('/messages', messageRoutes(options.messages));
  behindToken.use('/callbacks', callBackRoutes(options.messages));
  behindToken.use('/recordings', recordingRoutes(options.recordings));
  behindToken.use('/schedules', scheduleRoutes(options.schedules));

  const authorized = bearer(options.token);
  app.use('/v1', authorized, behindToken);
  app.use('/metrics', authorized);
  app.use(metricsRoute(options.metrics));

  app.use(notFound);
  app.use(problemHandler(options.log));
  const { sockets: desk, token: apiToken, clock, log } = options;
  const trustsProxy = app.get('trust proxy fn') as TrustsProxy;
  const sockets = new AgentSockets({ desk, tokens, apiToken, trustsProxy, clock, log });
  const closeStreams = (): void => {
    streams.close();
    sockets.close();
  };
  return { app, upgrade: sockets.upgrade, closeStreams };
}

function browserRoutes(options: ApiOptions, browsers: BrowserAccess, tokens: SessionTokens): Router {
  const { origins, sessionTokens } = browsers;
  const visitors = new Visitors({ origins, sessionTokens, tokens, apiToken: options.token, clock: options.clock });
  return webRtcRoutes({ browsers, visitors });
}

/** For every answer; the page has a policy of its own. */
const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  });
  next();
};
