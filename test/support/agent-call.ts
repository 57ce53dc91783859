import { vi } from 'vitest';
import type { TurnRules } from '../../src/agent/caller-turns.js';
import type { FillerRules } from '../../src/agent/filler.js';
import { Conversation } from '../../src/agent/conversation.js';
import type { AgentCall, AgentProvider, CallControl, Floor, Tool } from '../../src/agent/port.js';
import { SampleChunks } from '../../src/agent/sample-chunks.js';
import type { VoiceActivityDetector } from '../../src/agent/speech-gate.js';
import type { ToolUse, Turn } from '../../src/core/calls.js';
import type { LinecardError } from '../../src/core/errors.js';
import { newCallId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { FakeClock } from './fake-clock.js';
import { FakeLeg } from './fake-leg.js';

export type AgentCallOptions = {
  readonly provider: AgentProvider;
  readonly call?: Partial<AgentCall>;
  readonly tools?: readonly Tool[];
  /** For tools that end the call. */
  readonly makeTools?: (floor: Floor) => readonly Tool[];
  readonly control?: Partial<CallControl>;
  readonly turns?: TurnRules;
  readonly filler?: FillerRules;
  readonly echoGuard?: 'on' | 'off';
  /** Without one, any sound is speech. */
  readonly openDetector?: () => VoiceActivityDetector;
  /** Where the provider has one of its own. */
  readonly clock?: FakeClock;
};

/** A call with one agent over a fake leg and a fake clock, and what the agent's owner was told. */
export class AgentCallHarness {
  readonly clock: FakeClock;
  readonly leg = new FakeLeg();
  readonly turns: Turn[] = [];
  readonly captions: string[] = [];
  readonly failures: LinecardError[] = [];
  readonly done: string[] = [];
  tokens = 0;
  readonly handovers: string[] = [];
  readonly toolsCalled: { readonly tool: string; readonly ok: boolean }[] = [];
  /** The same with all that is known of them. */
  readonly toolUses: ToolUse[] = [];
  readonly interruptions: number[] = [];
  readonly conversation: Conversation;

  constructor(options: AgentCallOptions) {
    this.clock = options.clock ?? new FakeClock();
    const caller = { number: '+4930123', name: 'Ada' };
    this.conversation = new Conversation({
      leg: this.leg,
      provider: options.provider,
      call: { callId: newCallId(), caller, extension: '7000', history: [], ...options.call },
      control: {
        transfer: () => Promise.resolve(),
        hangUp: () => Promise.resolve(),
        saveMessage: () => Promise.resolve('m1'),
        hours: () => Promise.resolve({ open: true, text: 'always' }),
        sendDigits: () => Promise.resolve(),
        hold: () => Promise.resolve(),
        note: () => Promise.resolve(),
        ...options.control,
      },
      echoGuard: options.echoGuard ?? 'off',
      ...(options.turns === undefined ? {} : { turns: options.turns }),
      ...(options.filler === undefined ? {} : { filler: options.filler }),
      tools: options.makeTools ?? (() => options.tools ?? []),
      openDetector: options.openDetector ?? (() => ({ isSpeech: (frame) => frame[0] !== 0, close: () => undefined })),
      chunks: new SampleChunks(),
      listener: {
        firstAudio: () => undefined,
        turn: (turn) => this.turns.push(turn),
        caption: (who, text) => this.captions.push(`${who}: ${text}`),
        interrupted: (heardMs) => this.interruptions.push(heardMs),
        responseStarted: () => undefined,
        toolCalled: (use) => {
          this.toolsCalled.push({ tool: use.tool, ok: use.ok });
          this.toolUses.push(use);
        },
        used: (input, output) => {
          this.tokens += input + output;
        },
        handedOver: (agent) => this.handovers.push(agent),
        done: (reason) => this.done.push(reason),
        failed: (error) => this.failures.push(error),
      },
      clock: this.clock,
      log: silentLogger,
    });
  }

  /** Lets `ms` pass, tick by tick, while the caller says a constant level (0: nothing) or a frame again and again. */
  run(ms: number, said: number | Int16Array = 0): void {
    for (let passed = 0; passed < ms; passed += FRAME_MS) {
      this.clock.advance(FRAME_MS);
      if (said !== 0) this.leg.uplink.push(typeof said === 'number' ? new Int16Array(FRAME_SAMPLES).fill(said) : said);
      this.conversation.tick(this.clock.nowMs());
    }
  }

  /** The same, until something has come true: each tick lets what is on the network arrive. */
  async runUntil(condition: () => boolean, level = 0): Promise<void> {
    await vi.waitFor(
      () => {
        this.run(FRAME_MS, level);
        if (!condition()) throw new Error(`not yet: ${String(condition)}`);
      },
      { interval: 1, timeout: 5000 },
    );
  }
}

/** Waits for what comes over a real socket, without letting the call's time pass. */
export async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${String(condition)}`);
    },
    { interval: 1, timeout: 5000 },
  );
}
