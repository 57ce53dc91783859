import { describe, expect, it } from 'vitest';
import type { TurnRules } from '../../src/agent/caller-turns.js';
import { SAMPLES_PER_MS } from '../../src/core/units.js';
import { AgentCallHarness } from '../support/agent-call.js';
import { ScriptedAgent } from '../support/scripted-agent.js';

/** Loud enough to be speech. */
const LOUD = 4000;
const USUAL = { minWaitMs: 600, maxWaitMs: 1000, greeting: 'interruptible' } as const;

type Capabilities = ConstructorParameters<typeof ScriptedAgent>[0];

/** A call in which the agent has been saying something of three seconds for one. */
function spokenTo(
  capabilities: Capabilities,
  turns: TurnRules = USUAL,
): { agent: ScriptedAgent; call: AgentCallHarness } {
  const agent = new ScriptedAgent(capabilities);
  const call = new AgentCallHarness({ provider: agent.provider, turns });
  call.conversation.start();
  agent.speak('one two three four five six seven eight nine ten', 3000);
  call.run(1000);
  expect(call.leg.audibleFrames).toBe(50);
  return { agent, call };
}

describe('an agent that leaves turns to us, and hears no words', () => {
  it('stops at a sound of listening, goes on a moment before it stopped, and is told nothing', () => {
    const { agent, call } = spokenTo({});
    call.run(300, LOUD);
    const audible = call.leg.audibleFrames;
    // An onset is noticed after 160 ms.
    expect(audible).toBeLessThanOrEqual(59);
    call.run(280);
    expect(call.leg.audibleFrames).toBe(audible);
    call.run(3000);
    expect(agent.told).toEqual(['start']);
    expect(agent.heardSpeech).toMatchObject([{ heardMs: 3000, interrupted: false }]);
    expect(call.interruptions).toEqual([]);
    // All of it, and the quarter of a second into which the caller spoke once more.
    expect(call.leg.audibleFrames).toBeGreaterThanOrEqual(161);
    expect(call.leg.audibleFrames).toBeLessThanOrEqual(164);
  });

  it('is interrupted by who goes on, and told for how long they have been speaking', () => {
    const { agent, call } = spokenTo({});
    const spoken: number[] = [];
    agent.onCallerStarted = (spokenMs) => spoken.push(spokenMs);
    call.run(600, LOUD);
    expect(spoken).toEqual([400]);
    expect(agent.heardSpeech).toMatchObject([{ interrupted: true }]);
    expect(agent.heardSpeech[0]?.heardMs).toBeLessThanOrEqual(1180);
    expect(call.interruptions).toHaveLength(1);
    call.run(700);
    expect(agent.told).toEqual(['start', 'callerStarted', 'callerFinished']);
    // What was said before it was certain is part of the turn.
    expect(agent.utterances[0]!.filter((sample) => sample !== 0).length).toBe(600 * SAMPLES_PER_MS);
  });

  it('is told at once of a caller who speaks while it is silent, however short', () => {
    const agent = new ScriptedAgent();
    const call = new AgentCallHarness({ provider: agent.provider, turns: USUAL });
    call.conversation.start();
    call.run(180, LOUD);
    expect(agent.told).toEqual(['start', 'callerStarted']);
    call.run(700);
    expect(agent.told).toEqual(['start', 'callerStarted', 'callerFinished']);
  });

  it('is interrupted by every onset where the configuration says so', () => {
    const { agent, call } = spokenTo({}, { ...USUAL, interruptAfterMs: 0 });
    call.run(180, LOUD);
    expect(agent.told).toEqual(['start', 'callerStarted']);
    expect(agent.heardSpeech).toMatchObject([{ interrupted: true }]);
  });

  it('is stopped for good by a key while it is in doubt', () => {
    const { agent, call } = spokenTo({});
    call.run(200, LOUD);
    call.conversation.digit('1');
    call.run(1000);
    expect(agent.told).toEqual(['start', 'digit 1']);
    expect(agent.heardSpeech).toMatchObject([{ interrupted: true }]);
    expect(call.leg.audibleFrames).toBeLessThanOrEqual(59);
  });

  it('goes on after a pause of the call in which somebody spoke into it', () => {
    const { agent, call } = spokenTo({});
    call.run(200, LOUD);
    call.conversation.hold('held');
    call.run(1000, LOUD);
    call.conversation.hold('resumed');
    call.run(3000);
    expect(agent.heardSpeech).toMatchObject([{ heardMs: 3000, interrupted: false }]);
  });
});

