import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  Refusal,
  TransferEffect,
  TransferEvent,
  TransferPlan,
  TransferState,
} from '../../../src/call/transfer/transfer-machine.js';
import { stepTransfer, TRANSFER_IDLE } from '../../../src/call/transfer/transfer-machine.js';

const PLAN: TransferPlan = {
  targets: [{ ringTimeMs: 20_000 }, { ringTimeMs: 15_000 }],
  graceMs: 10_000,
  agent: 'leaves',
};
const ONE: TransferPlan = { ...PLAN, targets: [{ ringTimeMs: 20_000 }] };

/** Runs events from the beginning; returns where they lead and what the last one asks for, the alarm left out. */
function after(plan: TransferPlan, ...events: readonly TransferEvent[]): { state: TransferState; asks: string[] } {
  let state = TRANSFER_IDLE;
  let effects: readonly TransferEffect[] = [];
  for (const event of [{ kind: 'begin' } as const, ...events]) ({ state, effects } = stepTransfer(plan, state, event));
  return { state, asks: effects.filter(({ kind }) => kind !== 'arm' && kind !== 'disarm').map(inWords) };
}

function inWords(effect: TransferEffect): string {
  switch (effect.kind) {
    case 'dial':
      return `dial ${effect.target}`;
    case 'hangUp':
      return `hangUp ${effect.attempt}`;
    case 'speak':
      return `speak ${effect.speech}`;
    case 'resume':
      return `resume ${effect.tried.map(({ refusal, reason }) => (reason === null ? refusal : `${refusal}: ${reason.text}`)).join(', ')}`;
    case 'finish':
      return `finish ${effect.how}`;
    default:
      return effect.kind;
  }
}

const held = { kind: 'held' } as const;
const answered = { kind: 'answered', attempt: 1 } as const;
const opened = { kind: 'briefingOpened', attempt: 1 } as const;
const spoken = { kind: 'spoken', attempt: 1 } as const;
const merged = { kind: 'merged', attempt: 1 } as const;
const timeUp = { kind: 'timeUp' } as const;
const callerGone = { kind: 'callerGone' } as const;
const key = (digit: string): TransferEvent => ({ kind: 'digit', attempt: 1, digit });
const said = (text: string): TransferEvent => ({ kind: 'said', attempt: 1, text });
const gone = (refusal: Refusal): TransferEvent => ({ kind: 'legGone', attempt: 1, refusal });
const BRIEFED = [held, answered, opened, spoken];

describe('a conference', () => {
  const plan: TransferPlan = { ...ONE, agent: 'stays' };

  it('is over as a transfer when the person has joined', () => {
    expect(after(plan, ...BRIEFED, key('1')).asks).toEqual(['merge']);
    expect(after(plan, ...BRIEFED, key('1'), merged).asks).toEqual(['finish joined']);
  });

  it('that does not come about gives the caller back to the agent', () => {
    const failed = { kind: 'mergeFailed', attempt: 1 } as const;
    expect(after(plan, ...BRIEFED, key('1'), failed).asks).toEqual(['hangUp 1', 'resume failed']);
    expect(after(plan, held, gone('busy')).asks).toEqual(['hangUp 1', 'resume busy']);
  });
});

