import type { Alarm, Clock } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';
import type { Logger } from '../../../core/logger.js';
import type { AgentCall, ToolDescription } from '../../port.js';
import { AgentSocket } from '../agent-socket.js';
import { AnswerWatch } from '../answer-watch.js';
import { Misunderstandings } from '../misunderstandings.js';
import type { ClientEvent, RealtimeVoice, ServerEvent } from './protocol.js';
import { historyItem, readServerEvent, sessionRequest } from './protocol.js';

/** From the open socket to a session that is as we want it. */
const READY_TIME_LIMIT_MS = 5000;
/** Sessions end after an hour (15 and 30 minutes with older models), where the server does not say when. */
const SESSION_LIMIT_MS = 55 * 60_000;
/** A new session is opened this long before the old one ends, so that there is a pause to change over in. */
const RENEW_BEFORE_MS = 120_000;
/** Shorter than this is no session to renew: a server whose clock is off must not make us renew in a circle. */
const MIN_RENEW_MS = 60_000;

export type RealtimeConnectionOptions = {
  readonly url: string;
  readonly apiKey: string;
  readonly voice: RealtimeVoice;
  readonly tools: readonly ToolDescription[];
  readonly listener: RealtimeConnectionListener;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What the owner of a connection is told. Nothing follows `failed`. */
export interface RealtimeConnectionListener {
  /** The session is configured and empty. */
  ready(): void;
  event(event: ServerEvent): void;
  /** The session's end is near: there should be a new one. */
  expiring(): void;
  /** The server has ended the session because of its age; everything else still stands. */
  expired(): void;
  /** AGENT_UNAVAILABLE: no session came about, or no quota is left. AGENT_FAILED: it broke. */
  failed(error: LinecardError): void;
}

/**
 * One session at a server that speaks the OpenAI Realtime protocol (GA): opened, configured, watched. Keeps the rule that one response is under way
 * at a time, and that the server answers in time.
 */
export class RealtimeConnection {
  readonly #options: RealtimeConnectionOptions;
  readonly #socket: AgentSocket;
  readonly #answer: AnswerWatch;
  readonly #misunderstandings: Misunderstandings;
  #state: 'opening' | 'configuring' | 'ready' | 'closed' = 'opening';
  #readyAlarm: Alarm | null = null;
  #renewAlarm: Alarm | null = null;
  /** The response under way: its id, `asked` before the server has named it, null when there is none. */
  #response: string | null = null;
  /** What to ask for when the one under way is done. */
  readonly #wanted: ClientEvent[] = [];
  /** What was asked for last. */
  #asked: ClientEvent | null = null;
  /** Who cancelled the response under way; it is over when the server says so. */
  #cancelled: 'nobody' | 'us' | 'server' = 'nobody';
  /** Responses that were cancelled: what still comes of them is not for the caller. */
  readonly #silenced = new Set<string>();
  inputTokens = 0;
  outputTokens = 0;

  constructor(options: RealtimeConnectionOptions) {
    this.#options = options;
    this.#answer = new AnswerWatch(options.clock, (error) => this.#failed(error));
    this.#misunderstandings = new Misunderstandings(options.log, (error) => this.#failed(error));
    this.#socket = new AgentSocket({
      url: options.url,
      headers: { Authorization: `Bearer ${options.apiKey}` },
      listener: {
        opened: () => this.#opened(),
        text: (message) => this.#message(message),
        binary: () => this.#misunderstandings.add('a binary message'),
        finished: (reason) => this.#failed(new LinecardError('AGENT_FAILED', `the server ended the session ${reason}`)),
        failed: (error) => this.#failed(error),
      },
      clock: options.clock,
    });
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  /** A response is under way or asked for. */
  get busy(): boolean {
    return this.#response !== null || this.#wanted.length > 0;
  }

  /** 20 ms frames of audio that the server did not take. */
  get dropped(): number {
    return this.#socket.dropped;
  }

  /** Tells the new session of what was said before. */
  seed(history: AgentCall['history']): void {
    for (const turn of history) this.send(historyItem(turn));
  }

  send(event: ClientEvent): void {
    if (this.#state === 'ready') this.#socket.send(JSON.stringify(event));
  }

  /** @param audio in the format of the session, in base64 */
  sendAudio(audio: string): void {
    if (this.#state === 'ready') this.#socket.sendMedia(`{"type":"input_audio_buffer.append","audio":"${audio}"}`);
  }

  /** Asks for a response, now or when the one under way is done. @param instructions in place of the session's own */
  requestResponse(instructions?: string): void {
    this.#wanted.push({
      type: 'response.create',
      ...(instructions === undefined ? {} : { response: { instructions } }),
    });
    this.#askNext();
  }

  /** Ends the response under way; what still comes of it is kept back. `server`: it has done so itself. */
  cancelResponse(by: 'us' | 'server'): void {
    const response = this.#response;
    this.#wanted.length = 0;
    if (response === null || this.#cancelled !== 'nobody') return;
    this.#cancelled = by;
    if (response !== ASKED) this.#silenced.add(response);
    if (by === 'us') this.send({ type: 'response.cancel' });
  }

  isSilenced(responseId: string): boolean {
    return this.#silenced.has(responseId);
  }

  /** Idempotent; nothing is told afterwards. */
  close(): void {
    this.#state = 'closed';
    this.#readyAlarm?.cancel();
    this.#renewAlarm?.cancel();
    this.#answer.close();
    this.#socket.close();
  }

  #opened(): void {
    this.#state = 'configuring';
    this.#readyAlarm = this.#options.clock.setAlarm(READY_TIME_LIMIT_MS, () => {
      this.#failed(new LinecardError('AGENT_UNAVAILABLE', `no session within ${READY_TIME_LIMIT_MS} ms`));
    });
  }

  #message(text: string): void {
    const event = readServerEvent(text);
    if (this.#state === 'closed' || event === 'other') return;
    if (event === 'nonsense') {
      this.#misunderstandings.add('a message that the protocol does not know');
      return;
    }
    switch (event.type) {
      case 'session.created':
        this.#created(event.session.expires_at);
        break;
      case 'session.updated':
        this.#updated();
        break;
      case 'input_audio_buffer.speech_started':
        this.#answer.stop();
        break;
      case 'input_audio_buffer.speech_stopped':
        this.#answer.expect();
        break;
      case 'response.created':
        this.#response = event.response.id ?? ASKED;
        if (this.#cancelled !== 'nobody') this.#silenced.add(this.#response);
        // The caller began to speak when this one was on its way: the server had nothing to cancel then.
        if (this.#cancelled === 'server') this.send({ type: 'response.cancel' });
        break;
      case 'response.done':
        this.#done(event.response);
        break;
      case 'response.output_audio.delta':
      case 'response.function_call_arguments.done':
        this.#answer.stop();
        break;
      case 'error':
        this.#error(event.error);
        break;
      default:
        break;
    }
    if (this.#isOpen()) this.#options.listener.event(event);
    if (event.type === 'response.done' && this.#isOpen()) this.#settle(event.response.id);
  }

  #created(expiresAt: number | undefined): void {
    const { voice, tools, clock } = this.#options;
    if (this.#state !== 'configuring') return;
    this.#socket.send(
      JSON.stringify({ type: 'session.update', session: sessionRequest(voice, tools) } satisfies ClientEvent),
    );
    const leftMs = expiresAt === undefined ? SESSION_LIMIT_MS : expiresAt * 1000 - clock.wallMs();
    const renewInMs = Math.min(Math.max(leftMs - RENEW_BEFORE_MS, MIN_RENEW_MS), SESSION_LIMIT_MS);
    this.#renewAlarm = clock.setAlarm(renewInMs, () => this.#options.listener.expiring());
  }

  #updated(): void {
    if (this.#state !== 'configuring') return;
    this.#state = 'ready';
    this.#readyAlarm?.cancel();
    this.#options.listener.ready();
    this.#askNext();
  }

  #done(response: Extract<ServerEvent, { readonly type: 'response.done' }>['response']): void {
    this.inputTokens += response.usage?.input_tokens ?? 0;
    this.outputTokens += response.usage?.output_tokens ?? 0;
    this.#answer.stop();
    this.#response = null;
    this.#cancelled = 'nobody';
    if (response.status === 'failed') {
      const { code, type } = response.status_details?.error ?? {};
      const why = code ?? type ?? 'no reason given';
      this.#failed(new LinecardError(quotaOf(why), `the model could not answer (${why})`));
    }
  }

  /** The owner has dealt with the response: the next one may begin. */
  #settle(responseId: string | undefined): void {
    if (responseId !== undefined) this.#silenced.delete(responseId);
    this.#askNext();
  }

  #askNext(): void {
    if (this.#state !== 'ready' || this.#response !== null) return;
    const next = this.#wanted.shift();
    if (next === undefined) return;
    this.#response = ASKED;
    this.#asked = next;
    this.send(next);
    this.#answer.expect();
  }

  #error(error: Extract<ServerEvent, { readonly type: 'error' }>['error']): void {
    const { type, message } = error;
    const code = error.code ?? '';
    if (code === 'session_expired') {
      this.#options.listener.expired();
      return;
    }
    const harmless = this.#state === 'ready' && type === 'invalid_request_error' && quotaOf(code) === 'AGENT_FAILED';
    if (!harmless) {
      const kind = this.#state === 'ready' ? quotaOf(code || type) : 'AGENT_UNAVAILABLE';
      this.#failed(new LinecardError(kind, `the server says: ${message}`));
      return;
    }
    // The server began a response of its own in the same moment: ours comes after it.
    if (code === 'conversation_already_has_active_response' && this.#asked !== null) {
      this.#wanted.unshift(this.#asked);
      this.#asked = null;
    }
    if (!RACES.has(code)) this.#misunderstandings.add(`${code || type}: ${message}`);
  }

  #failed(error: LinecardError): void {
    if (this.#state === 'closed') return;
    this.close();
    this.#options.listener.failed(error);
  }

  #isOpen(): boolean {
    return this.#state !== 'closed';
  }
}

/** What was true when we sent it and is no more when it arrives. */
const RACES: ReadonlySet<string> = new Set(['conversation_already_has_active_response', 'response_cancel_not_active']);

/** Stands for the id of a response that the server has not named. */
const ASKED = 'asked';

/** Too many requests and an empty account: another try now brings nothing, another agent may. */
function quotaOf(code: string): 'AGENT_UNAVAILABLE' | 'AGENT_FAILED' {
  return /rate_limit|quota|billing|api_key|authentication|permission/.test(code) ? 'AGENT_UNAVAILABLE' : 'AGENT_FAILED';
}
