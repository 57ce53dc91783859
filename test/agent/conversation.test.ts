import { beforeEach, describe, expect, it } from 'vitest';
import { Conversation } from '../../src/agent/conversation.js';
import type { CallControl } from '../../src/agent/port.js';
import { SampleChunks } from '../../src/agent/sample-chunks.js';
import { handoverTool } from '../../src/agent/tools/handover.js';
import { hangUpTool } from '../../src/agent/tools/hang-up.js';
import { hoursTool } from '../../src/agent/tools/hours.js';
import { takeMessageTool } from '../../src/agent/tools/take-message.js';
import { transferTool } from '../../src/agent/tools/transfer.js';
import type { Turn } from '../../src/core/calls.js';
import { LinecardError } from '../../src/core/errors.js';
import { newCallId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { FakeLeg } from '../support/fake-leg.js';
import { ScriptedAgent } from '../support/scripted-agent.js';

const LOUD = new Int16Array(FRAME_SAMPLES).map((_, i) => (i % 2 === 0 ? 4000 : -4000));
const QUIET = new Int16Array(FRAME_SAMPLES);

let clock: FakeClock;
let leg: FakeLeg;
let agent: ScriptedAgent;
let conversation: Conversation;
let turns: Turn[];
let reports: string[];
let captions: string[];
let interruptions: { heardMs: number; reactionMs: number }[];
let control: CallControl;
let transfers: string[];

function open(scripted = new ScriptedAgent()): void {
  clock = new FakeClock();
  leg = new FakeLeg();
  agent = scripted;
  turns = [];
  reports = [];
  captions = [];
  interruptions = [];
  transfers = [];
  control = {
    transfer: (to) => {
      transfers.push(to);
      return Promise.resolve();
    },
    hangUp: () => Promise.resolve(),
    saveMessage: () => Promise.resolve('m1'),
    hours: () => Promise.resolve({ open: true, text: 'always' }),
    sendDigits: () => Promise.resolve(),
    hold: () => Promise.resolve(),
    note: () => Promise.resolve(),
  };
  conversation = new Conversation({
    leg,
    provider: agent.provider,
    call: { callId: newCallId(), caller: { number: '6001', name: '' }, extension: '7000', history: [] },
    control,
    tools: (floor) => [
      transferTool(new Map([['sales', { label: 'Sales desk' }]])),
      hoursTool,
      takeMessageTool,
      hangUpTool(floor),
      handoverTool(['billing'], floor),
    ],
    // Loud is speech: what the real detector thinks is its own test's business.
    openDetector: () => ({
      isSpeech: (frame) => Math.abs(frame[0] ?? 0) > 1000,
      close: () => reports.push('detector closed'),
    }),
    chunks: new SampleChunks(),
    listener: {
      firstAudio: () => reports.push('firstAudio'),
      turn: (turn) => turns.push(turn),
      caption: (who, text) => captions.push(`${who}: ${text}`),
      interrupted: (heardMs, reactionMs) => interruptions.push({ heardMs, reactionMs }),
      responseStarted: (latencyMs) => reports.push(`response after ${latencyMs}`),
      toolCalled: ({ tool, ok }) => reports.push(`${tool} ${ok ? 'ok' : 'failed'}`),
      used: () => undefined,
      handedOver: (to, context) => reports.push(`handed over to ${to}: ${context}`),
      done: (reason) => reports.push(`done: ${reason}`),
      failed: (error) => reports.push(`failed: ${error.code}`),
    },
    clock,
    log: silentLogger,
  });
}

/** Time goes on; the caller says `frame` all the while. */
function run(ms: number, frame: Int16Array | null = null): void {
  for (let passed = 0; passed < ms; passed += FRAME_MS) {
    clock.advance(FRAME_MS);
    if (frame !== null) leg.uplink.push(frame);
    conversation.tick(clock.nowMs());
  }
}

beforeEach(() => open());

describe('what the caller hears', () => {
  it('is silence, a frame a tick, until the call is answered', () => {
    run(100);
    expect(leg.played.length).toBe(5);
    expect(leg.audibleFrames).toBe(0);
    conversation.start();
    agent.speak('Hello there.', 100);
    run(200);
    expect(leg.played.length).toBe(15);
    expect(leg.audibleFrames).toBe(5);
    expect(turns).toMatchObject([{ who: 'agent', text: 'Hello there.', heardMs: 100, interrupted: false }]);
    expect(reports).toEqual(['firstAudio']);
  });

  // A sentence that ended within a frame left its end as the beginning of the next one, which was said ten seconds later.
  it('is told with when each sentence began', () => {
    conversation.start();
    agent.speak('Hello there.', 100);
    run(1000);
    agent.speak('Still there?', 110);
    run(200);
    const [first, second] = turns.map(({ atMs }) => atMs);
    expect((second ?? 0) - (first ?? 0)).toBe(1000);
  });

  it('is cut within a frame when the caller speaks, and the transcript with it, to the word', () => {
    conversation.start();
    agent.speak('one two three four five six seven eight nine ten', 5000);
    run(2000, QUIET);
    run(160, LOUD);
    const audible = leg.audibleFrames;
    expect(audible).toBeLessThanOrEqual(109);
    run(400, LOUD);
    expect(leg.audibleFrames).toBe(audible);
    expect(turns).toMatchObject([{ who: 'agent', text: 'one two three four', interrupted: true }]);
    expect(interruptions).toHaveLength(1);
    expect(interruptions[0]?.reactionMs).toBeLessThanOrEqual(180);
    expect(agent.heardSpeech[0]?.heardMs).toBeGreaterThan(2100);
    expect(agent.told).toEqual(['start', 'callerStarted']);
  });

  it('goes on through a cough of 120 ms', () => {
    conversation.start();
    agent.speak('Thank you for calling.', 2000);
    run(500, QUIET);
    run(120, LOUD);
    run(1600, QUIET);
    expect(turns).toMatchObject([{ text: 'Thank you for calling.', interrupted: false }]);
    expect(agent.told).toEqual(['start']);
  });

  it('is cut by a key even where speech may not', () => {
    conversation.start();
    agent.speak('This call may be recorded.', 3000, 'protected');
    run(500, LOUD);
    expect(leg.audibleFrames).toBe(25);
    conversation.digit('1');
    run(40);
    expect(leg.audibleFrames).toBe(26); // the fade
    expect(agent.told).toEqual(['start', 'callerStarted', 'digit 1']);
    expect(interruptions).toHaveLength(1);
  });

  it('stops while the call is on hold and goes on where it was', () => {
    conversation.start();
    agent.speak('a long story', 1000);
    run(200);
    conversation.hold('held');
    const heard = agent.framesHeard;
    run(500, LOUD);
    expect(agent.framesHeard).toBe(heard);
    expect(leg.audibleFrames).toBe(10);
    conversation.hold('resumed');
    run(1000, QUIET);
    expect(leg.audibleFrames).toBe(50);
    expect(turns).toMatchObject([{ text: 'a long story', interrupted: false }]);
  });

  it('goes to another agent when what was said before was heard', async () => {
    open();
    conversation.start();
    agent.speak('I will give you to billing.', 200);
    const result = await agent.context.tools.run('handover', { to: 'billing', context: 'wants to pay' });
    expect(result).toMatchObject({ ok: true, value: { ending: true } });
    expect(reports).not.toContain('handed over to billing: wants to pay');
    run(400);
    expect(reports).toContain('handed over to billing: wants to pay');
  });

  it('asks for a message in the place of what was being said, where the agent takes none by itself', () => {
    agent.onStart = () => agent.speak('Hello there', 1000);
    conversation.start();
    run(200);
    conversation.takeMessage('Nobody is there.');
    run(40);
    expect(agent.told.at(-1)).toBe('say Nobody is there. May I take a message?');
    expect(agent.heardSpeech).toMatchObject([{ interrupted: true }]);
  });

  it('tells the caller what a person has it relay, in its own words where it has any', () => {
    conversation.start();
    conversation.relay('Sales said: not now.', 'Sales cannot take your call.');
    expect(agent.told.slice(-2)).toEqual(['instruct Sales said: not now.', 'say Sales cannot take your call.']);
    agent.relay = (words) => agent.told.push(`relay ${words}`);
    conversation.relay('Sales said: not now.', 'Sales cannot take your call.');
    expect(agent.told.at(-1)).toBe('relay Sales said: not now.');
  });

  it('ends with the call only after the goodbye was heard', async () => {
    conversation.start();
    agent.speak('Goodbye.', 300);
    await agent.context.tools.run('hangup', { reason: 'said goodbye' });
    run(280);
    expect(reports).not.toContain('done: said goodbye');
    run(40);
    expect(reports).toContain('done: said goodbye');
  });
});

describe('who reads along', () => {
  it('sees the agent’s words as they are heard, and then the turn', () => {
    conversation.start();
    agent.speak('One two three four five.', 2000);
    run(1000);
    expect(captions.length).toBeGreaterThan(1);
    expect(captions.length).toBeLessThanOrEqual(4);
    expect(captions.at(-1)).toMatch(/^agent: One two( three)?$/);
    run(1100);
    expect(turns).toMatchObject([{ who: 'agent', text: 'One two three four five.' }]);
    const told = captions.length;
    run(1000);
    expect(captions).toHaveLength(told);
  });

  it('sees what the caller seems to say, a few times a second', () => {
    conversation.start();
    for (const guess of ['I', 'I want', 'I wand', 'I want chairs']) {
      agent.context.events.callerSays(guess);
      run(80);
    }
    run(240);
    expect(captions).toEqual(['caller: I wand', 'caller: I want chairs']);
    agent.context.events.callerSaid('I want chairs.');
    run(1000);
    expect(captions).toHaveLength(2);
  });

  it('sees a guess taken back when it was nothing', () => {
    conversation.start();
    agent.context.events.callerSays('…');
    run(300);
    agent.context.events.callerSays('');
    run(300);
    expect(captions).toEqual(['caller: …', 'caller: ']);
    expect(turns).toEqual([]);
  });
});

describe('what the agent hears', () => {
  it('is the whole turn, with what came before the onset', () => {
    conversation.start();
    run(1000, QUIET);
    run(1000, LOUD);
    run(700, QUIET);
    expect(agent.told).toEqual(['start', 'callerStarted', 'callerFinished']);
    const utterance = agent.utterances[0]!;
    const firstLoud = utterance.findIndex((sample) => sample !== 0);
    expect(firstLoud / 16).toBeGreaterThanOrEqual(300);
    expect(utterance.filter((sample) => sample !== 0)).toHaveLength(16_000);
    agent.context.events.callerSaid('sales please');
    expect(turns).toMatchObject([{ who: 'caller', text: 'sales please' }]);
    agent.speak('Sales.', 100);
    run(100, QUIET);
    expect(reports).toContain(`response after ${700 + 20}`);
  });

  it('is cut into pieces when the caller does not stop', () => {
    conversation.start();
    run(70_000, LOUD);
    expect(agent.told.filter((what) => what === 'callerFinished')).toHaveLength(2);
    expect(Math.max(...agent.utterances.map((utterance) => utterance.length / 16))).toBeLessThanOrEqual(31_000);
  });

  it('is left alone for an agent that has no turns', () => {
    open(new ScriptedAgent({ turnTaking: 'none' }));
    conversation.start();
    agent.speak('echo', 1000);
    run(1000, LOUD);
    expect(agent.told).toEqual(['start']);
    expect(agent.framesHeard).toBe(50);
    expect(leg.audibleFrames).toBe(50);
  });
});

describe('tools', () => {
  it('take a destination by key, by label, or as the operator, and nothing else', async () => {
    const { tools } = agent.context;
    expect(await tools.run('transfer', { to: 'Sales Desk' })).toEqual({ ok: true, value: { transferred: 'sales' } });
    expect(await tools.run('transfer', { to: 'operator' })).toEqual({ ok: true, value: { transferred: 'fallback' } });
    const refused = await tools.run('transfer', { to: '+19001234567' });
    expect(refused).toMatchObject({ ok: false });
    expect(JSON.stringify(refused)).toContain('sales');
    expect(transfers).toEqual(['sales', 'fallback']);
  });

  it('that do not exist are answered with those that do', async () => {
    const result = await agent.context.tools.run('wire_money', {});
    expect(result).toEqual({
      ok: false,
      message: 'there is no tool "wire_money"; allowed: transfer, hours, take_message, hangup, handover',
    });
  });

  it('that hang are given up in time', async () => {
    control.hours = () => new Promise(() => undefined);
    const running = agent.context.tools.run('hours', {});
    await clock.advanceAsync(2000);
    expect(await running).toEqual({ ok: false, message: 'hours took longer than 2000 ms' });
    expect(reports).toContain('hours failed');
    expect(clock.pendingAlarms).toBe(0);
  });

  it('that throw tell the agent no more than that', async () => {
    control.hours = () => Promise.reject(new Error('password=secret at 10.0.0.1'));
    expect(await agent.context.tools.run('hours', {})).toEqual({ ok: false, message: 'hours did not work' });
  });

  it('say so when a message could not be stored', async () => {
    control.saveMessage = () => Promise.reject(new LinecardError('STORAGE_FAILED', 'the disk is full'));
    const result = await agent.context.tools.run('take_message', { text: 'call me back' });
    expect(result).toEqual({ ok: false, message: 'the disk is full' });
  });

  it('are over when the call is', async () => {
    control.hours = () => new Promise(() => undefined);
    const running = agent.context.tools.run('hours', {});
    conversation.close();
    conversation.close();
    await settle();
    expect(await running).toEqual({ ok: false, message: 'the call has ended' });
    expect(agent.told).toEqual(['close']);
    expect(reports).toEqual(['detector closed']);
  });
});