describe('an agent that hears no words, and asked something', () => {
  /** A call in which the agent says a text at an even pace, of which the caller has heard a part. */
  function told(text: string, ms: number, heardMs: number): { agent: ScriptedAgent; call: AgentCallHarness } {
    const agent = new ScriptedAgent();
    const call = new AgentCallHarness({ provider: agent.provider, turns: USUAL });
    call.conversation.start();
    agent.speak(text, ms);
    call.run(heardMs);
    return { agent, call };
  }

  it.each([
    ['when all but the last word of it was heard', 'Shall I connect you with the sales department?', 2600, 2200],
    [
      'when something else is being said already',
      'May I help? There are four people in the sales department.',
      4000,
      1300,
    ],
  ])('takes a short word for the answer: %s', (_, text, ms, heardMs) => {
    const { agent, call } = told(text, ms, heardMs);
    call.run(220, LOUD);
    call.run(1000);
    expect(agent.told).toEqual(['start', 'callerStarted', 'callerFinished']);
    expect(agent.heardSpeech).toMatchObject([{ interrupted: true }]);
  });

  it('hears a question in the segment before', () => {
    const { agent, call } = told('Shall I connect you?', 1500, 1000);
    agent.speak('There are four people in the sales department.', 3000);
    call.run(1000);
    call.run(220, LOUD);
    call.run(1000);
    expect(agent.told).toEqual(['start', 'callerStarted', 'callerFinished']);
  });

  it('takes a short word for listening when it has been saying something else for long', () => {
    const { agent, call } = told('May I help? There are four people in the sales department.', 4000, 2700);
    call.run(220, LOUD);
    call.run(2500);
    expect(agent.told).toEqual(['start']);
    expect(agent.heardSpeech).toMatchObject([{ interrupted: false }]);
  });
});

describe('an agent that waits for an answer', () => {
  it.each([
    ['Shall I connect you?', ['start', 'callerStarted', 'callerFinished']],
    ['I am connecting you.', ['start']],
  ])('hears a word that is as short as a knock: %s', (text, told) => {
    const agent = new ScriptedAgent();
    const call = new AgentCallHarness({ provider: agent.provider, turns: USUAL });
    call.conversation.start();
    agent.speak(text, 1000);
    call.run(1500);
    call.run(120, LOUD);
    call.run(1000);
    expect(agent.told).toEqual(told);
  });
});

describe('an agent that has hardly anything left to say', () => {
  it('is spoken to, and not into: a short word counts', () => {
    const { agent, call } = spokenTo({});
    call.run(1700);
    call.run(220, LOUD);
    call.run(1000);
    expect(agent.told).toEqual(['start', 'callerStarted', 'callerFinished']);
  });
});

describe('an agent that understands words', () => {
  it('is told at once, decides, and goes on where it stopped', () => {
    const { agent, call } = spokenTo({ interruptions: 'session' });
    call.run(300, LOUD);
    expect(agent.told).toEqual(['start', 'callerStarted']);
    expect(agent.context.speech.held).toBe(true);
    call.run(700);
    expect(agent.told).toEqual(['start', 'callerStarted', 'callerFinished']);
    const audible = call.leg.audibleFrames;
    agent.context.speech.resume();
    call.run(3000);
    expect(agent.heardSpeech).toMatchObject([{ heardMs: 3000, interrupted: false }]);
    expect(call.leg.audibleFrames).toBeGreaterThan(audible + 95);
    expect(call.turns).toHaveLength(1);
  });

  it('is cut in the history before what cut it', () => {
    const { agent, call } = spokenTo({ interruptions: 'session' });
    call.run(300, LOUD);
    call.run(700);
    agent.context.speech.clear();
    agent.context.events.callerSaid('Stop.');
    expect(call.turns.map(({ who }) => who)).toEqual(['agent', 'caller']);
    expect(call.interruptions).toHaveLength(1);
    const audible = call.leg.audibleFrames;
    call.run(1000);
    expect(call.leg.audibleFrames).toBe(audible);
  });

  it('is interrupted when it does not decide for ten seconds: it must be able to speak again', () => {
    const { agent, call } = spokenTo({ interruptions: 'session' });
    call.run(300, LOUD);
    call.run(10_500);
    expect(agent.context.speech.held).toBe(true);
    call.run(500);
    expect(agent.context.speech.held).toBe(false);
    expect(agent.heardSpeech).toMatchObject([{ interrupted: true }]);
  });
});

