import type { ToolUse, Turn } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { PromptValues } from '../core/prompt.js';
import { dateValues, fillPrompt } from '../core/prompt.js';
import { FRAME_MS, FRAME_SAMPLES } from '../core/units.js';
import { FRAME_SILENCE } from '../media/leg.js';
import { EchoGuard } from '../media/echo-guard.js';
import type { MediaLeg } from '../media/leg.js';
import { CallSecrets } from './call-secrets.js';
import { DigitEntry } from './digit-entry.js';
import { EchoGate } from './echo-gate.js';
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
import { SpeechGate } from './speech-gate.js';
import { SpeechQueue } from './speech-queue.js';
import { CallTools } from './tool-runner.js';
import type { TurnWaits } from './turn-taking.js';
import { TurnTaking } from './turn-taking.js';
import { Utterance } from './utterance.js';

/** How the caller's turns are found, for agents that leave that to us. */
export type TurnRules = TurnWaits & {
  /** protected: the caller's voice does not cut the first thing that the agent says; a key does. */
  readonly greeting: 'protected' | 'interruptible';
};

/** What a conversation reports to its owner. After `failed` it may be closed and replaced at any time. */
export interface ConversationListener {
  /** The first audible frame of the agent was pushed to the leg. */
  firstAudio(): void;
  turn(turn: Turn): void;
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
  readonly listener: ConversationListener;
  readonly clock: Clock;
  readonly log: Logger;
};

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
  readonly #turns: TurnTaking;
  /** Until the first thing that the agent says was heard, where it asked for that. */
  #greeting: 'protected' | 'interruptible';
  /** Null where the agent finds turns itself, or has none. */
  readonly #gate: SpeechGate | null;
  /** So that the agent is not interrupted by itself, from a loudspeaker. */
  readonly #echo: EchoGuard | null;
  /** The same for an agent that finds turns itself, where the configuration wants it. */
  readonly #echoGate: EchoGate | null;
  /** Kept, so that a tick makes no closure. */
  readonly #hear = (frame: Int16Array): void => {
    if (this.#state === 'talking') this.#session.hear(frame);
  };
  readonly #utterance: Utterance;
  readonly #wantsUtterances: boolean;
  #state: 'waiting' | 'talking' | 'held' | 'closed' = 'waiting';
  #firstAudio: 'not yet' | 'told' = 'not yet';
  /** End of the caller's last speech while an answer is owed; null otherwise. */
  #answerOwedSinceMs: number | null = null;
  /** What cut the agent off, until it is reported. */
  #cutCauseAtMs: number | null = null;
  #segmentStartedAtWallMs: number | null = null;
  #turnStartedAtWallMs = 0;
  #turnMs = 0;
  #doneReason: string | null = null;
  #handover: { readonly agent: string; readonly context: string } | null = null;
  /** While a tool has asked for keys. */
  #entry: DigitEntry | null = null;
  #onNextKey: (() => void) | null = null;

  constructor(options: ConversationOptions) {
    const { leg, provider, call, control, chunks, clock, log, listener } = options;
    this.#options = options;
    this.#turns = new TurnTaking(options.turns);
    this.#greeting = options.turns?.greeting ?? 'interruptible';
    this.#secrets = options.secrets ?? new CallSecrets();
    this.#leg = leg;
    this.#queue = new SpeechQueue({ pool: chunks, onHeard: (speech) => this.#heard(speech) });
    this.#utterance = new Utterance(chunks);
    const { turnTaking, utterances } = provider.capabilities;
    this.#wantsUtterances = turnTaking === 'linecard' && utterances === 'wanted';
    this.#gate = turnTaking === 'linecard' ? new SpeechGate(options.openDetector()) : null;
    this.#echo = this.#gate === null ? null : new EchoGuard();
    this.#echoGate = turnTaking === 'provider' && options.echoGuard === 'on' ? new EchoGate() : null;
    const events: AgentEvents = {
      callerSaid: (text) => this.#callerSaid(text),
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
        nextKey: (limitMs, signal) => this.#nextKey(limitMs, signal),
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
      this.#gate?.close();
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
    return this.#entry?.visibility ?? 'shown';
  }

  digit(digit: string): void {
    if (this.#onNextKey !== null) {
      this.#onNextKey();
      return;
    }
    if (this.#state !== 'talking') return;
    if (this.#queue.current !== 'none') this.#cutOff(this.#options.clock.nowMs());
    if (this.#entry === null) this.#session.digit(digit);
    else this.#entry.press(digit);
  }

  /** @param instead drops what the agent was saying, or had still to say */
  say(text: string, instead?: 'yes'): void {
    if (this.#state !== 'talking') return;
    if (instead === 'yes') this.#queue.clear();
    this.#session.say(text);
  }

  instruct(text: string): void {
    if (this.#state !== 'closed') this.#session.instruct(text);
  }

  /** held: the agent neither hears nor speaks, the leg gets silence; what it was saying goes on afterwards. */
  hold(held: 'held' | 'resumed'): void {
    if (held === 'held' && this.#state === 'talking') {
      this.#state = 'held';
      this.#turns.reset();
      this.#utterance.clear();
    } else if (held === 'resumed' && this.#state === 'held') this.#state = 'talking';
  }

  /** Pulls one frame from the leg and pushes one to it. @param nowMs on the injected clock */
  tick(nowMs: number): void {
    const kind = this.#leg.pull(UPLINK, nowMs);
    this.#echo?.heard(UPLINK);
    this.#echoGate?.heard(UPLINK, this.#hear);
    if (this.#state !== 'talking') {
      DOWNLINK.fill(0);
      this.#play();
      return;
    }
    if (this.#gate !== null) this.#followTurns(this.#gate, kind !== FRAME_SILENCE, nowMs);
    if (this.#echoGate === null) this.#session.hear(UPLINK);
    const audible = this.#queue.read(DOWNLINK);
    this.#play();
    if (audible > 0) this.#played(nowMs);
    this.#entry?.tick(this.#queue.idle ? 'silent' : 'speaks');
    if (this.#queue.idle) this.#leave();
  }

  /** Idempotent; closes the agent's session and leaves the leg alone. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#session.close();
    this.#tools.close();
    this.#queue.close();
    this.#utterance.clear();
    this.#gate?.close();
  }

  #play(): void {
    this.#echo?.played(DOWNLINK);
    this.#echoGate?.played(DOWNLINK);
    this.#leg.push(DOWNLINK);
  }

  #followTurns(gate: SpeechGate, hasAudio: boolean, nowMs: number): void {
    const isSpeech = hasAudio && gate.isSpeech(UPLINK) && this.#echo?.isEcho() !== true;
    if (this.#wantsUtterances) this.#utterance.push(UPLINK);
    // What is said into a protected greeting is no turn.
    const mayInterrupt = this.#greeting === 'interruptible' || this.#queue.current === 'none';
    switch (this.#turns.feed(isSpeech && mayInterrupt ? 'speech' : 'none', nowMs)) {
      case 'started': {
        if (this.#wantsUtterances) this.#utterance.begin();
        this.#turnStartedAtWallMs = this.#wallAt(this.#turns.onsetAtMs, nowMs);
        if (this.#queue.current === 'allowed' && this.#greeting === 'interruptible')
          this.#cutOff(this.#turns.onsetAtMs);
        this.#entry?.spoke();
        this.#session.callerStarted();
        break;
      }
      case 'finished': {
        this.#turnMs = this.#turns.lastSpeechAtMs - this.#turns.onsetAtMs;
        this.#answerOwedSinceMs = this.#turns.lastSpeechAtMs;
        this.#session.callerFinished(this.#wantsUtterances ? this.#utterance.take() : EMPTY);
        break;
      }
      case 'none':
        break;
    }
  }

  #cutOff(causeAtMs: number): void {
    this.#cutCauseAtMs ??= causeAtMs;
    this.#queue.clear();
  }

  #played(nowMs: number): void {
    const { listener, clock } = this.#options;
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
    if (speech.interrupted && speech.heardMs > 0 && this.#cutCauseAtMs !== null) {
      listener.interrupted(speech.heardMs, clock.nowMs() - this.#cutCauseAtMs);
    }
    this.#cutCauseAtMs = null;
    if (speech.text !== '') {
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
    if (this.#queue.current === 'none') this.#greeting = 'interruptible';
  }

  #callerSaid(text: string): void {
    if (this.#state === 'closed') return;
    const { listener, clock } = this.#options;
    const atMs = this.#turnStartedAtWallMs || clock.wallMs();
    listener.turn({ who: 'caller', text, atMs, heardMs: Math.round(this.#turnMs), interrupted: false });
  }

  #collectDigits(request: DigitRequest, signal: AbortSignal): Promise<EnteredDigits> {
    if (this.#entry !== null || this.#state === 'closed') {
      return Promise.reject(new LinecardError('TOOL_FAILED', 'the caller is entering something already'));
    }
    return new Promise((resolve, reject) => {
      const entry = new DigitEntry(request, (entered) => {
        this.#entry = null;
        const { digits } = entered;
        const isSecret = request.visibility === 'secret' && digits !== '';
        resolve(isSecret ? { ...entered, digits: this.#secrets.keep(digits) } : entered);
      });
      this.#entry = entry;
      const onAbort = (): void => {
        if (this.#entry === entry) this.#entry = null;
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (request.prompt !== '') this.#session.say(request.prompt);
    });
  }

  #nextKey(limitMs: number, signal: AbortSignal): Promise<'key' | 'time'> {
    return new Promise((resolve, reject) => {
      const end = (how: 'key' | 'time'): void => {
        alarm.cancel();
        this.#onNextKey = null;
        resolve(how);
      };
      const alarm = this.#options.clock.setAlarm(limitMs, () => end('time'));
      this.#onNextKey = () => end('key');
      const onAbort = (): void => {
        alarm.cancel();
        this.#onNextKey = null;
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
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

  #wallAt(atMs: number, nowMs: number): number {
    return Math.round(this.#options.clock.wallMs() - Math.max(0, nowMs - atMs) - FRAME_MS);
  }
}

const EMPTY = new Int16Array(0);

function promptValues({ caller, extension, facts }: AgentCall, clock: Clock): PromptValues {
  return {
    ...dateValues(clock.wallMs()),
    ...facts,
    'caller.number': caller.number,
    'caller.name': caller.name,
    'call.extension': extension ?? '',
  };
}
