import type { ToolUse, Turn } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { PromptValues } from '../core/prompt.js';
import { dateValues, fillPrompt } from '../core/prompt.js';
import { FRAME_MS, FRAME_SAMPLES } from '../core/units.js';
import { FRAME_SILENCE } from '../media/leg.js';
import type { MediaLeg } from '../media/leg.js';
import { CallSecrets } from './call-secrets.js';
import { CallerKeys } from './caller-keys.js';
import type { TurnRules } from './caller-turns.js';
import { CallerTurns } from './caller-turns.js';
import { Captions } from './captions.js';
import type { CaptionListener } from './captions.js';
import { EchoGate } from './echo-gate.js';
import type { FillerRules, WaitingFor } from './filler.js';
import { Filler } from './filler.js';
import type {
  AgentCall,
  AgentEvents,
  AgentProvider,
  AgentSession,
  CallControl,
  DigitRequest,
  EnteredDigits,
  Floor,
  HeardSpeech,
  Tool,
} from './port.js';
import type { SampleChunks } from './sample-chunks.js';
import type { VoiceActivityDetector } from './speech-gate.js';
import { SpeechQueue } from './speech-queue.js';
import { CallTools } from './tool-runner.js';

/** What a conversation reports to its owner. After `failed` it may be closed and replaced at any time. */
export interface ConversationListener {
  /** The first audible frame of the agent was pushed to the leg. */
  firstAudio(): void;
  turn(turn: Turn): void;
  /** What is being said, until a turn of the same party takes its place; empty: nothing, after all. Absent: nobody reads along. */
  readonly caption?: CaptionListener;
  /** @param reactionMs from the onset of speech, or the key, to the agent's last frame on its way */
  interrupted(heardMs: number, reactionMs: number): void;
  /** @param latencyMs from the caller's last speech to the agent's first frame on its way */
  responseStarted(latencyMs: number): void;
  toolCalled(use: ToolUse): void;
  /** Tokens of a model since it was told last. */
  used(inputTokens: number, outputTokens: number): void;
  /** Everything was heard, and another agent is to take the call over. */
  handedOver(agent: string, context: string): void;
  /** The agent has said all it wanted and was heard. */
  done(reason: string): void;
  failed(error: LinecardError): void;
}

export type ConversationOptions = {
  /** For `pull` and `push` in `tick`; its listener and its closing are the owner's business. */
  readonly leg: MediaLeg;
  readonly provider: AgentProvider;
  readonly call: AgentCall;
  readonly control: CallControl;
  /** Of the call, which may go to another agent; absent: it goes to none. */
  readonly secrets?: CallSecrets;
  /** Makes the agent's tools; some end the call, or ask for keys, through `floor`. */
  readonly tools: (floor: Floor) => readonly Tool[];
  /** on: a provider that finds turns itself does not hear its own voice from a loudspeaker. All others are guarded anyway. */
  readonly echoGuard?: 'on' | 'off';
  /** Asked once, and only for agents that leave turn taking to us. */
  readonly openDetector: () => VoiceActivityDetector;
  readonly chunks: SampleChunks;
  /** Absent: as is usual. */
  readonly turns?: TurnRules;
  /** Absent: who waits hears nothing. */
  readonly filler?: FillerRules;
  readonly listener: ConversationListener;
  readonly clock: Clock;
  readonly log: Logger;
};

/** The tool by which an agent keeps a message. */
const TAKE_MESSAGE = 'take_message';
const ASK_FOR_MESSAGE = 'May I take a message?';

/** The frames at hand. Shared by all, since `tick` runs to its end: memory that the processor has at hand instead of some for each call. */
const UPLINK = new Int16Array(FRAME_SAMPLES);
const DOWNLINK = new Int16Array(FRAME_SAMPLES);

