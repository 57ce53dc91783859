import type { AgentProvider } from '../../../src/agent/port.js';
import { DeepgramAgentProvider } from '../../../src/agent/providers/deepgram-agent/provider.js';
import type { AgentCallHarness } from '../agent-call.js';
import { until } from '../agent-call.js';
import type { AgentRig, Reply } from '../agent-contract.js';
import { GREETING } from '../agent-contract.js';
import { FakeClock } from '../fake-clock.js';
import { FakeDeepgramAgent } from '../fake-deepgram-agent.js';

/** The contract's view of an agent at Deepgram and its fake. */
export class DeepgramAgentRig implements AgentRig {
  readonly clock = new FakeClock();
  readonly knows = { tools: true, words: true, heard: 'nothing', answers: true } as const;
  readonly #fake = new FakeDeepgramAgent();

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
      new DeepgramAgentProvider({
        name: 'dora',
        baseUrl: this.#fake.baseUrl,
        apiKey: 'key-test',
        greeting: GREETING,
        mind: {
          instructions: 'You are Dora.',
          voice: 'aura-2-thalia-en',
          stt: { model: 'nova-3', language: 'en' },
          llm: { provider: 'openai', model: 'gpt-4o-mini', temperature: null },
        },
      }),
    );
  }

  async greet(): Promise<void> {
    await until(() => this.#fake.sessions.length === 1 && this.#fake.session.of('InjectAgentMessage').length === 1);
    this.#fake.session.answer(GREETING, 400);
  }

  async turn(call: AgentCallHarness, said: string, reply: Reply): Promise<void> {
    const { session } = this.#fake;
    session.callerStarts();
    session.callerSaid(said);
    switch (reply.kind) {
      case 'says':
        session.answer(reply.text, reply.ms);
        break;
      case 'calls': {
        const before = session.of('FunctionCallResponse').length;
        session.call(reply.tool, reply.input);
        await call.runUntil(() => session.of('FunctionCallResponse').length > before);
        session.answer(reply.then, 400);
        break;
      }
      case 'breaks':
        session.say('This is', 400);
        await call.runUntil(() => call.leg.audibleFrames > 5);
        this.#fake.server.cut();
        break;
      case 'hangs':
        // The end of the turn has arrived when what was said has.
        await call.runUntil(() => call.turns.some(({ text }) => text === said));
        break;
    }
  }

  interrupt(): Promise<void> {
    this.#fake.session.callerStarts();
    return Promise.resolve();
  }

  heardMs(): number | null {
    return null;
  }

  told(): string {
    return JSON.stringify(this.#fake.session.received);
  }

  toolResults(): readonly string[] {
    return this.#fake.session.of('FunctionCallResponse').map(({ content }) => content);
  }

  digits(): string {
    return /keys: ([0-9*# ]+)/.exec(this.told())?.[1]?.replaceAll(' ', '') ?? '';
  }

  refuse(): void {
    this.#fake.complains = { code: 'INVALID_SETTINGS', description: 'no such model' };
  }

  talkNonsense(): void {
    const { socket } = this.#fake.session.connection;
    for (const text of ['no JSON', '[]', '{"type":"FunctionCallRequest"}', '{"type":7}']) socket.send(text);
  }

  openConnections(): number {
    return this.#fake.server.connections.filter(({ closedWith }) => closedWith === null).length;
  }
}
