import type { AgentProvider } from '../../../src/agent/port.js';
import { MediaStreamsProvider } from '../../../src/agent/providers/media-streams/provider.js';
import type { AgentCallHarness } from '../agent-call.js';
import { until } from '../agent-call.js';
import type { AgentRig, Reply } from '../agent-contract.js';
import { FakeClock } from '../fake-clock.js';
import { FakeMediaStreamsBot } from '../fake-media-streams-bot.js';

/** The contract's view of a bot that speaks Twilio Media Streams: sound, keys, marks and nothing else. */
export class MediaStreamsRig implements AgentRig {
  readonly clock = new FakeClock();
  readonly knows = { tools: false, words: false, heard: 'nothing', answers: false } as const;
  readonly #bot = new FakeMediaStreamsBot();

  get mistakes(): readonly string[] {
    return this.#bot.mistakes;
  }

  async start(): Promise<void> {
    await this.#bot.server.start();
  }

  async stop(): Promise<void> {
    await this.#bot.server.stop();
  }

  provider(): Promise<AgentProvider> {
    return Promise.resolve(
      new MediaStreamsProvider({ name: 'mybot', url: this.#bot.url, parameters: {}, authToken: null }),
    );
  }

  async greet(): Promise<void> {
    await until(() => this.#bot.of('start').length === 1);
    this.#bot.say(400);
  }

  async turn(call: AgentCallHarness, _said: string, reply: Reply): Promise<void> {
    if (reply.kind === 'says') this.#bot.say(reply.ms);
    if (reply.kind !== 'breaks') return;
    this.#bot.say(400);
    await call.runUntil(() => call.leg.audibleFrames > 5);
    this.#bot.server.cut();
  }

  interrupt(): Promise<void> {
    this.#bot.clear();
    return Promise.resolve();
  }

  heardMs(): number | null {
    return null;
  }

  told(): string {
    return '';
  }

  toolResults(): readonly string[] {
    return [];
  }

  digits(): string {
    return this.#bot
      .of('dtmf')
      .map(({ dtmf }) => dtmf.digit)
      .join('');
  }

  refuse(): void {
    this.#bot.server.welcome = { kind: 'refuse', status: 403 };
  }

  talkNonsense(): void {
    for (const text of ['no JSON', '[]', '{"event":"media"}', '{"event":7}']) this.#bot.send(text);
  }

  openConnections(): number {
    return this.#bot.server.connections.filter(({ closedWith }) => closedWith === null).length;
  }
}
