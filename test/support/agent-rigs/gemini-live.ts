import type { AgentProvider } from '../../../src/agent/port.js';
import { GeminiLiveProvider } from '../../../src/agent/providers/gemini-live/provider.js';
import type { AgentCallHarness } from '../agent-call.js';
import { until } from '../agent-call.js';
import type { AgentRig, Reply } from '../agent-contract.js';
import { GREETING } from '../agent-contract.js';
import { FakeClock } from '../fake-clock.js';
import { FakeGeminiLive } from '../fake-gemini-live.js';
import { callerSpeaks } from './caller-voice.js';

/** The contract's view of Gemini Live and its fake; we find turns. */
export class GeminiLiveRig implements AgentRig {
  readonly clock = new FakeClock();
  readonly knows = { tools: true, words: true, heard: 'nothing', answers: true } as const;
  readonly #fake = new FakeGeminiLive();

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
    return Promise.resolve(
      new GeminiLiveProvider({
        name: 'gemini',
        baseUrl: this.#fake.baseUrl,
        apiKey: 'key-test',
        greeting: GREETING,
        voice: { model: 'gemini-test', instructions: 'You are Clara.', voice: 'Puck', turnTaking: 'linecard' },
      }),
    );
  }

  async greet(): Promise<void> {
    await until(() => this.#fake.sessions.length === 1 && this.#fake.session.texts.length === 1);
    this.#fake.session.answer(GREETING, 400);
  }

  async turn(call: AgentCallHarness, said: string, reply: Reply): Promise<void> {
    const { session } = this.#fake;
    const turns = session.activitiesMs.length;
    callerSpeaks(call, 500);
    await call.runUntil(() => session.activitiesMs.length > turns && !session.inActivity);
    session.understood(said);
    switch (reply.kind) {
      case 'says':
        session.answer(reply.text, reply.ms);
        break;
      case 'calls': {
        const before = session.results.length;
        session.call(reply.tool, reply.input as Record<string, unknown>);
        await call.runUntil(() => session.results.length > before);
        session.answer(reply.then, 400);
        break;
      }
      case 'breaks':
        session.say('This is', 400);
        await call.runUntil(() => call.leg.audibleFrames > 25);
        this.#fake.server.cut();
        break;
      case 'hangs':
        break;
    }
  }

  interrupt(call: AgentCallHarness): Promise<void> {
    callerSpeaks(call, 500);
    return Promise.resolve();
  }

  heardMs(): number | null {
    return null;
  }

  told(): string {
    const { setup, texts } = this.#fake.session;
    return JSON.stringify([setup?.systemInstruction, ...texts]);
  }

  toolResults(): readonly string[] {
    return this.#fake.session.results.map((result) => JSON.stringify(result));
  }

  digits(): string {
    return /keys: ([0-9*# ]+)/.exec(this.told())?.[1]?.replaceAll(' ', '') ?? '';
  }

  refuse(): void {
    this.#fake.closesWith = { code: 1007, reason: 'API key not valid. Please pass a valid API key.' };
  }

  talkNonsense(): void {
    const { socket } = this.#fake.session.connection;
    for (const text of ['no JSON', '[]', '{"serverContent":7}', '{"toolCall":{"functionCalls":{}}}']) socket.send(text);
  }

  openConnections(): number {
    return this.#fake.server.connections.filter(({ closedWith }) => closedWith === null).length;
  }
}
