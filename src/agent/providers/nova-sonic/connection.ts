import type { Alarm, Clock } from '../../../core/clock.js';
import { LinecardError, toLinecardError } from '../../../core/errors.js';
import type { Logger } from '../../../core/logger.js';
import type { AgentCall, ToolDescription } from '../../port.js';
import { AnswerWatch } from '../answer-watch.js';
import { Misunderstandings } from '../misunderstandings.js';
import type { SonicStreams } from './bedrock.js';
import { Outbox } from './outbox.js';
import type { InputEvent, NovaVoice, OutputEvent } from './protocol.js';
import { readOutput, SonicScript } from './protocol.js';

const OPEN_TIME_LIMIT_MS = 5000;
/** From our last words to the end of the stream. */
const CLOSE_TIME_LIMIT_MS = 2000;

export type NovaConnectionOptions = {
  readonly streams: SonicStreams;
  readonly voice: NovaVoice;
  readonly tools: readonly ToolDescription[];
  /** What was said in an earlier session. */
  readonly history: AgentCall['history'];
  readonly listener: NovaConnectionListener;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What the owner of a connection is told. Nothing follows `failed`. */
export interface NovaConnectionListener {
  ready(): void;
  event(event: OutputEvent): void;
  /** AGENT_UNAVAILABLE: no session came about. AGENT_FAILED: it broke, or the model does not answer. */
  failed(error: LinecardError): void;
}

/** One session with Nova Sonic: opened with all it has to know, watched for answers, ended in good order. */
export class NovaConnection {
  readonly #options: NovaConnectionOptions;
  readonly #script = new SonicScript();
  readonly #outbox = new Outbox();
  readonly #controller = new AbortController();
  readonly #answer: AnswerWatch;
  readonly #misunderstandings: Misunderstandings;
  #state: 'opening' | 'ready' | 'closed' = 'opening';
  /** Until the session is ready, or until the stream has ended: never both. */
  #alarm: Alarm;

  constructor(options: NovaConnectionOptions) {
    this.#options = options;
    const { voice, tools, history, clock, log } = options;
    this.#answer = new AnswerWatch(clock, (error) => this.#failed(error));
    this.#misunderstandings = new Misunderstandings(log, (error) => this.#failed(error));
    this.#alarm = clock.setAlarm(OPEN_TIME_LIMIT_MS, () => {
      this.#failed(new LinecardError('AGENT_UNAVAILABLE', `no session within ${OPEN_TIME_LIMIT_MS} ms`));
    });
    this.#send(this.#script.opening(voice, tools, history));
    void this.#run();
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  /** An answer is owed, or was when the session ended. */
  get waiting(): boolean {
    return this.#answer.waiting;
  }

  /** 20 ms frames of audio that the other side did not take. */
  get dropped(): number {
    return this.#outbox.dropped;
  }

  /** @param audio s16 at 16 kHz in base64 */
  sendAudio(audio: string): void {
    if (this.#state === 'ready') this.#outbox.sendMedia(this.#script.audio(audio));
  }

  /** Words for the model; an answer is owed to them. */
  tell(text: string): void {
    this.#send(this.#script.words(text));
    this.expectAnswer();
  }

  toolResult(toolUseId: string, content: string): void {
    this.#send(this.#script.toolResult(toolUseId, content));
    this.expectAnswer();
  }

  /** From now on an answer is owed. */
  expectAnswer(): void {
    if (this.#state === 'ready') this.#answer.expect();
  }

  /** It has come, or the caller goes on. */
  stopWaiting(): void {
    if (this.#state === 'ready') this.#answer.stop();
  }

  /** Idempotent; nothing is told afterwards. */
  close(): void {
    const state = this.#state;
    if (state === 'closed') return;
    this.#state = 'closed';
    this.#alarm.cancel();
    this.#answer.close();
    if (state === 'opening') {
      this.#end();
      return;
    }
    for (const event of this.#script.closing()) this.#outbox.send(JSON.stringify(event));
    this.#outbox.end();
    this.#alarm = this.#options.clock.setAlarm(CLOSE_TIME_LIMIT_MS, () => this.#end());
  }

  #send(events: readonly InputEvent[]): void {
    for (const event of events) this.#outbox.send(JSON.stringify(event));
    if (this.#outbox.full) this.#failed(new LinecardError('AGENT_FAILED', 'the model does not read what it is sent'));
  }

  async #run(): Promise<void> {
    const { streams, voice } = this.#options;
    try {
      await streams.run(voice.model, this.#outbox, this.#controller.signal, {
        opened: () => this.#opened(),
        message: (text) => this.#message(text),
      });
      throw new LinecardError('AGENT_FAILED', 'the model ended the session');
    } catch (error) {
      this.#failed(toLinecardError(error, 'INVARIANT'));
    } finally {
      // It is over: nobody has to wait for its end any more.
      this.#alarm.cancel();
    }
  }

  #opened(): void {
    if (this.#state !== 'opening') return;
    this.#state = 'ready';
    this.#alarm.cancel();
    this.#options.listener.ready();
  }

  #message(text: string): void {
    if (this.#state !== 'ready') return;
    const event = readOutput(text);
    if (event === null) {
      this.#misunderstandings.add(`a message of ${text.length} characters`);
      return;
    }
    if (event.audioOutput !== undefined || event.toolUse !== undefined) this.stopWaiting();
    this.#options.listener.event(event);
  }

  #failed(error: LinecardError): void {
    if (this.#state === 'closed') return;
    const isUnavailable = this.#state === 'opening' && error.code === 'AGENT_FAILED';
    this.#state = 'closed';
    this.#alarm.cancel();
    this.#answer.close();
    this.#end();
    const told = isUnavailable ? new LinecardError('AGENT_UNAVAILABLE', error.message, { cause: error }) : error;
    this.#options.listener.failed(told);
  }

  #end(): void {
    this.#outbox.end();
    this.#controller.abort();
  }
}
