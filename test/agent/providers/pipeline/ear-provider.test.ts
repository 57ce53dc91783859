import { describe, expect, it, vi } from 'vitest';
import { EarProvider } from '../../../../src/agent/providers/pipeline/ear-provider.js';
import type { AgentSession } from '../../../../src/agent/port.js';
import { LinecardError } from '../../../../src/core/errors.js';
import { settle } from '../../../support/fake-clock.js';
import { AgentCallHarness } from '../../../support/agent-call.js';

type Answer = { readonly resolve: (text: string) => void; readonly reject: (error: Error) => void };

/** An ear whose understanding comes when the test says so. */
function listening(): { readonly call: AgentCallHarness; readonly answers: Answer[]; readonly finish: () => void } {
  const answers: Answer[] = [];
  const stt = {
    transcribe: () => new Promise<string>((resolve, reject) => answers.push({ resolve, reject })),
  };
  let session: AgentSession | null = null;
  const provider = new EarProvider({ name: ':ear:clara', stt });
  const open = vi.spyOn(provider, 'open');
  const call = new AgentCallHarness({ provider });
  session = open.mock.results[0]?.value as AgentSession;
  return { call, answers, finish: () => session.callerFinished(new Int16Array(320)) };
}

describe('an agent that only listens', () => {
  it('reports what was said in the order in which it was said', async () => {
    const { call, answers, finish } = listening();
    finish();
    finish();
    answers[1]?.resolve(' Be quick.');
    await settle();
    expect(call.turns).toEqual([]);
    answers[0]?.resolve('Offer ten percent.');
    await settle();
    expect(call.turns.map(({ who, text }) => `${who}: ${text}`)).toEqual([
      'caller: Offer ten percent.',
      'caller: Be quick.',
    ]);
  });

  it('goes on when a sentence was not understood, or nothing was said', async () => {
    const { call, answers, finish } = listening();
    for (let i = 0; i < 3; i++) finish();
    answers[0]?.reject(new LinecardError('AGENT_UNAVAILABLE', 'away'));
    answers[1]?.resolve(' ');
    answers[2]?.resolve('Now.');
    await settle();
    expect(call.turns.map(({ text }) => text)).toEqual(['Now.']);
    expect(call.failures).toEqual([]);
  });

  it('reports nothing that is understood after the end', async () => {
    const { call, answers, finish } = listening();
    finish();
    call.conversation.close();
    answers[0]?.resolve('Too late.');
    await settle();
    expect(call.turns).toEqual([]);
  });
});
