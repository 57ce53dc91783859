import type { AgentProvider } from '../../../src/agent/port.js';
import { LinecardSocketProvider } from '../../../src/agent/providers/linecard-socket/provider.js';
import type { AgentCallHarness } from '../agent-call.js';
import { until } from '../agent-call.js';
import type { AgentRig, Reply } from '../agent-contract.js';
import { GREETING } from '../agent-contract.js';
import { FakeClock } from '../fake-clock.js';
import { FakeLinecardAgent } from '../fake-linecard-agent.js';

/** The contract's view of an agent behind our own protocol, which finds turns by itself here. */
export class LinecardSocketRig implements AgentRig {
  readonly clock = new FakeClock();
  readonly knows = { tools: true, words: true, heard: 'milliseconds', answers: false } as const;
  readonly #fake = new FakeLinecardAgent();
  #segments = 0;

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
    const about = { token: null, greeting: GREETING, instructions: '', voice: '', parameters: {} };
    return Promise.resolve(
      new LinecardSocketProvider({ name: 'remote', url: this.#fake.url, ...about, turnTaking: 'agent' }),
    );
  }

  async greet(): Promise<void> {
    await until(() => this.#fake.of('answered').length === 1);
    this.#say(GREETING, 400);
  }

  async turn(call: AgentCallHarness, said: string, reply: Reply): Promise<void> {
    this.#fake.send({ type: 'callerSaid', text: said });
    switch (reply.kind) {
      case 'says':
        this.#say(reply.text, reply.ms);
        break;
      case 'calls':
        this.#fake.send({ type: 'tool', id: 'call', name: reply.tool, input: reply.input });
        await call.runUntil(() => this.#fake.of('toolResult').length > 0);
        this.#say(reply.then, 400);
        break;
      case 'breaks':
        this.#fake.say(400);
        await call.runUntil(() => call.leg.audibleFrames > 5);
        this.#fake.server.cut();
        break;
      case 'hangs':
        break;
    }
  }

  interrupt(): Promise<void> {
    this.#fake.send({ type: 'clear' });
    return Promise.resolve();
  }

  heardMs(): number | null {
    return this.#fake.of('heard').find(({ interrupted }) => interrupted)?.heardMs ?? null;
  }

  told(): string {
    return JSON.stringify(this.#fake.received);
  }

  toolResults(): readonly string[] {
    return this.#fake.of('toolResult').map((result) => JSON.stringify(result));
  }

  digits(): string {
    return this.#fake
      .of('digit')
      .map(({ digit }) => digit)
      .join('');
  }

  refuse(): void {
    this.#fake.server.welcome = { kind: 'refuse', status: 503 };
  }

  talkNonsense(): void {
    for (const text of ['no JSON', '[]', '{"type":"fly"}', '{"type":"text","text":7}']) this.#fake.send(text);
  }

  openConnections(): number {
    return this.#fake.server.connections.filter(({ closedWith }) => closedWith === null).length;
  }

  #say(text: string, ms: number): void {
    this.#segments += 1;
    this.#fake.send({ type: 'segment', id: `s${this.#segments}` });
    this.#fake.send({ type: 'text', text });
    this.#fake.say(ms);
    this.#fake.send({ type: 'end' });
  }
}
