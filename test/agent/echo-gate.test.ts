import { beforeAll, describe, expect, it } from 'vitest';
import { FRAME_MS, SAMPLES_PER_MS } from '../../src/core/units.js';
import { energyOf } from '../../src/media/energy.js';
import { AgentCallHarness } from '../support/agent-call.js';
import type { EchoLineOptions } from '../support/echo-line.js';
import { EchoLine } from '../support/echo-line.js';
import { ScriptedAgent } from '../support/scripted-agent.js';
import { rms } from '../support/signals.js';
import { speech } from '../support/speech.js';

/** Louder than the noise of the line, quieter than the quietest echo's loud syllables. */
const AUDIBLE_RMS = 40;
const CALL_MS = 10_000;

let greeting: Int16Array;
let interjection: Int16Array;

beforeAll(() => {
  greeting = speech(['Thank you for calling Acme, my name is Clara.', 'I can put you through to sales or to support.']);
  interjection = speech(['No wait, stop. I want to talk to somebody in sales.'], 'rms');
});

type Heard = { readonly atMs: number; readonly frame: Int16Array };

/** What a provider that finds turns itself is given while it greets a caller whose telephone is a loudspeaker. */
function greet(echoGuard: 'on' | 'off', options: EchoLineOptions): Heard[] {
  const agent = new ScriptedAgent({ turnTaking: 'provider', utterances: 'unwanted' });
  const call = new AgentCallHarness({ provider: agent.provider, echoGuard });
  const line = new EchoLine(options);
  const heard: Heard[] = [];
  agent.onHear = (frame) => heard.push({ atMs: call.clock.nowMs(), frame: frame.slice() });
  call.conversation.start();
  const segment = agent.context.speech.begin();
  agent.context.speech.write(segment, greeting);
  agent.context.speech.end(segment);
  for (let passed = 0; passed < CALL_MS; passed += FRAME_MS) {
    call.leg.uplink.push(line.heard());
    call.run(FRAME_MS);
    line.played(call.leg.played.at(-1)!);
  }
  call.conversation.close();
  return heard;
}

const audible = (heard: readonly Heard[]): Heard[] => heard.filter(({ frame }) => rms(frame) > AUDIBLE_RMS);
const energy = (heard: readonly Heard[]): number => heard.reduce((sum, { frame }) => sum + energyOf(frame), 0);
const voiceEnergy = (): number => interjection.reduce((sum, sample) => sum + sample * sample, 0);

describe('a provider that finds turns itself', () => {
  it.each([-10, -15, -20, -30])('does not hear itself at %i dB when it is guarded', (echoDb) => {
    for (const delayMs of [40, 100, 200, 400]) {
      expect(audible(greet('off', { echoDb, delayMs })).length, `${delayMs} ms, not guarded`).toBeGreaterThan(20);
      const heard = greet('on', { echoDb, delayMs });
      expect(audible(heard), `${delayMs} ms`).toEqual([]);
      expect(heard).toHaveLength(CALL_MS / FRAME_MS);
    }
  });

  it('hears a caller who talks over it from their first sound on, a little later', () => {
    for (const echoDb of [undefined, -10, -20, -30]) {
      for (const atMs of [800, 1500, 2600]) {
        const heard = audible(
          greet('on', {
            ...(echoDb === undefined ? {} : { echoDb }),
            delayMs: 120,
            caller: { voice: interjection, atMs },
          }),
        );
        const what = `${echoDb ?? 'no'} dB, ${atMs} ms`;
        expect(heard[0]?.atMs, what).toBeGreaterThan(atMs);
        expect(heard[0]?.atMs, what).toBeLessThan(atMs + 500);
        expect(energy(heard) / voiceEnergy(), what).toBeGreaterThan(0.9);
      }
    }
  });

  it('hears the answer to what it has said', () => {
    const atMs = Math.ceil(greeting.length / SAMPLES_PER_MS) + 300;
    const heard = audible(greet('on', { echoDb: -15, delayMs: 120, caller: { voice: interjection, atMs } }));
    expect(heard[0]?.atMs).toBeLessThan(atMs + 400);
    expect(energy(heard) / voiceEnergy()).toBeGreaterThan(0.95);
  });

  it('hears everything as it is, frame by frame, while it says nothing', () => {
    const agent = new ScriptedAgent({ turnTaking: 'provider', utterances: 'unwanted' });
    const call = new AgentCallHarness({ provider: agent.provider, echoGuard: 'on' });
    const heard: number[] = [];
    agent.onHear = (frame) => heard.push(frame[0]!);
    call.conversation.start();
    for (let level = 1; level <= 200; level++) call.run(FRAME_MS, level * 100);
    expect(heard).toEqual(Array.from({ length: 200 }, (_, i) => (i + 1) * 100));
    call.conversation.close();
  });
});
