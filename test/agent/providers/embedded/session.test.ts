import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentProvider, CallControl, HoursAnswer, MessageDraft } from '../../../../src/agent/port.js';
import { Attendant } from '../../../../src/agent/providers/embedded/attendant.js';
import type { Understood } from '../../../../src/agent/providers/embedded/ears.js';
import { Menu } from '../../../../src/agent/providers/embedded/menu.js';
import type { Meaning } from '../../../../src/agent/providers/embedded/phrases.js';
import { EmbeddedSession } from '../../../../src/agent/providers/embedded/session.js';
import { SampleChunks } from '../../../../src/agent/sample-chunks.js';
import { hangUpTool } from '../../../../src/agent/tools/hang-up.js';
import { hoursTool } from '../../../../src/agent/tools/hours.js';
import { takeMessageTool } from '../../../../src/agent/tools/take-message.js';
import { transferTool } from '../../../../src/agent/tools/transfer.js';
import { LinecardError } from '../../../../src/core/errors.js';
import { SAMPLES_PER_MS } from '../../../../src/core/units.js';
import type { SpokenText } from '../../../../src/speech/polish.js';
import { Voice } from '../../../../src/speech/voice.js';
import { AgentCallHarness } from '../../../support/agent-call.js';
import { settle } from '../../../support/fake-clock.js';

const PLACES = [
  { key: 'sales', label: 'Sales', dial: '6001' },
  { key: 'support', label: 'Support', dial: '6002' },
];
const WORD_MS = 100;
const CALLER_LEVEL = 4000;

/** A caller on a call with the attendant: says things that are understood, or not, presses keys, hears and waits. */
class Caller {
  readonly transfers: string[] = [];
  readonly messages: MessageDraft[] = [];
  readonly control: Partial<CallControl> = {
    transfer: (to) => {
      if (this.failing.has('transfer')) return Promise.reject(new LinecardError('PBX_REFUSED', 'nobody there'));
      this.transfers.push(to);
      return Promise.resolve();
    },
    saveMessage: (draft) => {
      if (this.failing.has('disk')) return Promise.reject(new LinecardError('STORAGE_FAILED', 'the disk is full'));
      this.messages.push(draft);
      return Promise.resolve('message-1');
    },
    hours: (): Promise<HoursAnswer> => Promise.resolve({ open: false, text: 'Monday to Friday, 9 to 5.' }),
  };
  readonly failing = new Set<'transfer' | 'disk' | 'recognizer'>();
  readonly call: AgentCallHarness;
  #understood: Understood | null = null;

  private constructor(provider: AgentProvider, history: readonly { readonly who: 'agent'; readonly text: string }[]) {
    this.call = new AgentCallHarness({
      provider,
      call: { history },
      control: this.control,
      makeTools: (events) => [
        transferTool(new Map(PLACES.map(({ key, label }) => [key, { label }]))),
        takeMessageTool,
        hoursTool,
        hangUpTool(events),
      ],
    });
  }

