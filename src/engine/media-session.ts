import { assertNever } from '../core/assert-never.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import { FRAME_MS, FRAME_SAMPLES } from '../core/units.js';
import type { LegCloseReason, MediaLeg } from '../media/leg.js';
import { HoldMusic } from '../media/hold-music.js';
import { MeteredLeg } from '../media/metered-leg.js';
import type { RecordedChunk } from '../media/recording-tap.js';
import { RecordingTap } from '../media/recording-tap.js';
import type { Ticked } from '../media/ticker.js';
import { AgentSuccession } from './agent-succession.js';
import type { HostedAgent, OpenConversation } from './live-conversation.js';
import type { FromMedia, LegReport, OpenSession, ToMedia } from './port.js';
import { RemoteControl } from './remote-control.js';
import { UplinkWatch } from './uplink-watch.js';

/**
 * A report after the first second, then every five: copying one to the other thread takes 0.15 ms, as much as the audio of
 * eight frames.
 */
const FIRST_REPORT_TICKS = 1000 / FRAME_MS;
const REPORT_TICKS = 5000 / FRAME_MS;
/** Stands for a digit that nobody may see. */
const HIDDEN_DIGIT = '•';

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
  readonly #agents: AgentSuccession;
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
    const { session, attemptsOf, openConversation, send, clock, log } = options;
    const { callId } = session;
    const onChunk = (chunk: RecordedChunk): void => send({ kind: 'recorded', callId, ...chunk });
    this.#tap = options.recording === 'on' ? new RecordingTap({ clock, onChunk }) : null;
    const leg = new MeteredLeg(options.leg, this.#tap);
    this.#options = options;
    this.session = session;
    this.leg = leg;
    this.#control = new RemoteControl({ callId, clock, send });
    this.#agents = new AgentSuccession({
      session,
      captions: isOwnParty(session) ? 'on' : 'off',
      leg,
      attemptsOf,
      openConversation,
      control: this.#control,
      send,
      clock,
      log,
    });
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
    this.#agents.open();
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
      talkedMs: this.#agents.talkedMs,
      ...(leg.network === undefined ? {} : { network: leg.network }),
      chain: this.#chain,
    };
  }

  tick(nowMs: number): void {
    if ((this.leg.presence ?? 'here') !== this.#presence) this.#presenceChanged(nowMs);
    this.#agents.succeed();
    if (this.#partner !== null) {
      this.leg.pull(MediaSession.#scratch, nowMs);
      this.#partner.leg.push(MediaSession.#scratch);
    } else if (this.#held === 'held' && this.#music !== null) {
      this.leg.pull(MediaSession.#scratch, nowMs);
      this.#music.pull(MediaSession.#scratch);
      this.leg.push(MediaSession.#scratch);
    } else if (!this.#agents.tick(nowMs)) {
      this.leg.pull(MediaSession.#scratch, nowMs);
      this.leg.push(MediaSession.#silence);
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
        this.#agents.act((conversation) => conversation.say(command.text, command.instead));
        break;
      case 'takeMessage':
        this.#agents.act((conversation) => conversation.takeMessage(command.text));
        break;
      case 'relay':
        this.#agents.act((conversation) => conversation.relay(command.words, command.text));
        break;
      case 'instruct':
        this.#agents.act((conversation) => conversation.instruct(command.text));
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
    this.#agents.start();
  }

  /** Ends the agent's session, then the leg. Idempotent. */
  close(reason: LegCloseReason): void {
    this.#agents.close();
    this.leg.close(reason);
  }

  /** The agent neither hears nor speaks for now. */
  get #waits(): boolean {
    return this.#held === 'held' || this.#presence === 'away';
  }

  #watchLeg(): void {
    this.leg.watch(this.#started && !this.#waits ? 'on' : 'off');
  }

  #holdOrResume(): void {
    this.#watchLeg();
    this.#agents.hold(this.#waits ? 'held' : 'resumed');
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

  #digit(digit: string): void {
    const shown = this.#agents.keys === 'secret' ? HIDDEN_DIGIT : digit;
    this.#options.send({ kind: 'digit', callId: this.session.callId, digit: shown });
    this.#agents.act((conversation) => conversation.digit(digit));
  }

  #rateChanged(): void {
    const { leg } = this;
    this.#reportedRateHz = leg.wireRateHz;
    this.#chain = leg.describe();
    const { callId } = this.session;
    this.#options.send({ kind: 'legConnected', callId, codec: leg.codec, sampleRateHz: leg.wireRateHz });
  }

  #legClosed(reason: LegCloseReason, detail: string): void {
    if (this.#closed) return;
    this.couple(null);
    this.#agents.end();
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
