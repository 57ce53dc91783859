import type { AgentProvider } from '../../../src/agent/port.js';
import { AiSdkModel } from '../../../src/agent/providers/pipeline/ai-sdk-model.js';
import { deepgramListening, deepgramSpeaking } from '../../../src/agent/providers/pipeline/deepgram.js';
import { elevenLabsListening, elevenLabsSpeaking } from '../../../src/agent/providers/pipeline/elevenlabs.js';
import { OpenAiSpeaker, OpenAiTranscriber } from '../../../src/agent/providers/pipeline/openai-speech.js';
import type { SpeechToText, TextToSpeech } from '../../../src/agent/providers/pipeline/port.js';
import { PipelineProvider } from '../../../src/agent/providers/pipeline/provider.js';
import { SocketSpeaker } from '../../../src/agent/providers/pipeline/socket-speaker.js';
import { SocketTranscriber } from '../../../src/agent/providers/pipeline/socket-transcriber.js';
import { silentLogger } from '../../../src/core/logger.js';
import type { AgentCallHarness } from '../agent-call.js';
import type { AgentRig, Reply } from '../agent-contract.js';
import { GREETING, INTERJECTION } from '../agent-contract.js';
import { FakeClock } from '../fake-clock.js';
import { FakeOpenAiParts, HALF, HANG } from '../fake-openai-parts.js';
import { FakeSpeechVendor } from '../fake-speech-vendor.js';
import { callerSpeaks } from './caller-voice.js';

/** Where its words are understood and spoken; it thinks behind OpenAI's HTTP interface in any case. */
export type Speech = 'openai' | 'deepgram' | 'elevenlabs';

/** The contract's view of an agent made of parts; we find turns. */
export class PipelineRig implements AgentRig {
  readonly clock = new FakeClock();
  readonly knows = { tools: true, words: true, heard: 'words', answers: true } as const;
  readonly #fake = new FakeOpenAiParts();
  /** Null where the speech is OpenAI's as well. */
  readonly #vendor: FakeSpeechVendor | null;
  readonly #speech: Speech;

  constructor(speech: Speech) {
    this.#speech = speech;
    this.#vendor = speech === 'openai' ? null : new FakeSpeechVendor(speech);
  }

  get mistakes(): readonly string[] {
    return [...this.#fake.mistakes, ...(this.#vendor?.mistakes ?? [])];
  }

  async start(): Promise<void> {
    await this.#fake.server.start();
    await this.#vendor?.server.start();
  }

  async stop(): Promise<void> {
    await this.#fake.server.stop();
    await this.#vendor?.server.stop();
  }

  async provider(): Promise<AgentProvider> {
    const at = { baseUrl: this.#fake.baseUrl, apiKey: 'sk-test', clock: this.clock };
    const model = {
      provider: 'openai-compatible',
      model: 'llm-test',
      temperature: null,
      maxOutputTokens: 500,
    } as const;
    const provider = new PipelineProvider({
      name: 'mixed',
      ...this.#speechParts(),
      llm: new AiSdkModel({ ...at, ...model }),
      greeting: GREETING,
      instructions: '',
      headStart: 'on',
      filler: { text: '', afterMs: 1000 },
      log: silentLogger,
    });
    await provider.prepare();
    return provider;
  }

  #speechParts(): { readonly stt: SpeechToText; readonly tts: TextToSpeech } {
    const { clock } = this;
    const vendor = { baseUrl: this.#vendor?.baseUrl ?? '', apiKey: 'key-test', language: 'en' };
    switch (this.#speech) {
      case 'openai': {
        const at = { baseUrl: this.#fake.baseUrl, apiKey: 'sk-test', clock };
        return {
          stt: new OpenAiTranscriber({ ...at, model: 'stt-test', language: null }),
          tts: new OpenAiSpeaker({ ...at, model: 'tts-test', voice: 'nova', rateHz: 24_000 }),
        };
      }
      case 'deepgram':
        return {
          stt: new SocketTranscriber(deepgramListening({ ...vendor, model: 'nova-3' }), clock),
          tts: new SocketSpeaker(deepgramSpeaking({ ...vendor, model: 'aura-test' }), clock),
        };
      case 'elevenlabs':
        return {
          stt: new SocketTranscriber(elevenLabsListening({ ...vendor, model: 'scribe-test' }), clock),
          tts: new SocketSpeaker(elevenLabsSpeaking({ ...vendor, model: 'flash-test', voice: 'rachel' }), clock),
        };
    }
  }

  greet(): Promise<void> {
    return Promise.resolve();
  }

  turn(call: AgentCallHarness, said: string, reply: Reply): Promise<void> {
    this.#understood(said);
    switch (reply.kind) {
      case 'says':
        this.#fake.answers.push([reply.text]);
        break;
      case 'calls':
        this.#fake.answers.push([{ tool: reply.tool, input: JSON.stringify(reply.input) }], [reply.then]);
        break;
      case 'breaks':
        this.#fake.answers.push(['This is an answer that breaks off.']);
        if (this.#vendor === null) this.#fake.voiceFailures.push(HALF);
        else this.#vendor.voice = 'half';
        break;
      case 'hangs':
        // Once more for the second try.
        this.#fake.answers.push([HANG], [HANG]);
        break;
    }
    callerSpeaks(call, 500);
    call.run(700);
    return Promise.resolve();
  }

  interrupt(call: AgentCallHarness): Promise<void> {
    this.#understood(INTERJECTION);
    this.#fake.answers.push(['All right.']);
    callerSpeaks(call, 300);
    return Promise.resolve();
  }

  heardMs(): number | null {
    return null;
  }

  told(): string {
    return JSON.stringify(this.#fake.chats.at(-1)?.messages ?? []);
  }

  toolResults(): readonly string[] {
    const messages = this.#fake.chats.at(-1)?.messages ?? [];
    return messages.flatMap((message) => (message.role === 'tool' ? [message.content] : []));
  }

  digits(): string {
    return /keys: ([0-9*# ]+)/.exec(this.told())?.[1]?.replaceAll(' ', '') ?? '';
  }

  refuse(): void {
    this.#fake.refusesWith = 402;
    if (this.#vendor !== null) this.#vendor.server.welcome = { kind: 'refuse', status: 402 };
  }

  talkNonsense(): void {
    // Each request has its own answer: what comes unasked is no part of HTTP.
  }

  openConnections(): number {
    return this.#vendor?.server.connections.filter(({ closedWith }) => closedWith === null).length ?? 0;
  }

  #understood(text: string): void {
    (this.#vendor ?? this.#fake).transcripts.push(text);
  }
}
