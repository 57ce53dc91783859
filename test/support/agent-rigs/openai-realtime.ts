import type { AgentProvider } from '../../../src/agent/port.js';
import { OpenAiRealtimeProvider } from '../../../src/agent/providers/openai-realtime/provider.js';
import { until } from '../agent-call.js';
import type { AgentCallHarness } from '../agent-call.js';
import type { AgentRig, Reply } from '../agent-contract.js';
import { GREETING } from '../agent-contract.js';
import { FakeClock } from '../fake-clock.js';
import { FakeOpenAiRealtime } from '../fake-openai-realtime.js';
import { callerSpeaks } from './caller-voice.js';

/** The contract's view of OpenAI Realtime and its fake. */
export class OpenAiRealtimeRig implements AgentRig {
  readonly clock = new FakeClock();
  readonly knows = { tools: true, words: true, heard: 'milliseconds', answers: true } as const;
  readonly #fake = new FakeOpenAiRealtime();
  readonly #turns: 'ours' | "the model's";

  /** @param turns ours: with the sound of a telephone line as well */
  constructor(turns: 'ours' | "the model's" = "the model's") {
    this.#turns = turns;
  }

  get mistakes(): readonly string[] {
    return this.#fake.mistakes;
  }

  async start(): Promise<void> {
    await this.#fake.server.start();
  }

  async stop(): Promise<void> {
    await this.#fake.server.stop();
  }

  provider(): Promise<AgentProvider> {
    const voice = { model: 'gpt-realtime', instructions: '', voice: 'marin' };
    const turns =
      this.#turns === 'ours'
        ? ({ audio: 'ulaw', turnDetection: 'linecard' } as const)
        : ({ audio: 'pcm', turnDetection: 'server_vad' } as const);
    const provider = new OpenAiRealtimeProvider({
      name: 'clara',
      baseUrl: this.#fake.baseUrl,
      apiKey: 'sk-test',
      greeting: GREETING,
      voice: { ...voice, ...turns, transcriptionModel: 'gpt-4o-mini-transcribe' },
    });
    return Promise.resolve(provider);
  }

  async greet(): Promise<void> {
    await until(() => this.#fake.sessions.length === 1 && this.#fake.session.of('response.create').length === 1);
    this.#fake.session.answer(GREETING, 400);
  }

  async turn(call: AgentCallHarness, said: string, reply: Reply): Promise<void> {
    const { session } = this.#fake;
    if (this.#turns === 'ours') await this.#speak(call, said);
    else {
      session.callerStarts();
      session.callerStops(said);
    }
    switch (reply.kind) {
      case 'says':
        session.answer(reply.text, reply.ms);
        break;
      case 'calls': {
        const before = session.of('response.create').length;
        session.respond();
        session.call(reply.tool, reply.input);
        session.done();
        await call.runUntil(() => session.of('response.create').length > before);
        session.answer(reply.then, 400);
        break;
      }
      case 'breaks':
        session.respond();
        session.say('This is', 400, 'half');
        await call.runUntil(() => call.leg.audibleFrames > 5);
        this.#fake.server.cut();
        break;
      case 'hangs':
        // The end of the turn has arrived when what was said has.
        await call.runUntil(() => call.turns.some(({ text }) => text === said));
        break;
    }
  }

  interrupt(call: AgentCallHarness): Promise<void> {
    if (this.#turns === 'ours') callerSpeaks(call, 500);
    else this.#fake.session.callerStarts();
    return Promise.resolve();
  }

  heardMs(): number | null {
    return this.#fake.session.of('conversation.item.truncate').at(-1)?.audio_end_ms ?? null;
  }

  told(): string {
    const { session } = this.#fake;
    return JSON.stringify([...session.of('conversation.item.create'), ...session.of('response.create')]);
  }

  toolResults(): readonly string[] {
    return this.#fake.session.toolOutputs.map(({ output }) => JSON.stringify(output));
  }

  digits(): string {
    return /keys: ([0-9*# ]+)/.exec(this.told())?.[1]?.replaceAll(' ', '') ?? '';
  }

  refuse(): void {
    this.#fake.server.welcome = { kind: 'refuse', status: 429 };
  }

  talkNonsense(): void {
    const { socket } = this.#fake.session.connection;
    for (const text of ['no JSON', '[]', '{"type":"response.output_audio.delta"}', '{"type":7}']) socket.send(text);
  }

  openConnections(): number {
    return this.#fake.server.connections.filter(({ closedWith }) => closedWith === null).length;
  }

  /** A turn that we find, and the model is asked to answer. */
  async #speak(call: AgentCallHarness, said: string): Promise<void> {
    const { session } = this.#fake;
    const before = session.of('response.create').length;
    // What was said before has come whole: nobody cancels what he knows to be over.
    await call.runUntil(() => call.leg.audibleFrames > 3);
    callerSpeaks(call, 500);
    await call.runUntil(() => session.of('response.create').length > before);
    session.understood(said);
  }
}