describe('a warm transfer', () => {
  it('gives the caller music before anybody is rung', () => {
    expect(after(ONE).asks).toEqual(['hold']);
    expect(after(ONE, held).asks).toEqual(['dial 0']);
  });

  it.each([key('1'), said('Yes, please'), said('okay put them through')])(
    'connects the person who takes the call, and releases it after the grace time: %j',
    (accept) => {
      expect(after(ONE, held, answered).asks).toEqual(['openBriefing']);
      expect(after(ONE, held, answered, opened).asks).toEqual(['speak briefing']);
      expect(after(ONE, ...BRIEFED, accept).asks).toEqual(['merge']);
      expect(after(ONE, ...BRIEFED, accept, merged).state.kind).toBe('talking');
      expect(after(ONE, ...BRIEFED, accept, merged, timeUp).asks).toEqual(['release', 'finish connected']);
    },
  );

  it('may be taken before the briefing has been heard to its end', () => {
    expect(after(ONE, held, answered, opened, key('1')).asks).toEqual(['merge']);
  });

  it.each([
    [key('1'), 'declined: they are in a meeting'],
    [said('I am on holiday'), 'declined: I am on holiday'],
    [key('9'), 'declined'],
    [timeUp, 'declined'],
    [gone('hungUp'), 'declined'],
  ])('brings the reason of a decline back to the agent: %j', (reason, tried) => {
    expect(after(ONE, ...BRIEFED, key('2')).asks).toEqual(['speak reason']);
    expect(after(ONE, ...BRIEFED, said('no, not okay'), reason).asks).toEqual(['hangUp 1', `resume ${tried}`]);
  });

  it.each([
    [said("no, I'm in a meeting"), 'declined: they are in a meeting'],
    [said('I am busy'), 'declined: they are in a meeting'],
    [said("i'll call them back"), 'declined: they will call you back'],
    [said('wrong department'), 'declined: somebody else is in charge of it'],
  ])('asks nobody for a reason who gives it with the no: %j', (no, tried) => {
    expect(after(ONE, ...BRIEFED, no).asks).toEqual(['hangUp 1', `resume ${tried}`]);
  });

  it('goes on to the next place when a voicemail says what it is', () => {
    expect(after(PLAN, ...BRIEFED, said('Please leave a message after the tone.')).asks).toEqual([
      'hangUp 1',
      'dial 1',
    ]);
  });

  it('is told again to who asks for it, five times at most', () => {
    expect(after(ONE, ...BRIEFED, key('3')).asks).toEqual(['speak briefing']);
    expect(after(ONE, ...BRIEFED, said('say that again')).asks).toEqual(['speak briefing']);
    expect(after(ONE, ...BRIEFED, ...Array.from({ length: 4 }, () => key('3')), key('3')).asks).toEqual([]);
  });

  it('says what the keys mean to who pressed another one, five times at most', () => {
    expect(after(ONE, ...BRIEFED, key('5')).asks).toEqual(['speak keys']);
    expect(after(ONE, held, answered, opened, key('5')).asks).toEqual([]);
    const again = Array.from({ length: 4 }, () => [key('5'), spoken]).flat();
    expect(after(ONE, ...BRIEFED, ...again, key('5')).asks).toEqual([]);
    expect(after(ONE, ...BRIEFED, key('5'), spoken, timeUp).asks).toEqual(['speak question']);
  });

  it('asks once more, and then takes who says nothing for a voicemail', () => {
    expect(after(ONE, ...BRIEFED, timeUp).asks).toEqual(['speak question']);
    expect(after(ONE, ...BRIEFED, timeUp, spoken, timeUp).asks).toEqual(['hangUp 1', 'resume nobody']);
  });

  it.each(['busy', 'noAnswer', 'declined', 'unreachable', 'failed'] as const)(
    'goes on to the next place when the first is %s',
    (refusal) => {
      expect(after(PLAN, held, gone(refusal)).asks).toEqual(['hangUp 1', 'dial 1']);
      const second = { kind: 'legGone', attempt: 2, refusal: 'busy' } as const;
      expect(after(PLAN, held, gone(refusal), second).asks).toEqual(['hangUp 2', `resume ${refusal}, busy`]);
    },
  );

  it('rings each place for its ring time only', () => {
    const { state, effects } = stepTransfer(PLAN, after(PLAN).state, held);
    expect(effects).toContainEqual({ kind: 'arm', delayMs: 20_000 });
    expect(stepTransfer(PLAN, state, timeUp).effects).toContainEqual({ kind: 'arm', delayMs: 15_000 });
    expect(after(ONE, held, timeUp).asks).toEqual(['hangUp 1', 'resume noAnswer']);
  });

  it('gives the caller back when the person hangs up within the grace time', () => {
    expect(after(PLAN, ...BRIEFED, key('1'), merged, gone('hungUp')).asks).toEqual(['hangUp 1', 'resume cutOff']);
  });

  it('gives the caller back when the merge fails', () => {
    const failed = { kind: 'mergeFailed', attempt: 1 } as const;
    for (const event of [failed, timeUp]) {
      expect(after(PLAN, ...BRIEFED, key('1'), event).asks).toEqual(['hangUp 1', 'resume failed']);
    }
  });

  it('brings a caller whom the agent cannot have back to the fallback', () => {
    for (const event of [{ kind: 'resumeFailed' } as const, timeUp]) {
      expect(after(ONE, held, gone('busy'), event).asks).toEqual(['fallback', 'finish fallback']);
    }
  });

  it.each([
    ['on hold', [], ['finish callerGone']],
    ['while it rings', [held], ['hangUp 1', 'finish callerGone']],
    ['while the leg gets its voice', [held, answered], ['hangUp 1', 'finish callerGone']],
    ['during the briefing', [held, answered, opened], ['hangUp 1', 'finish callerGone']],
    ['while the person decides', BRIEFED, ['hangUp 1', 'finish callerGone']],
    ['while the person declines', [...BRIEFED, key('2')], ['hangUp 1', 'finish callerGone']],
    ['in the merge', [...BRIEFED, key('1')], ['hangUp 1', 'finish callerGone']],
    ['when they talk', [...BRIEFED, key('1'), merged], ['hangUp 1', 'finish connected']],
    ['on the way back', [held, gone('busy')], ['finish callerGone']],
  ])('ends at once when the caller hangs up %s', (_when, events, asks) => {
    expect(after(ONE, ...events, callerGone).asks).toEqual(asks);
  });

  it('leaves two people who talk alone when the process ends', () => {
    const talking = [...BRIEFED, key('1'), merged];
    expect(after(ONE, ...talking, { kind: 'abandoned' }).asks).toEqual(['release', 'finish connected']);
    expect(after(ONE, held, { kind: 'abandoned' }).asks).toEqual(['hangUp 1', 'finish abandoned']);
  });

  it('hangs up a phone that is picked up in the moment it was given up', () => {
    expect(after(PLAN, held, timeUp, answered).asks).toEqual(['hangUp 1']);
    expect(after(PLAN, held, callerGone, answered).asks).toEqual(['hangUp 1']);
  });
});