/**
 * An agent and a caller on a leg: pulls a frame, finds the caller's turns in it, gives it to the agent, and pushes the next frame of what the
 * agent says. Speech cuts the agent off where it allows it, a key always does. All methods are synchronous; `tick` allocates nothing.
 */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #secrets: CallSecrets;
  readonly #leg: MediaLeg;
  readonly #queue: SpeechQueue;
  readonly #tools: CallTools;
  readonly #session: AgentSession;
  readonly #turns: CallerTurns;
  readonly #keys: CallerKeys;
  /** Keeps its own voice, from a loudspeaker, from an agent that finds turns itself, where the configuration wants it. */
  readonly #echoGate: EchoGate | null;
  /** Kept, so that a tick makes no closure. */
  readonly #hear = (frame: Int16Array): void => {
    if (this.#state === 'talking') this.#session.hear(frame);
  };
  readonly #hearTurns = (frame: Int16Array): void => this.#turns.pass(frame, this.#options.clock.nowMs(), this.#hear);
  /** Null where nobody reads along. */
  readonly #captions: Captions | null;
  #state: 'waiting' | 'talking' | 'held' | 'closed' = 'waiting';
  #firstAudio: 'not yet' | 'told' = 'not yet';
  /** End of the caller's last speech while an answer is owed; null otherwise. */
  #answerOwedSinceMs: number | null = null;
  /** The same of a turn into what the agent said, until it is known whether that was interrupted. */
  #heldTurnEndMs: number | null = null;
  #segmentStartedAtWallMs: number | null = null;
  #turnStartedAtWallMs = 0;
  #turnMs = 0;
  /** Null where nothing is to be heard by who waits. */
  readonly #filler: Filler | null;
  /** The caller has finished, and nothing was heard of the agent since. */
  #callerWaits = false;
  /** When the agent was heard last. */
  #playedAtMs = Number.NEGATIVE_INFINITY;
  #doneReason: string | null = null;
  #handover: { readonly agent: string; readonly context: string } | null = null;

  constructor(options: ConversationOptions) {
    const { leg, provider, call, control, chunks, clock, log, listener } = options;
    this.#options = options;
    this.#secrets = options.secrets ?? new CallSecrets();
    this.#keys = new CallerKeys({ secrets: this.#secrets, clock });
    this.#leg = leg;
    this.#queue = new SpeechQueue({ pool: chunks, onHeard: (speech) => this.#heard(speech) });
    const { capabilities } = provider;
    this.#filler = this.#openFiller(options);
    this.#turns = new CallerTurns({
      capabilities,
      rules: options.turns,
      queue: this.#queue,
      listenAnyway: options.filler?.tone === 'on',
      openDetector: options.openDetector,
      chunks,
      listener: {
        stirred: () => this.#callerStirred(),
        started: (spokenMs) => this.#callerStarted(spokenMs),
        finished: (utterance, lastSpeechAtMs) => this.#callerFinished(utterance, lastSpeechAtMs),
        // A quick provider has answered before we are sure that the caller is done.
        overheard: (lastSpeechAtMs) => {
          this.#callerWaits = this.#queue.current === 'none' && this.#playedAtMs < lastSpeechAtMs;
        },
      },
    });
    const hasEcho = capabilities.turnTaking === 'provider' && options.echoGuard === 'on';
    this.#echoGate = hasEcho ? new EchoGate() : null;
    this.#captions = listener.caption === undefined ? null : new Captions(listener.caption);
    const events: AgentEvents = {
      callerSaid: (text) => this.#callerSaid(text),
      callerSays: (text) => this.#captions?.callerSays(text),
      used: ({ input, output }) => listener.used(input, output),
      done: (reason) => {
        this.#doneReason ??= reason;
      },
      failed: (error) => listener.failed(error),
    };
    this.#tools = new CallTools({
      tools: options.tools({
        done: (reason) => events.done(reason),
        handOver: (agent, context) => {
          this.#handover ??= { agent, context };
        },
        collectDigits: (request, signal) => this.#collectDigits(request, signal),
        nextKey: (limitMs, signal) => this.#keys.next(limitMs, signal),
      }),
      call,
      control,
      secrets: this.#secrets,
      clock,
      log,
      onCalled: (use) => listener.toolCalled(use),
    });
    try {
      this.#session = provider.open({
        call,
        speech: this.#queue,
        tools: this.#tools,
        fill: (text) => fillPrompt(text, promptValues(call, clock)),
        events,
        clock,
        log,
      });
    } catch (error) {
      this.#turns.close();
      throw error;
    }
  }

  /** The caller hears us: the agent may begin. Before it, `tick` plays silence. */
  start(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'talking';
    this.#session.start();
  }

  /** Whether there is something that the caller has still to hear. */
  get speaks(): boolean {
    return !this.#queue.idle;
  }

  get keys(): 'shown' | 'secret' {
    return this.#keys.visibility;
  }

  digit(digit: string): void {
    if (this.#keys.takeNext() === 'taken' || this.#state !== 'talking') return;
    if (this.#queue.current !== 'none') this.#turns.cutOff(this.#options.clock.nowMs());
    if (this.#keys.press(digit) === 'not wanted') this.#session.digit(digit);
  }

  /** @param instead drops what the agent was saying, or had still to say */
  say(text: string, instead?: 'yes'): void {
    if (this.#state !== 'talking') return;
    if (instead === 'yes') this.#queue.clear();
    this.#session.say(text);
  }

  /** The caller is told this instead of all else, and asked for a message where the agent can take one. */
  takeMessage(text: string): void {
    if (this.#state !== 'talking') return;
    this.#queue.clear();
    if (this.#session.takeMessage !== undefined) this.#session.takeMessage(text);
    else {
      const mayTakeOne = this.#tools.descriptions.some(({ name }) => name === TAKE_MESSAGE);
      this.#session.say(mayTakeOne ? `${text} ${ASK_FOR_MESSAGE}` : text);
    }
  }

  /** The agent tells the caller in its own words, instead of all else; without any it says the text. */
  relay(words: string, text: string): void {
    if (this.#state !== 'talking') return;
    this.#queue.clear();
    if (this.#session.relay !== undefined) this.#session.relay(words);
    else {
      this.#session.instruct(words);
      this.#session.say(text);
    }
  }

  instruct(text: string): void {
    if (this.#state !== 'closed') this.#session.instruct(text);
  }

  /** held: the agent neither hears nor speaks, the leg gets silence; what it was saying goes on afterwards. */
  hold(held: 'held' | 'resumed'): void {
    if (held === 'held' && this.#state === 'talking') {
      this.#state = 'held';
      this.#turns.leave(this.#options.clock.nowMs());
    } else if (held === 'resumed' && this.#state === 'held') this.#state = 'talking';
  }

  /** Pulls one frame from the leg and pushes one to it. @param nowMs on the injected clock */
  tick(nowMs: number): void {
    const kind = this.#leg.pull(UPLINK, nowMs);
    this.#turns.heard(UPLINK);
    if (this.#state !== 'talking') {
      this.#echoGate?.heard(UPLINK, this.#hear);
      DOWNLINK.fill(0);
      this.#play();
      return;
    }
    this.#turns.follow(UPLINK, kind === FRAME_SILENCE ? 'none' : 'some', nowMs);
    if (this.#echoGate === null) this.#hearTurns(UPLINK);
    else this.#echoGate.heard(UPLINK, this.#hearTurns);
    const audible = this.#queue.read(DOWNLINK);
    this.#filler?.fill(DOWNLINK, audible > 0 ? 'nothing' : this.#waitingFor(), this.#tools.running ? 'run' : 'rest');
    this.#play();
    if (audible > 0) this.#played(nowMs);
    this.#captions?.tick(this.#queue);
    this.#keys.tick(this.#queue.idle ? 'silent' : 'speaks');
    if (this.#queue.idle) this.#leave();
  }

  /** Idempotent; closes the agent's session and leaves the leg alone. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#session.close();
    this.#tools.close();
    this.#queue.close();
    this.#turns.close();
  }

  #openFiller({ provider, filler }: ConversationOptions): Filler | null {
    const { turnTaking, fillers } = provider.capabilities;
    if (filler === undefined || turnTaking === 'none') return null;
    const words = fillers === 'conversation' ? filler.words : '';
    if (filler.tone === 'off' && words === '') return null;
    return new Filler({ rules: { ...filler, words }, say: (text) => this.#session.say(text) });
  }

  #waitingFor(): WaitingFor {
    // Who is asked for keys is not waiting: we are.
    if (this.#turns.speaking || this.#keys.awaited || this.#queue.current !== 'none') return 'nothing';
    if (this.#tools.running) return 'tool';
    return this.#callerWaits ? 'answer' : 'nothing';
  }

  #play(): void {
    this.#turns.played(DOWNLINK);
    this.#echoGate?.played(DOWNLINK);
    this.#leg.push(DOWNLINK);
  }

  #callerStirred(): void {
    const { clock } = this.#options;
    const spokenMs = Math.max(0, clock.nowMs() - this.#turns.onsetAtMs);
    this.#turnStartedAtWallMs = Math.round(clock.wallMs() - spokenMs - FRAME_MS);
    this.#callerWaits = false;
  }

  #callerStarted(spokenMs: number): void {
    this.#keys.spoke();
    this.#session.callerStarted(spokenMs);
  }

  #callerFinished(utterance: Int16Array, lastSpeechAtMs: number): void {
    this.#turnMs = lastSpeechAtMs - this.#turns.onsetAtMs;
    this.#callerWaits = true;
    if (this.#queue.held) this.#heldTurnEndMs = lastSpeechAtMs;
    else this.#answerOwedSinceMs = lastSpeechAtMs;
    this.#session.callerFinished(utterance);
  }

  #played(nowMs: number): void {
    const { listener, clock } = this.#options;
    this.#callerWaits = false;
    this.#playedAtMs = nowMs;
    // The frame may have held the end of a sentence alone: the next one begins later.
    if (this.#queue.playing) this.#segmentStartedAtWallMs ??= clock.wallMs();
    if (this.#firstAudio === 'not yet') {
      this.#firstAudio = 'told';
      listener.firstAudio();
    }
    if (this.#answerOwedSinceMs !== null && !this.#turns.speaking) {
      listener.responseStarted(nowMs - this.#answerOwedSinceMs);
      this.#answerOwedSinceMs = null;
    }
  }

  #heard(speech: HeardSpeech): void {
    const { listener, clock } = this.#options;
    const reactionMs = this.#turns.reaction(clock.nowMs());
    if (speech.interrupted && speech.heardMs > 0 && reactionMs !== null) {
      listener.interrupted(speech.heardMs, reactionMs);
    }
    if (speech.interrupted) this.#answerOwedSinceMs ??= this.#heldTurnEndMs;
    this.#heldTurnEndMs = null;
    if (speech.text !== '') {
      this.#captions?.turn('agent');
      listener.turn({
        who: 'agent',
        text: speech.text,
        atMs: this.#segmentStartedAtWallMs ?? clock.wallMs() - speech.heardMs,
        heardMs: Math.round(speech.heardMs),
        interrupted: speech.interrupted,
      });
    }
    this.#segmentStartedAtWallMs = null;
    this.#session.heard(speech);
    if (this.#queue.current === 'none') this.#turns.greeted();
  }

  #callerSaid(text: string): void {
    if (this.#state === 'closed') return;
    const { listener, clock } = this.#options;
    const atMs = this.#turnStartedAtWallMs || clock.wallMs();
    this.#captions?.turn('caller');
    listener.turn({ who: 'caller', text, atMs, heardMs: Math.round(this.#turnMs), interrupted: false });
  }

  #collectDigits(request: DigitRequest, signal: AbortSignal): Promise<EnteredDigits> {
    if (this.#keys.awaited || this.#state === 'closed') {
      return Promise.reject(new LinecardError('TOOL_FAILED', 'the caller is entering something already'));
    }
    const entered = this.#keys.collect(request, signal);
    if (request.prompt !== '') this.#session.say(request.prompt);
    return entered;
  }

  /** Everything was heard: what is to come after it comes now. */
  #leave(): void {
    const { listener } = this.#options;
    const reason = this.#doneReason;
    const handover = this.#handover;
    this.#doneReason = null;
    this.#handover = null;
    if (reason !== null) listener.done(reason);
    else if (handover !== null) listener.handedOver(handover.agent, handover.context);
  }
}

function promptValues({ caller, extension, facts }: AgentCall, clock: Clock): PromptValues {
  return {
    ...dateValues(clock.wallMs()),
    ...facts,
    'caller.number': caller.number,
    'caller.name': caller.name,
    'call.extension': extension ?? '',
  };
}
