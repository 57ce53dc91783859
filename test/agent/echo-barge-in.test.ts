import { beforeAll, describe, expect, it } from 'vitest';
import { FRAME_MS } from '../../src/core/units.js';
import { Vad, loadVad } from '../../src/media/vad.js';
import { AgentCallHarness } from '../support/agent-call.js';
import type { EchoLineOptions } from '../support/echo-line.js';
import { EchoLine } from '../support/echo-line.js';
import { ScriptedAgent } from '../support/scripted-agent.js';
import { speech } from '../support/speech.js';

let greeting: Int16Array;
let interjection: Int16Array;

beforeAll(async () => {
  await loadVad();
  greeting = speech(['Thank you for calling Acme, my name is Clara.', 'I can put you through to sales or to support.']);
  interjection = speech(['No wait, stop. I want to talk to somebody in sales.'], 'rms');
});

/** The agent greets a caller whose telephone is a loudspeaker. */
function greet(options: EchoLineOptions): { readonly call: AgentCallHarness; readonly agent: ScriptedAgent } {
  const agent = new ScriptedAgent();
  const call = new AgentCallHarness({ provider: agent.provider, openDetector: () => new Vad() });
  const line = new EchoLine(options);
  call.conversation.start();
  const segment = agent.context.speech.begin();
  agent.context.speech.write(segment, greeting);
  agent.context.speech.end(segment);
  for (let passed = 0; passed < 6000; passed += FRAME_MS) {
    call.leg.uplink.push(line.heard());
    call.run(FRAME_MS);
    line.played(call.leg.played.at(-1)!);
  }
  call.conversation.close();
  return { call, agent };
}

describe('an agent that hears itself', () => {
  it.each([-10, -15, -20, -30])('at %i dB is not interrupted by it, nor does it answer', (echoDb) => {
    for (const delayMs of [40, 100, 200, 400]) {
      const { call, agent } = greet({ echoDb, delayMs });
      expect(call.interruptions, `${delayMs} ms`).toEqual([]);
      expect(agent.told, `${delayMs} ms`).not.toContain('callerStarted');
    }
  });

  it('is interrupted by a caller who talks over it', () => {
    for (const echoDb of [-10, -20, -30]) {
      for (const atMs of [800, 1500]) {
        const { call } = greet({ echoDb, delayMs: 120, caller: { voice: interjection, atMs } });
        expect(call.interruptions, `${echoDb} dB, ${atMs} ms`).toHaveLength(1);
        // 200 ms are what an interruption takes on a line without echo.
        expect(call.interruptions[0]).toBeLessThan(atMs + 700);
      }
    }
  });
});
