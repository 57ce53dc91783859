import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentCall, AgentProvider, Tool } from '../../src/agent/port.js';
import { hoursTool } from '../../src/agent/tools/hours.js';
import { transferTool } from '../../src/agent/tools/transfer.js';
import { AgentCallHarness, until } from './agent-call.js';
import type { FakeClock } from './fake-clock.js';

/** What every agent in the contract says first, as far as it is told its words. */
export const GREETING = 'Thank you for calling Acme.';

/** What the caller says to interrupt. */
export const INTERJECTION = 'Stop.';

/** What the fake is to do with the caller's next turn. */
export type Reply =
  | { readonly kind: 'says'; readonly text: string; readonly ms: number }
  | { readonly kind: 'calls'; readonly tool: string; readonly input: unknown; readonly then: string }
  /** Begins to speak and then breaks. */
  | { readonly kind: 'breaks' }
  | { readonly kind: 'hangs' };

/** A provider, its fake, and how to make the fake do what a test wants. */
export interface AgentRig {
  /** Of the provider and of the call. */
  readonly clock: FakeClock;
  /** What the protocol has no words for is not asked for. */
  readonly knows: {
    readonly tools: boolean;
    /** What was said, by whomever, in words. */
    readonly words: boolean;
    /** How much was heard of what was said: in milliseconds, in words of its memory, or the protocol has no means. */
    readonly heard: 'milliseconds' | 'words' | 'nothing';
    /** Has an answer to every turn, and is given up without one. */
    readonly answers: boolean;
  };
  /** What no client of the protocol may send. */
  readonly mistakes: readonly string[];
  start(): Promise<void>;
  stop(): Promise<void>;
  provider(): Promise<AgentProvider>;
  /** After `conversation.start`: says GREETING, when it was asked to. */
  greet(call: AgentCallHarness): Promise<void>;
  /** The caller says something that the agent understands, and the fake replies; resolves when the reply is on its way. */
  turn(call: AgentCallHarness, said: string, reply: Reply): Promise<void>;
  /** The caller speaks into an answer, and the agent has noticed it. */
  interrupt(call: AgentCallHarness): Promise<void>;
  /** What the fake was told to have been heard of its last answer; null as long as it was told nothing. */
  heardMs(): number | null;
  /** Everything in words that the fake was told, in order. */
  told(): string;
  /** The results of tools, as JSON. */
  toolResults(): readonly string[];
  digits(): string;
  /** From now on every call is refused. */
  refuse(): void;
  /** Says what the protocol does not know. */
  talkNonsense(): void;
  openConnections(): number;
}

const LONG = 'This is a long story about something that happened to somebody quite a while ago, in a town by the sea.';