describe('an agent that finds turns itself', () => {
  const provider: Capabilities = { turnTaking: 'provider', utterances: 'unwanted' };

  /** What the agent hears from now on: the number of frames with sound. */
  function listen(agent: ScriptedAgent): { loud: number; all: number } {
    const heard = { loud: 0, all: 0 };
    agent.onHear = (frame) => {
      heard.all += 1;
      if (frame[0] !== 0) heard.loud += 1;
    };
    return heard;
  }

  it('hears and does everything itself where nothing is configured', () => {
    const { agent, call } = spokenTo(provider);
    const heard = listen(agent);
    call.run(600, LOUD);
    expect(heard).toEqual({ loud: 30, all: 30 });
    expect(call.leg.audibleFrames).toBe(80);
  });

  it('does not hear sounds of listening, and goes on where it stopped', () => {
    const { agent, call } = spokenTo(provider, { ...USUAL, interruptAfterMs: 400 });
    const heard = listen(agent);
    call.run(300, LOUD);
    call.run(3500);
    expect(heard).toEqual({ loud: 0, all: 190 });
    expect(agent.heardSpeech).toMatchObject([{ heardMs: 3000, interrupted: false }]);
  });

  it('hears a caller who goes on from their first sound, and stops when it wants to', () => {
    const { agent, call } = spokenTo(provider, { ...USUAL, interruptAfterMs: 400 });
    const heard = listen(agent);
    call.run(600, LOUD);
    expect(heard.loud).toBe(30);
    const audible = call.leg.audibleFrames;
    agent.context.speech.clear();
    call.run(1000);
    expect(agent.heardSpeech).toMatchObject([{ interrupted: true }]);
    expect(call.interruptions).toHaveLength(1);
    expect(call.leg.audibleFrames).toBe(audible);
  });

  it('goes on when it heard the caller and did not stop', () => {
    const { agent, call } = spokenTo(provider, { ...USUAL, interruptAfterMs: 400 });
    call.run(600, LOUD);
    const audible = call.leg.audibleFrames;
    call.run(1500);
    expect(call.leg.audibleFrames).toBe(audible);
    call.run(3000);
    expect(agent.heardSpeech).toMatchObject([{ heardMs: 3000, interrupted: false }]);
  });

  it('hears a caller who began before it did to their end', () => {
    const agent = new ScriptedAgent(provider);
    const call = new AgentCallHarness({ provider: agent.provider, turns: { ...USUAL, interruptAfterMs: 400 } });
    const heard = listen(agent);
    call.conversation.start();
    call.run(300, LOUD);
    agent.speak('Yes?', 1000);
    call.run(300, LOUD);
    expect(heard.loud).toBe(30);
  });

  it('does not hear who speaks into a protected greeting, and hears everything after it', () => {
    const agent = new ScriptedAgent(provider);
    const call = new AgentCallHarness({ provider: agent.provider, turns: { ...USUAL, greeting: 'protected' } });
    const heard = listen(agent);
    call.conversation.start();
    agent.speak('This call is recorded.', 1000);
    call.run(1000, LOUD);
    expect(heard).toEqual({ loud: 0, all: 50 });
    call.run(200, LOUD);
    expect(heard.loud).toBeGreaterThanOrEqual(9);
    agent.speak('What can I do for you?', 1000);
    const before = heard.loud;
    call.run(200, LOUD);
    expect(heard.loud - before).toBe(10);
  });
});