/** The world as effects make it: where the caller is, which legs there are, whether the alarm is set. */
class World {
  caller: 'agent' | 'music' | 'person' | 'fallback' | 'gone' = 'agent';
  readonly legs = new Set<number>();
  /** Legs that hear the caller. */
  merged: number | null = null;
  armed = false;
  finished = 0;

  apply(effect: TransferEffect): void {
    switch (effect.kind) {
      case 'arm':
        this.armed = true;
        break;
      case 'disarm':
        this.armed = false;
        break;
      case 'hold':
        this.caller = 'music';
        break;
      case 'dial':
        this.legs.add(effect.attempt);
        break;
      case 'hangUp':
        this.legs.delete(effect.attempt);
        if (this.merged === effect.attempt) this.merged = null;
        break;
      case 'openBriefing':
      case 'speak':
        // Somebody must be there to hear it, and nobody may speak into a conversation.
        expect(this.legs).toContain(effect.attempt);
        expect(this.merged).toBeNull();
        break;
      case 'merge':
        expect(this.legs).toContain(effect.attempt);
        this.merged = effect.attempt;
        this.caller = 'person';
        break;
      case 'release':
        expect(this.merged).toBe(effect.attempt);
        this.legs.delete(effect.attempt);
        break;
      case 'resume':
        expect(this.legs.size).toBe(0);
        this.caller = 'agent';
        break;
      case 'fallback':
        this.caller = 'fallback';
        break;
      case 'finish':
        this.finished += 1;
        break;
    }
  }
}

const attempt = fc.integer({ min: 1, max: 3 });
const anyEvent: fc.Arbitrary<TransferEvent> = fc.oneof(
  fc.constantFrom<TransferEvent>(
    { kind: 'begin' },
    held,
    { kind: 'holdFailed' },
    { kind: 'resumed' },
    { kind: 'resumeFailed' },
    callerGone,
    { kind: 'abandoned' },
    timeUp,
  ),
  fc.record({
    kind: fc.constantFrom('answered' as const, 'briefingOpened' as const, 'briefingFailed' as const, 'spoken' as const),
    attempt,
  }),
  fc.record({ kind: fc.constantFrom('merged' as const, 'mergeFailed' as const), attempt }),
  fc.record({ kind: fc.constant('digit' as const), attempt, digit: fc.constantFrom('1', '2', '3', '#') }),
  fc.record({ kind: fc.constant('said' as const), attempt, text: fc.constantFrom('yes', 'no', 'again', 'hm') }),
  fc.record({
    kind: fc.constant('legGone' as const),
    attempt,
    refusal: fc.constantFrom<Refusal>('busy', 'noAnswer', 'declined', 'hungUp', 'failed'),
  }),
);
/** The way to a conversation, so that the late states are visited, too; anything may come between. */
const happy: readonly TransferEvent[] = [{ kind: 'begin' }, ...BRIEFED, key('1'), merged];
const anyStory = fc
  .tuple(fc.nat(happy.length), fc.array(anyEvent, { maxLength: 40 }))
  .map(([steps, events]) => [...happy.slice(0, steps), ...events]);

describe('whatever happens, in whatever order', () => {
  it('no caller waits for nothing, and the end is an agent, a person, the fallback or a hang-up', () => {
    fc.assert(
      fc.property(anyStory, fc.integer({ min: 1, max: 3 }), (story, targets) => {
        const plan = { ...PLAN, targets: Array.from({ length: targets }, () => ({ ringTimeMs: 1 })) };
        const world = new World();
        let state = TRANSFER_IDLE;
        const happen = (event: TransferEvent): void => {
          if (event.kind === 'callerGone') world.caller = 'gone';
          const before = world.caller;
          const step = stepTransfer(plan, state, event);
          state = step.state;
          for (const effect of step.effects) world.apply(effect);
          // Who has hung up is not brought anywhere.
          if (before === 'gone') world.caller = 'gone';
          if (state.kind === 'ended') return;
          expect(world.armed).toBe(state.kind !== 'idle');
          expect(world.legs.size).toBeLessThanOrEqual(1);
        };
        for (const event of story) happen(event);
        // From here on only time passes.
        for (let i = 0; i < 50 && state.kind !== 'ended' && state.kind !== 'idle'; i++) happen(timeUp);
        if (state.kind === 'idle') return;
        expect(state.kind).toBe('ended');
        expect(world.armed).toBe(false);
        expect(world.finished).toBe(1);
        expect(world.legs.size).toBe(0);
        const how = state.kind === 'ended' ? state.how : 'none';
        if (world.caller !== 'gone') {
          const where = { connected: 'person', returned: 'agent', fallback: 'fallback', callerGone: 'gone' } as const;
          // Whoever ends the call sees to a caller who was left where they were.
          if (how !== 'abandoned') expect(world.caller).toBe(where[how as keyof typeof where]);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
