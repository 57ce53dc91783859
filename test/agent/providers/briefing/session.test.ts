import { beforeEach, describe, expect, it } from 'vitest';
import { BriefingSession } from '../../../../src/agent/providers/briefing/session.js';
import { LinecardError } from '../../../../src/core/errors.js';
import { SAMPLES_PER_MS } from '../../../../src/core/units.js';
import type { SpokenText } from '../../../../src/speech/polish.js';
import { AgentCallHarness } from '../../../support/agent-call.js';
import { settle } from '../../../support/fake-clock.js';

const WORD_MS = 100;
const LEVEL = 4000;

let call: AgentCallHarness;
let understood: string | null;
/** What the synthesizer, or the recognizer, is still at. */
let held: (() => void)[];
let synthesizer: 'quick' | 'slow' | 'broken';
let understanding: 'quick' | 'slow';

beforeEach(() => {
  understood = null;
  held = [];
  synthesizer = 'quick';
  understanding = 'quick';
  call = new AgentCallHarness({
    provider: {
      name: ':briefing',
      capabilities: { turnTaking: 'linecard', utterances: 'wanted' },
      prepare: () => Promise.resolve(),
      limitations: () => [],
      open: (context) =>
        new BriefingSession({
          voice: { ready: () => null, speak },
          ears: { understand },
          context,
        }),
      close: () => Promise.resolve(),
    },
  });
  call.conversation.start();
});

async function speak(sentence: string): Promise<SpokenText> {
  if (synthesizer === 'broken') throw new LinecardError('AGENT_UNAVAILABLE', 'no voice');
  if (synthesizer === 'slow') await new Promise<void>((resolve) => held.push(resolve));
  const words = sentence.split(' ').map((word, index) => ({ word, endMs: (index + 1) * WORD_MS }));
  return { pcm: new Int16Array(words.length * WORD_MS * SAMPLES_PER_MS).fill(1000), words };
}

async function understand(): Promise<string | null> {
  if (understanding === 'slow') await new Promise<void>((resolve) => held.push(resolve));
  return understood;
}

async function wait(ms: number, level = 0): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    call.run(100, level);
    await settle();
  }
}

async function answer(text: string): Promise<void> {
  understood = text;
  await wait(400, LEVEL);
  await wait(1000);
}

function turns(who: 'agent' | 'caller'): string[] {
  return call.turns.filter((turn) => turn.who === who).map(({ text }) => text);
}

describe('a person who is briefed', () => {
  it('hears a text of several sentences as one, whose end is the end of all', async () => {
    call.conversation.say('I have a call for Sales. Press 1 to take it.', 'yes');
    await wait(1000);
    expect(turns('agent')).toEqual([]);
    await wait(1000);
    expect(turns('agent')).toEqual(['I have a call for Sales. Press 1 to take it.']);
  });

  it('does not cut it by a "hello" at the beginning, which is no answer', async () => {
    call.conversation.say('I have a call for Sales. Press 1 to take it.', 'yes');
    await answer('yes');
    await wait(2000);
    expect(turns('caller')).toEqual([]);
    expect(turns('agent')).toEqual(['I have a call for Sales. Press 1 to take it.']);
  });

  it('may answer while the question is asked, and after it', async () => {
    call.conversation.say('I have a call for Sales. Press 1 to take it.', 'yes');
    await wait(700);
    await answer('no');
    expect(turns('caller')).toEqual(['no']);
    await answer('yes');
    expect(turns('caller')).toEqual(['no', 'yes']);
  });

  // The caller's music went on for eight seconds more, and the person had to say it again.
  it('has answered, although it is understood only when they are asked again', async () => {
    understanding = 'slow';
    call.conversation.say('I have a call for Sales. Press 1 to take it.', 'yes');
    await wait(700);
    await answer("not now, I'm with a client");
    call.conversation.say('Are you there?', 'yes');
    await wait(100);
    for (const resolve of held) resolve();
    await wait(100);
    expect(turns('caller')).toEqual(["not now, I'm with a client"]);
  });

  it('hears the next text at once, and nothing more of the one before', async () => {
    call.conversation.say('I have a call for Sales. Press 1 to take it.', 'yes');
    await wait(500);
    call.conversation.say('All right.', 'yes');
    await wait(1000);
    expect(call.turns).toMatchObject([
      { text: 'I have a call', interrupted: true },
      { text: 'All right.', interrupted: false },
    ]);
  });

  it('hears nothing of a text that was replaced before it was synthesized', async () => {
    synthesizer = 'slow';
    call.conversation.say('I have a call for Sales. Press 1 to take it.', 'yes');
    await wait(100);
    call.conversation.say('All right.', 'yes');
    for (const resolve of held) resolve();
    await wait(3000);
    expect(turns('agent')).toEqual(['All right.']);
  });
});

it('a voice that fails is told, so that nobody listens to silence', async () => {
  synthesizer = 'broken';
  call.conversation.say('All right.', 'yes');
  await settle();
  expect(call.failures).toMatchObject([{ code: 'AGENT_UNAVAILABLE' }]);
});
