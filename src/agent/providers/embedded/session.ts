import type { Alarm, Clock } from '../../../core/clock.js';
import type { Logger } from '../../../core/logger.js';
import { SAMPLES_PER_MS } from '../../../core/units.js';
import type { Voice } from '../../../speech/voice.js';
import { UNKNOWN_WORDS } from '../../captions.js';
import type { AgentContext, AgentSession, HeardSpeech, HoursAnswer } from '../../port.js';
import type { SampleChunks } from '../../sample-chunks.js';
import type { Attendant, Move, Next } from './attendant.js';
import type { Ears } from './ears.js';
import type { Menu } from './menu.js';
import { MessageRecording } from './message-recording.js';
import { Speaker } from './speaker.js';

/** Long enough to think, short enough not to feel alone. */
const SILENCE_MS = 7000;
/** Between two keys of an extension. */
const NEXT_KEY_MS = 2000;
/** Not a second of speech: half a second before it and the silence behind it are part of an utterance. */
const SHORT_UTTERANCE_MS = 2000;

export type EmbeddedSessionOptions = {
  readonly attendant: Attendant;
  readonly menu: Menu;
  readonly voice: Voice;
  /** Null where nobody understands speech. */
  readonly ears: Pick<Ears, 'understand'> | null;
  readonly chunks: SampleChunks;
  readonly context: AgentContext;
};

/** The attendant in one call: carries out its moves by voice, ears, tools and alarms, and tells it what came of them. */
export class EmbeddedSession implements AgentSession {
  readonly #options: EmbeddedSessionOptions;
  readonly #attendant: Attendant;
  readonly #speaker: Speaker;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Where the current move leads, and whether it has come there. */
  #next: Next = { kind: 'listen', for: 'choice' };
  #arrived = false;
  #recording: MessageRecording | null = null;
  #callerSpeaks = false;
  /** Whether what the caller says now is an answer; words of a message or around a key are not. */
  #answering = false;
  /** Counts what the caller did: an understanding that comes after the next thing is out of date. */
  #doings = 0;
  #keys = '';
  #alarm: Alarm | null = null;
  #closed = false;

  constructor(options: EmbeddedSessionOptions) {
    const { attendant, context, voice } = options;
    this.#options = options;
    this.#attendant = attendant;
    this.#clock = context.clock;
    this.#log = context.log;
    this.#speaker = new Speaker({ voice, speech: context.speech, log: context.log });
  }

  start(): void {
    const { history, briefing } = this.#options.context.call;
    const known = history.length > 0 && briefing === undefined;
    this.#perform(this.#attendant.begin(known ? 'resumed' : 'new'));
  }

