import type { AgentProvider } from '../../../src/agent/port.js';
import { ElevenLabsAgentProvider } from '../../../src/agent/providers/elevenlabs-agent/provider.js';
import type { AgentCallHarness } from '../agent-call.js';
import { until } from '../agent-call.js';
import type { AgentRig, Reply } from '../agent-contract.js';
import { GREETING } from '../agent-contract.js';
import { FakeClock } from '../fake-clock.js';
import { FakeElevenLabsAgent } from '../fake-elevenlabs-agent.js';

/** The contract's view of an agent at ElevenLabs and its fake. */
export class ElevenLabsAgentRig implements AgentRig {
  readonly clock = new FakeClock();
  readonly knows = { tools: true, words: true, heard: 'nothing', answers: true } as const;
  readonly #fake = new FakeElevenLabsAgent();

  get mistakes(): readonly string[] {
    return this.#fake.allMistakes;
  }

  async start(): Promise<void> {
    await this.#fake.server.start();
  }

  async stop(): Promise<void> {
    await this.#fake.server.stop();
  }

  provider(): Promise<AgentProvider> {
    return Promise.resolve(
      new ElevenLabsAgentProvider({
        name: 'ella',
        baseUrl: this.#fake.baseUrl,
        apiKey: 'key-test',
        agentId: 'agent-test',
        overrides: { firstMessage: GREETING, instructions: 'You are Ella.', voice: null, language: null },
        variables: { tenant: 'acme' },
      }),
    );
  }

  async greet(): Promise<void> {
    await until(() => this.#fake.sessions.length === 1 && this.#fake.session.initiation !== undefined);
    this.#fake.session.answer(GREETING, 400);
  }

  async turn(call: AgentCallHarness, said: string, reply: Reply): Promise<void> {
    const { session } = this.#fake;
    session.callerSaid(said);
    switch (reply.kind) {
      case 'says':
        session.answer(reply.text, reply.ms);
        break;
      case 'calls': {
        const before = session.of('client_tool_result').length;
        session.call(reply.tool, reply.input as Record<string, unknown>);
        await call.runUntil(() => session.of('client_tool_result').length > before);
        session.answer(reply.then, 400);
        break;
      }
      case 'breaks':
        session.answer('This is', 400);
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
    this.#fake.session.interrupted();
    return Promise.resolve();
  }

  heardMs(): number | null {
    return null;
  }

  told(): string {
    return JSON.stringify(this.#fake.session.received);
  }

  toolResults(): readonly string[] {
    return this.#fake.session.of('client_tool_result').map(({ result }) => result);
  }

  digits(): string {
    return /keys: ([0-9*# ]+)/.exec(this.told())?.[1]?.replaceAll(' ', '') ?? '';
  }

  refuse(): void {
    this.#fake.signs = 'no';
  }

  talkNonsense(): void {
    const { socket } = this.#fake.session.connection;
    for (const text of ['no JSON', '[]', '{"type":"audio"}', '{"type":7}']) socket.send(text);
  }

  openConnections(): number {
    return this.#fake.server.connections.filter(({ closedWith }) => closedWith === null).length;
  }
}
