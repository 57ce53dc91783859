import { systemClock } from '../../../src/core/clock.js';
import type { AgentProvider } from '../../../src/agent/port.js';
import { BedrockStreams } from '../../../src/agent/providers/nova-sonic/bedrock.js';
import { NovaSonicProvider } from '../../../src/agent/providers/nova-sonic/provider.js';
import type { AgentCallHarness } from '../agent-call.js';
import { until } from '../agent-call.js';
import type { AgentRig, Reply } from '../agent-contract.js';
import { GREETING } from '../agent-contract.js';
import { FakeClock } from '../fake-clock.js';
import { FakeNovaSonic } from '../fake-nova-sonic.js';

/** The contract's view of Nova Sonic and its fake. */
export class NovaSonicRig implements AgentRig {
  readonly clock = new FakeClock();
  readonly knows = { tools: true, words: true, heard: 'nothing', answers: true } as const;
  readonly #fake = new FakeNovaSonic();

  get mistakes(): readonly string[] {
    return this.#fake.mistakes;
  }

  async start(): Promise<void> {
    await this.#fake.start();
  }

  async stop(): Promise<void> {
    await this.#fake.stop();
  }

  async provider(): Promise<AgentProvider> {
    const credentials = { accessKeyId: 'AKTEST', secretAccessKey: 'secret' };
    const provider = new NovaSonicProvider({
      name: 'nova',
      streams: new BedrockStreams({
        region: 'us-east-1',
        baseUrl: this.#fake.baseUrl,
        credentials,
        clock: systemClock,
      }),
      greeting: GREETING,
      voice: { model: 'nova-test', instructions: '', voice: 'matthew' },
    });
    await provider.prepare();
    return provider;
  }

  async greet(): Promise<void> {
    await until(() => this.#fake.sessions.length === 1 && this.#fake.session.texts.length === 1);
    this.#fake.session.answer(GREETING, 400);
  }

  async turn(call: AgentCallHarness, said: string, reply: Reply): Promise<void> {
    const { session } = this.#fake;
    session.understood(said);
    switch (reply.kind) {
      case 'says':
        session.answer(reply.text, reply.ms);
        break;
      case 'calls': {
        const before = session.results.length;
        session.call(reply.tool, reply.input);
        await call.runUntil(() => session.results.length > before);
        session.answer(reply.then, 400);
        break;
      }
      case 'breaks':
        session.say('This is', 400, 'half');
        await call.runUntil(() => call.leg.audibleFrames > 25);
        this.#fake.cut();
        break;
      case 'hangs':
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
    const { history, texts } = this.#fake.session;
    return JSON.stringify([...history, ...texts]);
  }

  toolResults(): readonly string[] {
    return this.#fake.session.results;
  }

  digits(): string {
    return /keys: ([0-9*# ]+)/.exec(this.told())?.[1]?.replaceAll(' ', '') ?? '';
  }

  refuse(): void {
    this.#fake.refusesWith = { status: 403, exception: 'AccessDeniedException' };
  }

  talkNonsense(): void {
    for (const text of ['no JSON', '[]', '{"event":7}', '{"event":{"contentStart":{}}}'])
      this.#fake.session.sendText(text);
  }

  openConnections(): number {
    return this.#fake.sessions.filter(({ closed }) => !closed).length;
  }
}
