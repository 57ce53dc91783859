import type { RequestHandler } from 'express';
import { Router } from 'express';
import type { CallRecord } from '../../core/calls.js';
import { LinecardError } from '../../core/errors.js';
import type { BodyField } from '../body.js';
import { bodyText, bodyWord, readBody } from '../body.js';
import { readLimit } from '../limit.js';
import type { ApiOptions } from '../port.js';
import { callJson } from '../present.js';
import { onlyMethods } from '../problem.js';

const digits: BodyField<string> = {
  what: '1 to 64 digits of 0-9 * # A-D',
  read: (value) => (typeof value === 'string' && /^[0-9*#A-Da-d]{1,64}$/.test(value) ? value.toUpperCase() : null),
};

const phone: BodyField<string> = {
  what: 'the extension of a phone: 1 to 64 of digits, letters and * # + _ . -',
  read: (value) => (typeof value === 'string' && /^[0-9A-Za-z*#+_.-]{1,64}$/.test(value) ? value : null),
  // Words for the agent need no phone.
  fallback: '',
};

type CallRoutesOptions = Pick<ApiOptions, 'calls' | 'actions' | 'history'>;

/** `/v1/calls` and what can be done to a call. The events of a call are a route of their own. */
export function callRoutes(options: CallRoutesOptions): Router {
  const { calls, actions, history } = options;
  const router = Router();

  router
    .route('/')
    .get((request, response) => {
      const live = [...calls.list()].reverse();
      // A call that ends right now may be in both.
      const liveIds = new Set(live.map((call) => call.id));
      const ended = history.ended().filter((call) => !liveIds.has(call.id));
      ended.length = Math.min(ended.length, readLimit(request));
      response.json({ calls: [...live, ...ended].map((call) => callJson(call)) });
    })
    .all(onlyMethods(['GET']));

  router
    .route('/:id')
    .get((request, response) => {
      const call = findCall(options, request.params.id);
      response.json(callJson(call, calls.legReport(call.id)));
    })
    .all(onlyMethods(['GET']));

  const command = (name: string, run: (id: string, body: unknown) => Promise<void>): void => {
    router
      .route(`/:id/${name}`)
      .post(commandHandler(options, run))
      .all(onlyMethods(['POST']));
  };

  command('transfer', async (id, body) => {
    const { to, mode, summary } = readBody(body, {
      to: bodyText(100),
      mode: bodyWord(['blind', 'warm', 'conference', 'default'], 'default'),
      summary: { ...bodyText(2000), fallback: '' },
    });
    await actions.transfer(id, to, { mode, summary });
  });
  command('hold', async (id, body) => {
    readBody(body, {});
    await actions.hold(id);
  });
  command('resume', async (id, body) => {
    readBody(body, {});
    await actions.resume(id);
  });
  command('hangup', async (id, body) => {
    readBody(body, {});
    await actions.hangUp(id);
  });
  command('dtmf', async (id, body) => {
    await actions.sendDigits(id, readBody(body, { digits }).digits);
  });
  command('say', async (id, body) => {
    await actions.say(id, readBody(body, { text: bodyText(2000) }).text);
  });
  command('supervise', async (id, body) => {
    const { endpoint, mode, text } = readBody(body, {
      endpoint: phone,
      mode: bodyWord(['listen', 'whisper', 'join', 'takeover'], 'listen'),
      text: { ...bodyText(2000), fallback: '' },
    });
    if (text !== '' && mode !== 'whisper') {
      throw new LinecardError('REQUEST_INVALID', '"text" is for the agent alone: it goes with "mode": "whisper"');
    }
    if (endpoint === '' && text === '') {
      throw new LinecardError('REQUEST_INVALID', '"endpoint" is missing; it must be the extension of a phone');
    }
    await actions.supervise(id, endpoint === '' ? null : endpoint, mode, text);
  });
  return router;
}

/** A live call, or one of late; throws CALL_UNKNOWN. */
function findCall(options: CallRoutesOptions, id: string): CallRecord {
  const call = options.calls.get(id) ?? options.history.get(id);
  if (call === null) throw new LinecardError('CALL_UNKNOWN', 'no live call and no call of late has this id');
  return call;
}

/** Runs a command on a live call and answers with the call as it is then. */
function commandHandler(
  options: CallRoutesOptions,
  run: (id: string, body: unknown) => Promise<void>,
): RequestHandler<{ id: string }> {
  return async (request, response) => {
    const call = findCall(options, request.params.id);
    if (call.state === 'ended') throw new LinecardError('CALL_STATE', 'the call has ended');
    await run(call.id, request.body);
    const after = options.calls.get(call.id) ?? options.history.get(call.id) ?? call;
    response.json(callJson(after));
  };
}