  static async dial(options: { readonly ears?: 'none'; readonly resumed?: true } = {}): Promise<Caller> {
    const menu = new Menu({ places: PLACES, operator: 'offered', hours: 'offered', messages: 'offered' });
    const voice = new Voice({ speak: (text) => Promise.resolve(spoken(text)) }, undefined);
    const chunks = new SampleChunks();
    const hasEars = options.ears !== 'none';
    const dialogue = {
      greeting: 'Thank you for calling Acme.',
      menu,
      input: hasEars ? 'speech and keys' : 'keys',
    } as const;
    for (const prompt of Attendant.prompts(dialogue)) await voice.keep(prompt);
    const ears = { understand: () => caller.#understand() };
    const provider: AgentProvider = {
      name: 'receptionist',
      capabilities: { turnTaking: 'linecard', utterances: 'wanted', interruptions: 'session' },
      prepare: () => Promise.resolve(),
      limitations: () => [],
      open: (context) =>
        new EmbeddedSession({
          attendant: new Attendant(dialogue),
          menu,
          voice,
          ears: hasEars ? ears : null,
          chunks,
          context,
        }),
      close: () => Promise.resolve(),
    };
    const history = options.resumed === true ? [{ who: 'agent', text: 'Hello.' } as const] : [];
    const caller: Caller = new Caller(provider, history);
    caller.call.conversation.start();
    return caller;
  }

  /** What was heard of the agent since the last time this was asked. */
  heard(): string {
    const texts = this.call.turns.filter(({ who }) => who === 'agent').map(({ text }) => text);
    this.call.turns.length = 0;
    return texts.join(' ');
  }

  async listen(ms = 30_000): Promise<string> {
    // Results of tools come between ticks.
    await this.wait(400);
    for (let passed = 0; passed < ms; passed += 100) {
      this.call.run(100);
      await settle();
      if (this.call.leg.audibleFrames > 0 && this.#isQuiet()) break;
    }
    return this.heard();
  }

  async wait(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      this.call.run(100);
      await settle();
    }
  }

  async say(understood: Meaning | null, text = understood?.kind ?? ''): Promise<void> {
    this.#understood = understood === null ? null : { text, meaning: understood };
    this.call.run(600, CALLER_LEVEL);
    await this.wait(800);
  }

  async press(keys: string): Promise<void> {
    for (const key of keys) {
      this.call.conversation.digit(key);
      await this.wait(200);
    }
  }

  async speakFor(ms: number): Promise<void> {
    this.call.run(ms, CALLER_LEVEL);
    await settle();
  }

  async hangUp(): Promise<void> {
    this.call.conversation.close();
    await settle();
  }

  #understand(): Promise<Understood | null> {
    if (this.failing.has('recognizer')) return Promise.reject(new LinecardError('AGENT_UNAVAILABLE', 'it hangs'));
    return Promise.resolve(this.#understood);
  }

  /** The agent has been silent for the last 300 ms. */
  #isQuiet(): boolean {
    return this.call.leg.played.slice(-15).every((frame) => frame.every((sample) => sample === 0));
  }
}

/** Each word is a constant level for a tenth of a second. */
function spoken(text: string): SpokenText {
  const words = text.split(' ').map((word, index) => ({ word, endMs: (index + 1) * WORD_MS }));
  return { pcm: new Int16Array(words.length * WORD_MS * SAMPLES_PER_MS).fill(1000), words };
}

