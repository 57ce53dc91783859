import type { ConversationListener } from '../agent/conversation.js';
import { CallSecrets } from '../agent/call-secrets.js';
import { assertNever } from '../core/assert-never.js';
import type { Turn } from '../core/calls.js';
import { NO_USAGE } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import type { LinecardError } from '../core/errors.js';
import { toLinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { FRAME_MS, FRAME_SAMPLES } from '../core/units.js';
import type { LegCloseReason, MediaLeg } from '../media/leg.js';
import { HoldMusic } from '../media/hold-music.js';
import { MeteredLeg } from '../media/metered-leg.js';
import type { RecordedChunk } from '../media/recording-tap.js';
import { RecordingTap } from '../media/recording-tap.js';
import type { Ticked } from '../media/ticker.js';
import type { AgentLimits } from './call-limits.js';
import { NO_LIMITS } from './call-limits.js';
import { LimitWatch } from './limit-watch.js';
import type { HostedAgent, LiveConversation, OpenConversation } from './live-conversation.js';
import type { FromMedia, LegReport, OpenSession, ToMedia } from './port.js';
import { RemoteControl } from './remote-control.js';
import { UplinkWatch } from './uplink-watch.js';

/**
 * A report after the first second, then every five: copying one to the other thread takes 0.15 ms, as much as the audio of
 * eight frames.
 */
const FIRST_REPORT_TICKS = 1000 / FRAME_MS;
const REPORT_TICKS = 5000 / FRAME_MS;
/** Agents that give a caller to each other go in circles. */
const MAX_HANDOVERS = 10;
/** Stands for a digit that nobody may see. */
const HIDDEN_DIGIT = '•';
/** Turns that a new agent is told of when the one before it failed. */
const MAX_HISTORY = 50;

export type MediaSessionOptions = {
  readonly session: OpenSession;
  readonly leg: MediaLeg;
  /** The agents to try in an agent's place, in this order: the agent, the agent again, its backup. */
  readonly attemptsOf: (agent: string) => readonly HostedAgent[];
  readonly openConversation: OpenConversation;
  readonly recording: 'on' | 'off';
  readonly send: (message: FromMedia) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told once, when the leg is gone. */
  readonly onClosed: (session: MediaSession) => void;
};

/** A message for one call that has a leg. */
export type SessionCommand = Exclude<
  Extract<ToMedia, { readonly callId: OpenSession['callId'] }>,
  { readonly kind: 'close' | 'signal' | 'partyAudio' | 'couple' }
>;

/**
 * A call on its media thread: a leg, the conversation on it, and the messages between it and control. It owns both; each
 * tick it gives the conversation its turn, and plays silence when there is none: a leg must never starve.
 */
export class MediaSession implements Ticked {
  readonly session: OpenSession;
  readonly leg: MeteredLeg;
  readonly #options: MediaSessionOptions;
  readonly #control: RemoteControl;
  readonly #tap: RecordingTap | null;
  /** Of the call, whichever agent it is with. */
  readonly #secrets = new CallSecrets();
  readonly #history: { who: Turn['who']; text: string }[];
  #conversation: LiveConversation | null = null;
  #attempts: readonly HostedAgent[];
  #attempt = 0;
  /** Counts the agents that had the call: what one says that is out of it is not listened to. */
  #reign = 0;
  /** Who is to have the call from the next tick on. */
  #handover: { readonly agent: string; readonly context: string } | null = null;
  #handovers = 0;
  #agent: string;
  readonly #limitWatch: LimitWatch;
  /** For the agent that took the call over. */
  #briefing: string | null = null;
  /** Set by a conversation that cannot go on; the next tick replaces it, so that nothing is torn down beneath its own callers. */
  #failure: LinecardError | null = null;
  #started = false;
  #held: 'held' | 'resumed' = 'resumed';
  /** A party that is out of reach misses nothing: the agent waits for it. */
  #presence: 'here' | 'away' = 'here';
  #awaySinceMs = 0;
  /** Where no PBX plays music. */
  readonly #music: HoldMusic | null;
  /** Only where a party sends without a pause as long as all is well. */
  readonly #uplink: UplinkWatch | null;
  #partner: MediaSession | null = null;
  #closed = false;
  #oneWay: 'not noticed' | 'noticed' = 'not noticed';
  #ticks = 0;
  #reportAtTick = FIRST_REPORT_TICKS;
  #reportedRateHz: number;
  #chain: readonly string[];
  /** Shared by all: nothing is ever written into it but what is thrown away. */
  static readonly #scratch = new Int16Array(FRAME_SAMPLES);
  static readonly #silence = new Int16Array(FRAME_SAMPLES);

  constructor(options: MediaSessionOptions) {
    const { session, send, clock } = options;
    const { callId } = session;
    const onChunk = (chunk: RecordedChunk): void => send({ kind: 'recorded', callId, ...chunk });
    this.#tap = options.recording === 'on' ? new RecordingTap({ clock, onChunk }) : null;
    const leg = new MeteredLeg(options.leg, this.#tap);
    this.#options = options;
    this.session = session;
    this.leg = leg;
    this.#control = new RemoteControl({ callId, clock, send });
    this.#history = [...session.history];
    this.#agent = session.agent;
    this.#limitWatch = new LimitWatch({
      spent: session.spent ?? NO_USAGE,
      talkedMs: session.talkedMs ?? 0,
      onReached: (limit) => send({ kind: 'limitReached', callId, limit }),
      log: options.log,
    });
    this.#attempts = options.attemptsOf(session.agent);
    this.#reportedRateHz = leg.wireRateHz;
    this.#chain = leg.describe();
    this.#music = isOwnParty(session) ? new HoldMusic() : null;
    this.#uplink =
      session.transport === 'audiosocket'
        ? new UplinkWatch({
            onStopped: () => send({ kind: 'uplinkStopped', callId }),
            onResumed: (missingMs) => send({ kind: 'uplinkResumed', callId, missingMs }),
          })
        : null;
    leg.listener = {
      digit: (digit) => {
        if (session.digits === 'leg') this.#digit(digit);
      },
      closed: (reason, detail) => this.#legClosed(reason, detail),
    };
    // Before anything else: a bridge that hears nothing can freeze the PBX.
    leg.push(MediaSession.#silence);
    this.#openConversation();
  }

  get report(): LegReport {
    const { leg } = this;
    return {
      legId: leg.id,
      codec: leg.codec,
      sampleRateHz: leg.wireRateHz,
      depthMs: leg.playout.depthMs,
      skewPpm: Math.round(leg.playout.skewPpm),
      counters: { ...leg.counters },
      sound: leg.sound,
      talkedMs: this.#limitWatch.talkedMs,
      ...(leg.network === undefined ? {} : { network: leg.network }),
      chain: this.#chain,
    };
  }

  tick(nowMs: number): void {
    if ((this.leg.presence ?? 'here') !== this.#presence) this.#presenceChanged(nowMs);
    if (this.#failure !== null) this.#replaceConversation();
    else if (this.#handover !== null) this.#handOver(this.#handover);
    if (this.#partner !== null) {
      this.leg.pull(MediaSession.#scratch, nowMs);
      this.#partner.leg.push(MediaSession.#scratch);
    } else if (this.#held === 'held' && this.#music !== null) {
      this.leg.pull(MediaSession.#scratch, nowMs);
      this.#music.pull(MediaSession.#scratch);
      this.leg.push(MediaSession.#scratch);
    } else if (this.#conversation === null) {
      this.leg.pull(MediaSession.#scratch, nowMs);
      this.leg.push(MediaSession.#silence);
    } else {
      try {
        this.#conversation.tick(nowMs);
        if (this.#started && !this.#waits) this.#limitWatch.tick(this.#conversation, this.#limits, nowMs);
      } catch (thrown) {
        this.#broken(thrown);
      }
    }
    this.#uplink?.tick(this.leg.counters.framesIn);
    this.#ticks += 1;
    if (this.#ticks === this.#reportAtTick) {
      this.#reportAtTick += REPORT_TICKS;
      this.#options.send({ kind: 'legReport', callId: this.session.callId, report: this.report });
      this.#noticeOneWay();
    }
    if (this.leg.wireRateHz !== this.#reportedRateHz) this.#rateChanged();
  }

  handle(command: SessionCommand): void {
    switch (command.kind) {
      case 'start':
        this.start();
        break;
      case 'digit':
        this.#digit(command.digit);
        break;
      case 'say':
        this.#guard((conversation) => conversation.say(command.text, command.instead));
        break;
      case 'takeMessage':
        this.#guard((conversation) => conversation.takeMessage(command.text));
        break;
      case 'instruct':
        this.#guard((conversation) => conversation.instruct(command.text));
        break;
      case 'hold':
        this.#held = command.held;
        this.#holdOrResume();
        break;
      case 'answer':
        this.#control.answer(command.requestId, command.answer);
        break;
      case 'notify':
        this.leg.notify(command.text);
        break;
      default:
        assertNever(command);
    }
  }

  /** Its party and that of another session hear each other; null: each is with its own agent again. */
  couple(partner: MediaSession | null): void {
    const before = this.#partner;
    if (before === partner) return;
    this.#partner = partner;
    before?.couple(null);
    partner?.couple(this);
  }

  /** The caller can hear. Idempotent. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#watchLeg();
    this.#guard((conversation) => this.#begin(conversation));
  }

  /** Ends the agent's session, then the leg. Idempotent. */
  close(reason: LegCloseReason): void {
    this.#closeConversation();
    this.leg.close(reason);
  }

  get #limits(): AgentLimits {
    return this.#attempts[this.#attempt]?.limits ?? NO_LIMITS;
  }

  /** The agent neither hears nor speaks for now. */
  get #waits(): boolean {
    return this.#held === 'held' || this.#presence === 'away';
  }

  #watchLeg(): void {
    this.leg.watch(this.#started && !this.#waits ? 'on' : 'off');
  }

  /** Whoever begins with a party on hold, or out of reach, waits with the first word. */
  #begin(conversation: LiveConversation): void {
    conversation.start();
    if (this.#waits) conversation.hold('held');
  }

  #holdOrResume(): void {
    this.#watchLeg();
    this.#guard((conversation) => conversation.hold(this.#waits ? 'held' : 'resumed'));
  }

  #presenceChanged(nowMs: number): void {
    const { log } = this.#options;
    if (this.#presence === 'here') {
      this.#presence = 'away';
      this.#awaySinceMs = nowMs;
      log.info({}, 'the party is out of reach, the agent waits');
    } else {
      this.#presence = 'here';
      log.info({ awayMs: Math.round(nowMs - this.#awaySinceMs) }, 'the party is back, the agent goes on');
    }
    this.#holdOrResume();
  }

  /** Said once: an admin has to look at the network, not at the agent. */
  #noticeOneWay(): void {
    if (this.#oneWay === 'noticed' || this.leg.sound.oneWayMs === 0) return;
    this.#oneWay = 'noticed';
    this.#options.log.warn(
      { leg: this.leg.counters },
      'not a sound from a caller who is spoken to: one-way audio, or a muted phone',
    );
  }

  #openConversation(): void {
    const { openConversation, clock, log } = this.#options;
    const agent = this.#attempts[this.#attempt];
    if (agent === undefined) return;
    const { callId, caller, extension, facts = {} } = this.session;
    const briefing = this.#briefing === null ? {} : { briefing: this.#briefing };
    try {
      this.#conversation = openConversation({
        leg: this.leg,
        agent,
        call: { callId, caller, extension, facts, history: [...this.#history], ...briefing },
        control: this.#control,
        secrets: this.#secrets,
        listener: this.#listener(this.#reign),
        clock,
        log,
      });
      if (this.#started) this.#begin(this.#conversation);
    } catch (thrown) {
      this.#failure = toLinecardError(thrown, 'AGENT_FAILED');
    }
  }

  /** What the conversation of one agent tells; after its end it is not listened to. */
  #listener(reign: number): ConversationListener {
    const { send } = this.#options;
    const { callId } = this.session;
    const current = (): boolean => reign === this.#reign && !this.#closed;
    return {
      firstAudio: () => {
        if (current()) send({ kind: 'firstAudio', callId });
      },
      turn: (turn) => {
        if (!current()) return;
        this.#history.push({ who: turn.who, text: turn.text });
        if (this.#history.length > MAX_HISTORY) this.#history.shift();
        send({ kind: 'turn', callId, turn });
      },
      ...(isOwnParty(this.session)
        ? {
            caption: (who: 'caller' | 'agent', text: string): void => {
              if (current()) send({ kind: 'caption', callId, who, text });
            },
          }
        : {}),
      interrupted: (heardMs, reactionMs) => {
        if (current()) send({ kind: 'interrupted', callId, heardMs, reactionMs });
      },
      responseStarted: (latencyMs) => {
        if (current()) send({ kind: 'responseStarted', callId, latencyMs });
      },
      toolCalled: (use) => {
        if (current()) send({ kind: 'toolCalled', callId, ...use });
      },
      used: (input, output) => {
        if (!current()) return;
        this.#limitWatch.used(input, output, this.#limits);
        send({ kind: 'usage', callId, usage: this.#limitWatch.usage });
      },
      handedOver: (agent, context) => {
        if (current()) this.#handover = { agent, context };
      },
      done: (reason) => {
        if (current()) send({ kind: 'agentDone', callId, reason });
      },
      failed: (error) => {
        if (current()) this.#failure ??= error;
      },
    };
  }

  #replaceConversation(): void {
    const failure = this.#failure as LinecardError;
    const { send, log } = this.#options;
    this.#closeConversation();
    this.#failure = null;
    this.#handover = null;
    this.#attempt += 1;
    this.#reign += 1;
    const next = this.#attempts[this.#attempt];
    if (next === undefined) {
      log.error({ err: failure, attempts: this.#attempts.length }, 'agent failed, nobody is left to take over');
      send({ kind: 'agentFailed', callId: this.session.callId, code: failure.code, message: failure.message });
      return;
    }
    log.warn({ err: failure, next: next.provider.name }, 'agent failed, trying again');
    this.#openConversation();
  }

  /** Another agent, with what was said and what it has to know. One that cannot serve leaves the call with the present one, which is told so. */
  #handOver({ agent, context }: { readonly agent: string; readonly context: string }): void {
    const { attemptsOf, send, log } = this.#options;
    const from = this.#agent;
    const attempts = this.#handovers < MAX_HANDOVERS ? attemptsOf(agent) : [];
    this.#handover = null;
    this.#closeConversation();
    this.#reign += 1;
    this.#attempt = 0;
    if (attempts.length === 0) {
      log.warn({ agent }, 'agent cannot take the call over');
      this.#briefing = `"${agent}" cannot take the call over now. Say so in a word and go on with the caller yourself.`;
    } else {
      this.#handovers += 1;
      this.#agent = agent;
      this.#attempts = attempts;
      this.#briefing = `You take this call over from "${from}", another agent: ${context} Say in a word who you are, do not ask for what is known already, and go on.`;
      log.info({ from, agent }, 'call handed over to another agent');
      send({ kind: 'agentChanged', callId: this.session.callId, agent });
    }
    this.#openConversation();
  }

  /** Our own mistake: this call loses its agent, the others do not notice. */
  #broken(thrown: unknown): void {
    const error = toLinecardError(thrown);
    this.#options.log.error({ err: error }, 'conversation broke');
    this.#closeConversation();
    this.#attempt = this.#attempts.length;
    this.#reign += 1;
    this.#failure = null;
    this.#options.send({ kind: 'agentFailed', callId: this.session.callId, code: error.code, message: error.message });
  }

  #guard(act: (conversation: LiveConversation) => void): void {
    if (this.#conversation === null) return;
    try {
      act(this.#conversation);
    } catch (thrown) {
      this.#broken(thrown);
    }
  }

  #digit(digit: string): void {
    const shown = this.#conversation?.keys === 'secret' ? HIDDEN_DIGIT : digit;
    this.#options.send({ kind: 'digit', callId: this.session.callId, digit: shown });
    this.#guard((conversation) => conversation.digit(digit));
  }

  #rateChanged(): void {
    const { leg } = this;
    this.#reportedRateHz = leg.wireRateHz;
    this.#chain = leg.describe();
    const { callId } = this.session;
    this.#options.send({ kind: 'legConnected', callId, codec: leg.codec, sampleRateHz: leg.wireRateHz });
  }

  #closeConversation(): void {
    const conversation = this.#conversation;
    this.#conversation = null;
    try {
      conversation?.close();
    } catch (error) {
      this.#options.log.error({ err: error }, 'conversation failed to close');
    }
  }

  #legClosed(reason: LegCloseReason, detail: string): void {
    if (this.#closed) return;
    this.couple(null);
    this.#closeConversation();
    this.#closed = true;
    this.#control.close();
    this.#tap?.flush();
    this.#options.onClosed(this);
    this.#options.send({ kind: 'legClosed', callId: this.session.callId, reason, detail, report: this.report });
  }
}

/** A browser or a client program: no PBX plays music to it, and it has a page to read along. */
function isOwnParty({ transport }: OpenSession): boolean {
  return transport === 'webrtc' || transport === 'websocket';
}