  hear(frame: Int16Array): void {
    if (this.#recording?.push(frame) === 'complete') this.#finishRecording(this.#recording);
  }

  digit(digit: string): void {
    this.#answering = false;
    if (this.#recording !== null) {
      this.#finishRecording(this.#recording);
      return;
    }
    if (this.#next.kind !== 'listen') return; // it has cut the announcement; what was announced follows
    this.#attend();
    const answer = this.#keys === '' ? this.#attendant.answeredByKey(digit) : null;
    if (answer !== null) {
      this.#perform(answer);
      return;
    }
    this.#keys += digit;
    if (this.#options.menu.meaning(this.#keys).longer === 'no') this.#enter();
    else this.#setAlarm(NEXT_KEY_MS, () => this.#enter());
  }

  callerStarted(): void {
    this.#callerSpeaks = true;
    this.#recording?.speechStarted();
    this.#answering = this.#recording === null && this.#next.kind === 'listen';
    if (this.#answering && this.#held) this.#doings += 1;
    else if (this.#answering) this.#attend();
    // What was announced follows when the announcement is over.
    else if (this.#held) this.#options.context.speech.clear();
    if (this.#answering && this.#options.ears !== null) this.#options.context.events.callerSays(UNKNOWN_WORDS);
  }

  callerFinished(utterance: Int16Array): void {
    this.#callerSpeaks = false;
    this.#recording?.speechFinished();
    if (this.#answering && this.#next.kind === 'listen') this.#understand(utterance, this.#next.for);
    else if (this.#held) this.#options.context.speech.resume();
    this.#answering = false;
  }

  heard(speech: HeardSpeech): void {
    this.#speaker.heard(speech.segment);
  }

  say(text: string): void {
    if (this.#recording !== null) {
      this.#log.info({ text }, 'not said: the caller is leaving a message');
      return;
    }
    const next = this.#next;
    if (next.kind === 'transfer' && this.#arrived) {
      // Whoever speaks for us after a transfer brings the caller back: the dialogue goes on.
      this.#perform(this.#attendant.returned(text));
      return;
    }
    this.#cancelAlarm();
    this.#speaker.say(text, { interruption: 'allowed' }, () => {
      if (next === this.#next && (!this.#arrived || next.kind === 'listen')) this.#arrive(next);
    });
  }

  takeMessage(text: string): void {
    if (this.#recording === null) this.#perform(this.#attendant.leaveMessage(text));
  }

  instruct(text: string): void {
    this.#log.info({ text }, 'the embedded agent follows no instructions');
  }

  /** A message under way is kept: hanging up is how most people end one. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelAlarm();
    this.#speaker.close();
    const audio = this.#recording?.take() ?? new Int16Array(0);
    this.#recording = null;
    if (audio.length > 0) void this.#save(audio);
  }

  #perform(move: Move): void {
    this.#cancelAlarm();
    this.#keys = '';
    this.#next = move.then;
    this.#arrived = false;
    this.#speaker.say(move.say, { interruption: move.interruption }, () => this.#arrive(move.then));
  }

  #arrive(next: Next): void {
    this.#arrived = true;
    switch (next.kind) {
      case 'listen':
        if (!this.#callerSpeaks) this.#setAlarm(SILENCE_MS, () => this.#perform(this.#attendant.silent()));
        break;
      case 'transfer':
        void this.#transfer(next.to);
        break;
      case 'ask hours':
        void this.#askHours();
        break;
      case 'record':
        this.#speaker.tone(() => {
          this.#recording = new MessageRecording(this.#options.chunks);
          if (this.#callerSpeaks) this.#recording.speechStarted();
        });
        break;
      case 'end':
        void this.#end(next.reason);
        break;
    }
  }

  /** The caller does something: whatever we were saying or waiting for is off. */
  #attend(): void {
    this.#doings += 1;
    this.#arrived = true;
    this.#cancelAlarm();
    this.#speaker.stop();
  }

  #enter(): void {
    const { choice } = this.#options.menu.meaning(this.#keys);
    this.#perform(choice === null ? this.#attendant.wrongKey() : this.#attendant.pressed(choice));
  }

  #understand(utterance: Int16Array, expected: 'choice' | 'yes or no'): void {
    this.#doings += 1;
    const doing = this.#doings;
    const { ears } = this.#options;
    const isShort = utterance.length <= SHORT_UTTERANCE_MS * SAMPLES_PER_MS;
    if (ears === null) {
      this.#notUnderstood(isShort);
      return;
    }
    ears.understand(utterance, expected).then(
      (understood) => {
        const isCurrent = doing === this.#doings && !this.#closed;
        // Cut first: the history has both in the order in which they were said.
        if (isCurrent && understood !== null && this.#held) this.#attend();
        if (understood !== null) this.#options.context.events.callerSaid(understood.text);
        if (!isCurrent) return;
        if (understood === null) this.#notUnderstood(isShort);
        else this.#perform(this.#attendant.meant(understood.meaning));
      },
      (error: unknown) => {
        this.#log.error({ err: error }, 'speech could not be recognized');
        if (doing === this.#doings && !this.#closed) this.#notUnderstood(isShort);
      },
    );
  }

  /** A sound into an announcement is no answer to it: it goes on where it was. */
  #notUnderstood(isShort: boolean): void {
    this.#options.context.events.callerSays('');
    if (isShort && this.#held) this.#options.context.speech.resume();
    else {
      if (this.#held) this.#attend();
      this.#perform(this.#attendant.notUnderstood());
    }
  }

  get #held(): boolean {
    return this.#options.context.speech.held;
  }

  async #transfer(to: string): Promise<void> {
    const result = await this.#options.context.tools.run('transfer', { to });
    if (!result.ok && !this.#closed) this.#perform(this.#attendant.transferFailed(to));
  }

  async #askHours(): Promise<void> {
    const result = await this.#options.context.tools.run('hours', {});
    if (this.#closed) return;
    const move = result.ok ? this.#attendant.hoursAre(result.value as HoursAnswer) : this.#attendant.hoursFailed();
    this.#perform(move);
  }

  #finishRecording(recording: MessageRecording): void {
    this.#recording = null;
    const audio = recording.take();
    if (audio.length === 0) {
      this.#perform(this.#attendant.nothingRecorded());
      return;
    }
    void this.#save(audio).then((saved) => {
      if (!this.#closed) this.#perform(saved ? this.#attendant.messageSaved() : this.#attendant.messageFailed());
    });
  }

  async #save(audio: Int16Array): Promise<boolean> {
    const seconds = Math.max(1, Math.round(audio.length / SAMPLES_PER_MS / 1000));
    const text = `Voice message of ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`;
    const result = await this.#options.context.tools.run('take_message', { text, audio });
    return result.ok;
  }

  async #end(reason: string): Promise<void> {
    const { tools, events } = this.#options.context;
    const result = await tools.run('hangup', { reason });
    // Without the tool it still has nothing left to say: the call ends.
    if (!result.ok && !this.#closed) events.done(reason);
  }

  #setAlarm(delayMs: number, act: () => void): void {
    this.#cancelAlarm();
    this.#alarm = this.#clock.setAlarm(delayMs, () => {
      this.#alarm = null;
      act();
    });
  }

  #cancelAlarm(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
  }
}