describe('a caller with the embedded attendant', () => {
  let caller: Caller;
  beforeEach(async () => {
    caller = await Caller.dial();
  });
  afterEach(() => caller.hangUp());

  it('is greeted and told the choices', async () => {
    expect(await caller.listen()).toBe(
      'Thank you for calling Acme. Please say who you would like to speak to, or press a key. For Sales, press 1. For Support, press 2. ' +
        'For our opening hours, press 8. To leave a message, press 9. For a person, press 0.',
    );
  });

  it('is heard to say goodbye before anything was done for them, and is not hung up on for that', async () => {
    await caller.listen();
    await caller.say({ kind: 'goodbye' });
    expect(await caller.listen()).toBe('Is there anything else I can do for you?');
    expect(caller.call.done).toEqual([]);
    await caller.say({ kind: 'destination', key: 'sales' });
    expect(await caller.listen()).toContain('Sales. Is that right?');
    await caller.say({ kind: 'goodbye' });
    expect(await caller.listen()).toBe('Is there anything else I can do for you?');
    await caller.say({ kind: 'no' });
    expect(await caller.listen()).toContain('Goodbye.');
    expect(caller.call.done).toEqual(['the caller said goodbye']);
  });

  it('makes a sound in the middle of the greeting, and hears the rest of it as if nothing had been', async () => {
    await caller.wait(1000);
    await caller.say(null);
    expect(await caller.listen()).toMatch(/^Thank you for calling Acme\. Please say .* For a person, press 0\.$/);
    expect(caller.call.interruptions).toEqual([]);
  });

  it('says something long that is not understood in the middle of the greeting, and is asked again', async () => {
    await caller.wait(1000);
    await caller.speakFor(1500);
    await caller.wait(800);
    expect(await caller.listen()).toContain('Sorry, I did not understand');
  });

  it('says a choice in the middle of the greeting, which is cut in the history before it', async () => {
    await caller.wait(1000);
    await caller.say({ kind: 'destination', key: 'sales' });
    const at = caller.call.turns.findIndex(({ who }) => who === 'caller');
    expect(caller.call.turns[at - 1]).toMatchObject({ who: 'agent', interrupted: true });
    expect(await caller.listen()).not.toContain('For a person, press 0.');
  });

  it('presses a key in the middle of the greeting and is connected', async () => {
    await caller.wait(500);
    await caller.press('2');
    expect(await caller.listen()).toContain('I am connecting you with Support.');
    expect(caller.transfers).toEqual(['support']);
  });

  it('says a department, is asked back, says yes, and is connected only then', async () => {
    await caller.listen();
    await caller.say({ kind: 'destination', key: 'sales' });
    expect(await caller.listen()).toBe('Sales. Is that right?');
    expect(caller.transfers).toEqual([]);
    await caller.say({ kind: 'yes' });
    expect(await caller.listen()).toBe('I am connecting you with Sales. One moment, please.');
    expect(caller.transfers).toEqual(['sales']);
  });

  it('is misheard, says no, and gets another try', async () => {
    await caller.listen();
    await caller.say({ kind: 'destination', key: 'support' });
    await caller.listen();
    await caller.say({ kind: 'no' });
    expect(await caller.listen()).toContain('Please say the name of a person or a department');
    await caller.say({ kind: 'destination', key: 'sales' });
    await caller.listen();
    await caller.press('1');
    await caller.listen();
    expect(caller.transfers).toEqual(['sales']);
  });

  it('dials the number of a colleague', async () => {
    await caller.listen();
    await caller.press('6002');
    await caller.listen();
    expect(caller.transfers).toEqual(['support']);
  });

  it('begins a number, stops, and is told that it is none', async () => {
    await caller.listen();
    await caller.press('60');
    await caller.wait(2500);
    expect(await caller.listen()).toContain('Sorry, that is not one of the choices.');
  });

  it('asks for the hours and is asked what else; silence then is a goodbye', async () => {
    await caller.listen();
    await caller.say({ kind: 'hours' });
    expect(await caller.listen()).toBe(
      'We are closed now. Monday to Friday, 9 to 5. Is there anything else I can do for you?',
    );
    await caller.wait(7500);
    expect(await caller.listen()).toBe('Thank you for calling. Goodbye.');
    expect(caller.call.done).toEqual(['the caller said goodbye']);
  });

  it('leaves a message, ended by a key', async () => {
    await caller.listen();
    await caller.press('9');
    await caller.listen();
    await caller.speakFor(3000);
    await caller.press('#');
    expect(await caller.listen()).toBe('Your message is saved. Is there anything else I can do for you?');
    expect(caller.messages[0]?.text).toBe('Voice message of 3 seconds.');
    expect(caller.messages[0]?.audio.length).toBeGreaterThan(2900 * SAMPLES_PER_MS);
  });

  it('leaves a message, ended by falling silent', async () => {
    await caller.listen();
    await caller.press('9');
    await caller.listen();
    await caller.speakFor(2000);
    await caller.wait(2000);
    await caller.speakFor(2000);
    await caller.wait(4000);
    expect(await caller.listen()).toContain('Your message is saved.');
    const seconds = (caller.messages[0]?.audio.length ?? 0) / SAMPLES_PER_MS / 1000;
    expect(seconds).toBeGreaterThan(6);
    expect(seconds).toBeLessThan(7.5);
  });

  // A caller left a message and hung up, as people do, and it was gone: only a key or silence ended a recording.
  // The message is saved when the call ends in the middle of it.
  // Seen while the attendant was written.
  it('leaves a message by hanging up', async () => {
    await caller.listen();
    await caller.press('9');
    await caller.listen();
    await caller.speakFor(2000);
    await caller.hangUp();
    expect(caller.messages).toHaveLength(1);
  });

  it('says nothing after the tone: no empty message is kept', async () => {
    await caller.listen();
    await caller.press('9');
    await caller.listen();
    await caller.wait(6500);
    expect(await caller.listen()).toContain('I did not hear a message.');
    expect(caller.messages).toEqual([]);
  });

  it('is told when the message could not be saved', async () => {
    caller.failing.add('disk');
    await caller.listen();
    await caller.press('9');
    await caller.listen();
    await caller.speakFor(2000);
    await caller.press('#');
    expect(await caller.listen()).toContain('I am sorry, your message could not be saved.');
  });

  it('is told when nobody can be reached, and gets the menu again', async () => {
    caller.failing.add('transfer');
    await caller.listen();
    await caller.press('1');
    expect(await caller.listen()).toContain('I am sorry, I cannot reach Sales right now. For Sales, press 1.');
  });

  it('comes back from a person who did not take the call, and chooses again', async () => {
    await caller.listen();
    await caller.press('1');
    await caller.listen();
    caller.call.conversation.hold('held');
    await caller.wait(20_000);
    caller.call.conversation.hold('resumed');
    caller.call.conversation.say('I am sorry, Sales is busy right now.', 'yes');
    expect(await caller.listen()).toContain('Sales is busy right now. For Sales, press 1.');
    await caller.press('2');
    await caller.listen();
    expect(caller.transfers).toEqual(['sales', 'support']);
  });

  it('comes back where nobody takes calls, and is told to leave a message', async () => {
    await caller.listen();
    await caller.press('1');
    await caller.listen();
    caller.call.conversation.hold('held');
    await caller.wait(20_000);
    caller.call.conversation.hold('resumed');
    caller.call.conversation.takeMessage('I am sorry, nobody picks up at Sales.');
    expect(await caller.listen()).toBe(
      'I am sorry, nobody picks up at Sales. Please speak after the tone. When you are done, press any key, or just wait.',
    );
    await caller.speakFor(3000);
    await caller.hangUp();
    expect(caller.messages[0]?.text).toBe('Voice message of 3 seconds.');
  });

  it('says nothing at all and ends with a person', async () => {
    await caller.listen();
    await caller.wait(40_000);
    expect(caller.transfers).toEqual(['fallback']);
    expect(caller.heard()).toContain('Are you still there?');
  });

  it('is never understood and ends with a person', async () => {
    await caller.listen();
    for (let i = 0; i < 3; i += 1) {
      await caller.say(null);
      await caller.listen();
    }
    expect(caller.transfers).toEqual(['fallback']);
  });

  it('is understood no better by a recognizer that fails, and keys work on', async () => {
    caller.failing.add('recognizer');
    await caller.listen();
    await caller.say({ kind: 'hours' });
    expect(await caller.listen()).toContain('Sorry, I did not understand that.');
    await caller.press('1');
    await caller.listen();
    expect(caller.transfers).toEqual(['sales']);
  });

  it('interrupts the menu, and the transcript ends at the last word that was heard', async () => {
    await caller.wait(800);
    await caller.say({ kind: 'repeat' });
    const [first] = caller.call.turns;
    expect(first).toMatchObject({ text: 'Thank you for calling Acme.', interrupted: false });
    expect(caller.call.interruptions).toHaveLength(1);
  });

  it('asks for a person by voice and confirms', async () => {
    await caller.listen();
    await caller.say({ kind: 'operator' });
    expect(await caller.listen()).toBe('A person. Is that right?');
    await caller.say({ kind: 'yes' });
    await caller.listen();
    expect(caller.transfers).toEqual(['fallback']);
  });

  it('hears words of the operator of Linecard, and goes on where it was', async () => {
    await caller.listen();
    caller.call.conversation.say('The fire drill is over.');
    expect(await caller.listen()).toBe('The fire drill is over.');
    await caller.press('1');
    await caller.listen();
    expect(caller.transfers).toEqual(['sales']);
  });

  it('leaves no alarm behind', async () => {
    await caller.listen();
    await caller.press('60');
    await caller.hangUp();
    expect(caller.call.clock.pendingAlarms).toBe(0);
  });
});

describe('an attendant after a lost line', () => {
  it('does not greet a second time', async () => {
    const caller = await Caller.dial({ resumed: true });
    expect(await caller.listen()).toBe('Sorry, the line was gone for a moment. How can I help you?');
    await caller.hangUp();
  });
});

describe('an attendant without a recognizer', () => {
  it('reads the menu and says that it understands keys', async () => {
    const caller = await Caller.dial({ ears: 'none' });
    expect(await caller.listen()).toMatch(/^Thank you for calling Acme\. For Sales, press 1\./);
    await caller.say({ kind: 'hours' });
    expect(await caller.listen()).toContain('Sorry, I understand keys only. For Sales, press 1.');
    await caller.hangUp();
  });
});