/** What a call may rely on, whoever the agent is. */
export function agentContract(name: string, makeRig: () => AgentRig): void {
  describe(`an agent by ${name}`, () => {
    let rig: AgentRig;
    let provider: AgentProvider;
    let harness: AgentCallHarness | null;

    beforeEach(async () => {
      rig = makeRig();
      await rig.start();
      provider = await rig.provider();
      harness = null;
    });

    afterEach(async () => {
      harness?.conversation.close();
      await provider.close();
      await rig.stop();
      expect(rig.mistakes).toEqual([]);
    });

    function open(
      options: {
        readonly call?: Partial<AgentCall>;
        readonly tools?: readonly Tool[];
        readonly transfer?: (to: string) => Promise<void>;
      } = {},
    ): AgentCallHarness {
      const { call = {}, tools = [], transfer = () => Promise.resolve() } = options;
      harness = new AgentCallHarness({ provider, call, tools, control: { transfer }, clock: rig.clock });
      return harness;
    }

    /** A call whose greeting was heard. */
    async function greeted(options: Parameters<typeof open>[0] = {}): Promise<AgentCallHarness> {
      const call = open(options);
      call.conversation.start();
      await rig.greet(call);
      await call.runUntil(() => call.leg.audibleFrames > 0);
      await quiet(call);
      return call;
    }

    it('says nothing before the caller can hear, and then its greeting', async () => {
      const call = open();
      call.run(400);
      expect(call.leg.audibleFrames).toBe(0);
      call.conversation.start();
      await rig.greet(call);
      await call.runUntil(() => call.leg.audibleFrames >= 10);
      await quiet(call);
      expect(call.failures).toEqual([]);
      if (rig.knows.words) expect(call.turns).toMatchObject([{ who: 'agent', text: GREETING, interrupted: false }]);
    });

    it('answers what the caller says, and both are in the history', async () => {
      const call = await greeted();
      const before = call.leg.audibleFrames;
      await rig.turn(call, 'Are you open?', { kind: 'says', text: 'Yes, until five.', ms: 600 });
      await call.runUntil(() => call.leg.audibleFrames > before);
      await quiet(call);
      expect(call.leg.audibleFrames - before).toBeGreaterThanOrEqual(10);
      if (rig.knows.words) {
        await call.runUntil(() => call.turns.length === 3);
        expect(call.turns.slice(1).map(({ who, text }) => `${who}: ${text}`)).toEqual([
          'caller: Are you open?',
          'agent: Yes, until five.',
        ]);
      }
    });

    it('stops when the caller speaks into it, and is told how much was heard', async () => {
      const call = await greeted();
      const before = call.leg.audibleFrames;
      await rig.turn(call, 'Tell me something.', { kind: 'says', text: LONG, ms: 8000 });
      await call.runUntil(() => call.leg.audibleFrames >= before + 50);
      await rig.interrupt(call);
      await quiet(call, 3);
      const heardMs = (call.leg.audibleFrames - before) * 20;
      expect(heardMs).toBeLessThan(3000);
      if (rig.knows.words) {
        // Who understands words says so when it has understood them.
        await call.runUntil(() => call.turns.some(({ interrupted }) => interrupted));
        const turn = call.turns.find(({ interrupted }) => interrupted)!;
        expect(Math.abs(turn.heardMs - heardMs)).toBeLessThanOrEqual(20);
        expect(LONG.startsWith(turn.text)).toBe(true);
        expect(turn.text.length).toBeLessThan(LONG.length * 0.6);
      }
      if (rig.knows.heard === 'milliseconds') {
        await call.runUntil(() => rig.heardMs() !== null);
        expect(Math.abs((rig.heardMs() ?? 0) - heardMs)).toBeLessThanOrEqual(20);
      }
    });

    it('remembers of what it said only what was heard', async () => {
      if (rig.knows.heard !== 'words') return;
      const call = await greeted();
      const before = call.leg.audibleFrames;
      await rig.turn(call, 'Tell me something.', { kind: 'says', text: LONG, ms: 8000 });
      await call.runUntil(() => call.leg.audibleFrames >= before + 50);
      await rig.interrupt(call);
      await call.runUntil(() => rig.told().includes(INTERJECTION));
      expect(rig.told()).toContain('This is a');
      expect(rig.told()).not.toContain('in a town by the sea');
    });

    it('runs a tool, gets its result, and speaks about it', async () => {
      if (!rig.knows.tools) return;
      const call = await greeted({ tools: [hoursTool] });
      const before = call.leg.audibleFrames;
      await rig.turn(call, 'When?', { kind: 'calls', tool: 'hours', input: {}, then: 'Always open.' });
      await call.runUntil(() => rig.toolResults().length === 1);
      expect(rig.toolResults()[0]).toContain('always');
      await call.runUntil(() => call.leg.audibleFrames > before);
      expect(call.toolsCalled).toEqual([{ tool: 'hours', ok: true }]);
      expect(call.failures).toEqual([]);
    });

    it('learns in words what does not work', async () => {
      if (!rig.knows.tools) return;
      const call = await greeted({ tools: [hoursTool] });
      await rig.turn(call, 'Fly!', { kind: 'calls', tool: 'fly', input: { to: 'the moon' }, then: 'I cannot fly.' });
      await call.runUntil(() => rig.toolResults().length === 1);
      expect(rig.toolResults()[0]).toContain('there is no tool');
      expect(call.failures).toEqual([]);
    });

    it('sends the caller to a person', async () => {
      if (!rig.knows.tools) return;
      const sent: string[] = [];
      const tool = transferTool(new Map([['sales', { label: 'Sales' }]]));
      const transfer = (to: string): Promise<void> => {
        sent.push(to);
        return Promise.resolve();
      };
      const call = await greeted({ tools: [tool], transfer });
      const input = { to: 'sales', summary: 'Ada wants a quote.' };
      await rig.turn(call, 'Sales, please.', { kind: 'calls', tool: 'transfer', input, then: 'One moment.' });
      await call.runUntil(() => sent.length === 1);
      expect(sent).toEqual(['sales']);
    });

    it('learns which keys the caller presses', async () => {
      const call = await greeted();
      for (const key of ['4', '2', '#']) call.conversation.digit(key);
      await call.runUntil(() => rig.digits().includes('#'));
      expect(rig.digits()).toBe('42#');
    });

    it('goes on with the conversation of an earlier session', async () => {
      if (!rig.knows.words) return;
      const history = [
        { who: 'caller', text: 'I am Ada.' },
        { who: 'agent', text: 'Hello Ada.' },
        { who: 'caller', text: 'Sales, please.' },
      ] as const;
      const call = open({ call: { history } });
      call.conversation.start();
      await call.runUntil(() => rig.told().includes('Sales, please.'));
      const told = rig.told();
      expect(told.indexOf('I am Ada.')).toBeGreaterThanOrEqual(0);
      expect(told.indexOf('Hello Ada.')).toBeGreaterThan(told.indexOf('I am Ada.'));
    });

    it('takes a call over from another agent with what it is told about it', async () => {
      if (!rig.knows.words) return;
      const history = [{ who: 'caller', text: 'I have a question about my bill.' }] as const;
      const call = open({ call: { history, briefing: 'The caller was told that you know about bills.' } });
      call.conversation.start();
      await call.runUntil(() => rig.told().includes('you know about bills'));
      expect(rig.told()).toContain('I have a question about my bill.');
    });

    it('tells once that it has failed when it breaks in the middle of a word', async () => {
      const call = await greeted();
      await rig.turn(call, 'Tell me something.', { kind: 'breaks' });
      await call.runUntil(() => call.failures.length > 0);
      call.run(500);
      expect(call.failures).toHaveLength(1);
      expect(call.failures[0]).toMatchObject({ code: 'AGENT_FAILED', fault: 'provider' });
    });

    it('tells that it has failed when it does not answer', async () => {
      if (!rig.knows.answers) return;
      const call = await greeted();
      await rig.turn(call, 'Are you there?', { kind: 'hangs' });
      for (let i = 0; i < 30 && call.failures.length === 0; i++) await rig.clock.advanceAsync(1000);
      await call.runUntil(() => call.failures.length > 0);
      expect(call.failures).toMatchObject([{ code: 'AGENT_FAILED', fault: 'provider' }]);
    });

    it('tells that it is not available when it is refused', async () => {
      await provider.close();
      rig.refuse();
      provider = await rig.provider();
      const call = open();
      call.conversation.start();
      await call.runUntil(() => call.failures.length > 0);
      expect(call.failures).toMatchObject([{ code: 'AGENT_UNAVAILABLE', fault: 'provider' }]);
    });

    it('survives nonsense', async () => {
      const call = await greeted();
      rig.talkNonsense();
      const before = call.leg.audibleFrames;
      await rig.turn(call, 'Are you open?', { kind: 'says', text: 'Yes.', ms: 300 });
      await call.runUntil(() => call.leg.audibleFrames > before);
      expect(call.failures).toEqual([]);
    });

    it.each(['before the caller hears', 'in the middle of an answer', 'when it has failed'])(
      'leaves nothing behind when it is closed %s',
      async (when) => {
        const call = open();
        if (when !== 'before the caller hears') {
          call.conversation.start();
          await rig.greet(call);
          const reply: Reply =
            when === 'when it has failed' ? { kind: 'breaks' } : { kind: 'says', text: LONG, ms: 8000 };
          await rig.turn(call, 'Tell me something.', reply);
          await call.runUntil(() => call.failures.length > 0 || call.leg.audibleFrames > 30);
        }
        call.conversation.close();
        call.conversation.close();
        await provider.close();
        await until(() => rig.openConnections() === 0 && rig.clock.pendingAlarms === 0);
      },
    );
  });
}

/** Runs until nothing has been heard for a tenth of a second (or `ticks`). */
async function quiet(call: AgentCallHarness, ticks = 5): Promise<void> {
  await call.runUntil(() => {
    const last = call.leg.played.slice(-ticks);
    return last.length === ticks && last.every((frame) => frame.every((sample) => sample === 0));
  });
}
