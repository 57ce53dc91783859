import type { AgentProvider } from '../../../src/agent/port.js';
import { AiSdkModel } from '../../../src/agent/providers/pipeline/ai-sdk-model.js';
import { OpenAiSpeaker, OpenAiTranscriber } from '../../../src/agent/providers/pipeline/openai-speech.js';
import { PipelineProvider } from '../../../src/agent/providers/pipeline/provider.js';
import { silentLogger } from '../../../src/core/logger.js';
import type { AgentCallHarness } from '../agent-call.js';
import type { AgentRig, Reply } from '../agent-contract.js';
import { GREETING, INTERJECTION } from '../agent-contract.js';
import { FakeClock } from '../fake-clock.js';
import { FakeOpenAiParts, HALF, HANG } from '../fake-openai-parts.js';
import { callerSpeaks } from './caller-voice.js';

/** The contract's view of an agent made of parts behind OpenAI's HTTP interface; we find turns. */
export class PipelineRig implements AgentRig {
  readonly clock = new FakeClock();
  readonly knows = { tools: true, words: true, heard: 'words', answers: true } as const;
  readonly #fake = new FakeOpenAiParts();

  get mistakes(): readonly string[] {
    return this.#fake.mistakes;
  }

  async start(): Promise<void> {
    await this.#fake.server.start();
  }

  async stop(): Promise<void> {
    await this.#fake.server.stop();
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
      stt: new OpenAiTranscriber({ ...at, model: 'stt-test', language: null }),
      llm: new AiSdkModel({ ...at, ...model }),
      tts: new OpenAiSpeaker({ ...at, model: 'tts-test', voice: 'nova', rateHz: 24_000 }),
      greeting: GREETING,
      instructions: '',
      filler: { text: '', afterMs: 1000 },
      log: silentLogger,
    });
    await provider.prepare();
    return provider;
  }

  greet(): Promise<void> {
    return Promise.resolve();
  }

  turn(call: AgentCallHarness, said: string, reply: Reply): Promise<void> {
    this.#fake.transcripts.push(said);
    switch (reply.kind) {
      case 'says':
        this.#fake.answers.push([reply.text]);
        break;
      case 'calls':
        this.#fake.answers.push([{ tool: reply.tool, input: JSON.stringify(reply.input) }], [reply.then]);
        break;
      case 'breaks':
        this.#fake.answers.push(['This is an answer that breaks off.']);
        this.#fake.voiceFailures.push(HALF);
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
    this.#fake.transcripts.push(INTERJECTION);
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
  }

  talkNonsense(): void {
    // Each request has its own answer: what comes unasked is no part of HTTP.
  }

  openConnections(): number {
    return 0;
  }
}
