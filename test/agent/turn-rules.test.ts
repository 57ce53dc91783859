import { expect, it } from 'vitest';
import { AgentCallHarness } from '../support/agent-call.js';
import { ScriptedAgent } from '../support/scripted-agent.js';

/** Loud enough to be speech. */
const LOUD = 4000;

it('a protected greeting is said to its end, a key cuts it all the same, and the next sentence may be cut', () => {
  const agent = new ScriptedAgent();
  const turns = { minWaitMs: 600, maxWaitMs: 1000, greeting: 'protected' } as const;
  const harness = new AgentCallHarness({ provider: agent.provider, turns });
  harness.conversation.start();
  agent.speak('Thank you for calling, this call is recorded.', 2000);
  harness.run(1900, LOUD);
  expect(agent.told).toEqual(['start']);
  harness.run(200, LOUD);
  expect(harness.turns).toMatchObject([{ who: 'agent', interrupted: false }]);
  harness.run(1000);
  harness.run(400, LOUD);
  expect(agent.told).toContain('callerStarted');
  harness.run(1200);
  agent.speak('What can I do for you?', 2000);
  harness.run(600);
  harness.run(400, LOUD);
  expect(harness.interruptions).toHaveLength(1);

  const other = new ScriptedAgent();
  const pressed = new AgentCallHarness({ provider: other.provider, turns });
  pressed.conversation.start();
  other.speak('Thank you for calling.', 2000);
  pressed.run(500);
  pressed.conversation.digit('1');
  pressed.run(40);
  expect(pressed.interruptions).toHaveLength(1);
});

it('a turn is over after as long a silence as the configuration says', () => {
  const agent = new ScriptedAgent();
  const turns = { minWaitMs: 1500, maxWaitMs: 2000, greeting: 'interruptible' } as const;
  const harness = new AgentCallHarness({ provider: agent.provider, turns });
  harness.conversation.start();
  harness.run(400, LOUD);
  harness.run(1400);
  expect(agent.told).not.toContain('callerFinished');
  harness.run(200);
  expect(agent.told).toContain('callerFinished');
});
