import { assertNever } from '../../core/assert-never.js';
import type { Answer, Reason } from './answer-words.js';
import { answerInWords, reasonByKey, reasonInWords } from './answer-words.js';

/** Why a place did not take the caller. `nobody`: it was answered, but not by a person (a voicemail). `hungUp`: they left without a word. cutOff: they hung up within the grace time. */
export type Refusal = 'busy' | 'noAnswer' | 'declined' | 'nobody' | 'unreachable' | 'hungUp' | 'cutOff' | 'failed';

/** What became of one place, and why it was declined; null: without a reason. */
export type Attempted = { readonly target: number; readonly refusal: Refusal; readonly reason: Reason | null };

/** What a person who was rung hears. `question`: only what can be done, for somebody who said nothing; `keys`: the same for somebody who is there. `reason`: asks why not. */
export type Speech = 'briefing' | 'question' | 'keys' | 'reason';

/** How a transfer ended. connected: caller and person talk, we are out. joined: the person is with caller and agent. abandoned: somebody ended the call meanwhile and sees to the caller. */
export type TransferEnd = 'connected' | 'joined' | 'returned' | 'fallback' | 'callerGone' | 'abandoned';

export type TransferPlan = {
  /** Places in the order of trying; at least one. */
  readonly targets: readonly { readonly ringTimeMs: number }[];
  /** A person who hangs up so soon after taking the call gives the caller back to the agent. */
  readonly graceMs: number;
  /** What becomes of the agent when a person takes the call. */
  readonly agent: 'leaves' | 'stays';
};

/** A place that is being tried. `attempt` counts from 1 and names its leg; events of another leg are late. */
type Trial = { readonly attempt: number; readonly target: number; readonly tried: readonly Attempted[] };
type Telling = Trial & { readonly told: number; readonly asked: 'once' | 'twice' };

export type TransferState =
  | { readonly kind: 'idle' }
  /** The agent falls silent, the music begins. */
  | { readonly kind: 'holding' }
  | ({ readonly kind: 'dialling' } & Trial)
  /** Answered; the leg gets its voice. */
  | ({ readonly kind: 'connecting' } & Trial)
  /** The person is being told. Somebody who was asked twice and does nothing is a machine. */
  | ({ readonly kind: 'briefing' } & Telling)
  | ({ readonly kind: 'deciding' } & Telling)
  /** Declined; may be followed by a reason. */
  | ({ readonly kind: 'declining' } & Trial)
  | ({ readonly kind: 'merging' } & Trial)
  /** They talk, and we could still take the caller back. */
  | ({ readonly kind: 'talking' } & Trial)
  | { readonly kind: 'returning'; readonly tried: readonly Attempted[] }
  | { readonly kind: 'ended'; readonly how: TransferEnd };

export type TransferEvent =
  | { readonly kind: 'begin' }
  | { readonly kind: 'held' }
  | { readonly kind: 'holdFailed' }
  | { readonly kind: 'answered'; readonly attempt: number }
  /** The leg ended, or the PBX could not make it. */
  | { readonly kind: 'legGone'; readonly attempt: number; readonly refusal: Refusal }
  | { readonly kind: 'briefingOpened'; readonly attempt: number }
  | { readonly kind: 'briefingFailed'; readonly attempt: number }
  /** What was to be said was heard to its end. */
  | { readonly kind: 'spoken'; readonly attempt: number }
  | { readonly kind: 'digit'; readonly attempt: number; readonly digit: string }
  | { readonly kind: 'said'; readonly attempt: number; readonly text: string }
  | { readonly kind: 'merged'; readonly attempt: number }
  | { readonly kind: 'mergeFailed'; readonly attempt: number }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'resumeFailed' }
  | { readonly kind: 'callerGone' }
  /** Somebody ends the call, or the process ends. */
  | { readonly kind: 'abandoned' }
  /** The alarm that was armed last. */
  | { readonly kind: 'timeUp' };

export type TransferEffect =
  /** One alarm at a time: takes the place of the one before. */
  | { readonly kind: 'arm'; readonly delayMs: number }
  | { readonly kind: 'disarm' }
  /** The agent on hold, music for the caller. `held` or `holdFailed` follows. */
  | { readonly kind: 'hold' }
  /** `answered` or `legGone` follows. */
  | { readonly kind: 'dial'; readonly attempt: number; readonly target: number }
  /** Ends the leg and its briefing, whatever state they are in; also one that is only being made. */
  | { readonly kind: 'hangUp'; readonly attempt: number }
  | { readonly kind: 'openBriefing'; readonly attempt: number }
  /** Takes the place of what is being said. `spoken` follows. */
  | { readonly kind: 'speak'; readonly attempt: number; readonly speech: Speech }
  /** Caller and person into one bridge, with the agent where it stays; the briefing away. */
  | { readonly kind: 'merge'; readonly attempt: number }
  /** The PBX carries the two from now on. */
  | { readonly kind: 'release'; readonly attempt: number }
  /** The caller back to the agent, who tells what happened. */
  | { readonly kind: 'resume'; readonly tried: readonly Attempted[] }
  /** The agent cannot have the caller back: to a human by the dialplan. */
  | { readonly kind: 'fallback' }
  | { readonly kind: 'finish'; readonly how: TransferEnd };

export type TransferStep = { readonly state: TransferState; readonly effects: readonly TransferEffect[] };

/** Each is a command that a PBX answers in milliseconds; this is for one that hangs. */
const COMMAND_LIMIT_MS = 5000;
/** Longer than the longest briefing: a minute of speech is more than anybody listens to. */
const SPEECH_LIMIT_MS = 60_000;
/** Time to put down a cup and press a key. */
const DECISION_MS = 8000;
/** The question and the answer; the caller waits. */
const REASON_MS = 12_000;
/** Whoever wants to hear it more often keeps the caller waiting. */
const MAX_TELLINGS = 5;

const KEYS: Readonly<Record<string, 'accept' | 'decline' | 'repeat'>> = {
  '1': 'accept',
  '2': 'decline',
  '3': 'repeat',
};

/** Before the first event. */
export const TRANSFER_IDLE: TransferState = { kind: 'idle' };

/**
 * One warm transfer as a pure function: what happened goes in, what is to be done comes out. In every state but the first and the last an
 * alarm is armed, so that no caller waits for something that never comes. Events that mean nothing in a state change nothing.
 */
export function stepTransfer(plan: TransferPlan, state: TransferState, event: TransferEvent): TransferStep {
  if (event.kind === 'answered' && attemptOf(state) !== event.attempt) {
    // It was given up while it rang, and was picked up in that moment.
    return { state, effects: [{ kind: 'hangUp', attempt: event.attempt }] };
  }
  if (state.kind === 'ended' || ('attempt' in event && attemptOf(state) !== event.attempt)) return stay(state);
  if (event.kind === 'callerGone') return finish(state, state.kind === 'talking' ? 'connected' : 'callerGone');
  if (event.kind === 'abandoned') return abandon(state);
  switch (state.kind) {
    case 'idle':
      return event.kind === 'begin' ? go(plan, { kind: 'holding' }, [{ kind: 'hold' }]) : stay(state);
    case 'holding':
      if (event.kind === 'held') return dial(plan, { attempt: 1, target: 0, tried: [] });
      if (event.kind === 'holdFailed' || event.kind === 'timeUp') {
        return giveBack(plan, [{ target: 0, refusal: 'failed', reason: null }]);
      }
      return stay(state);
    case 'dialling':
      if (event.kind === 'answered') {
        const { attempt } = state;
        return go(plan, { ...state, kind: 'connecting' }, [{ kind: 'openBriefing', attempt }]);
      }
      if (event.kind === 'timeUp') return next(plan, state, 'noAnswer');
      return event.kind === 'legGone' ? next(plan, state, event.refusal) : stay(state);
    case 'connecting':
      if (event.kind === 'briefingOpened')
        return speak(plan, { ...state, kind: 'briefing', told: 1, asked: 'once' }, 'briefing');
      if (event.kind === 'legGone') return next(plan, state, 'hungUp');
      return event.kind === 'briefingFailed' || event.kind === 'timeUp' ? next(plan, state, 'failed') : stay(state);
    case 'briefing':
    case 'deciding':
      return decide(plan, state, event);
    case 'declining':
      return decline(plan, state, event);
    case 'merging':
      if (event.kind === 'merged') {
        return plan.agent === 'stays' ? endWith('joined', []) : go(plan, { ...state, kind: 'talking' }, []);
      }
      // Not the next place: where the caller is and what they hear is not known; coming back puts it right.
      if (event.kind === 'legGone') return giveBack(plan, triedOf(state, 'hungUp'), state.attempt);
      if (event.kind !== 'mergeFailed' && event.kind !== 'timeUp') return stay(state);
      return giveBack(plan, triedOf(state, 'failed'), state.attempt);
    case 'talking':
      if (event.kind === 'timeUp') return release(state);
      // Not the next place: they have just talked with somebody, who may have meant it.
      return event.kind === 'legGone' ? giveBack(plan, triedOf(state, 'cutOff'), state.attempt) : stay(state);
    case 'returning':
      if (event.kind === 'resumed') return finish(state, 'returned');
      if (event.kind !== 'resumeFailed' && event.kind !== 'timeUp') return stay(state);
      return endWith('fallback', [{ kind: 'fallback' }]);
    default:
      return assertNever(state);
  }
}

type Asked = Extract<TransferState, { readonly kind: 'briefing' | 'deciding' }>;

/** The person has been rung and may take the call, decline it, ask for a repeat or be nobody at all. */
function decide(plan: TransferPlan, state: Asked, event: TransferEvent): TransferStep {
  const { attempt } = state;
  if (event.kind === 'legGone') return next(plan, state, 'hungUp');
  if (event.kind === 'briefingFailed') return next(plan, state, 'failed');
  if (event.kind === 'spoken') {
    return state.kind === 'briefing' ? go(plan, { ...state, kind: 'deciding' }, []) : stay(state);
  }
  if (event.kind === 'timeUp') {
    // What takes a minute to say is said to nobody.
    if (state.kind === 'briefing' || state.asked === 'twice') return next(plan, state, 'nobody');
    return speak(plan, { ...state, kind: 'briefing', asked: 'twice' }, 'question');
  }
  const answer = answerOf(event);
  switch (answer?.kind) {
    case 'accept':
      return go(plan, { ...trialOf(state), kind: 'merging' }, [{ kind: 'merge', attempt }]);
    case 'decline':
      // Who has said why is not asked.
      if (answer.reason !== null) return next(plan, state, 'declined', answer.reason);
      return speak(plan, { ...trialOf(state), kind: 'declining' }, 'reason');
    case 'repeat':
      if (state.told >= MAX_TELLINGS) return stay(state);
      return speak(plan, { ...state, kind: 'briefing', told: state.told + 1, asked: 'once' }, 'briefing');
    case 'machine':
      return next(plan, state, 'nobody');
    case undefined:
      // A key that means nothing: while they are being told, what the keys mean comes anyway.
      if (event.kind !== 'digit' || state.kind === 'briefing' || state.told >= MAX_TELLINGS) return stay(state);
      return speak(plan, { ...state, kind: 'briefing', told: state.told + 1, asked: 'once' }, 'keys');
  }
}

function decline(
  plan: TransferPlan,
  state: Extract<TransferState, { readonly kind: 'declining' }>,
  event: TransferEvent,
): TransferStep {
  switch (event.kind) {
    case 'digit':
      return next(plan, state, 'declined', reasonByKey(event.digit));
    case 'said':
      return next(plan, state, 'declined', reasonInWords(event.text));
    case 'legGone':
    case 'briefingFailed':
    case 'timeUp':
      return next(plan, state, 'declined');
    default:
      return stay(state);
  }
}

function dial(plan: TransferPlan, trial: Trial): TransferStep {
  const { attempt, target } = trial;
  return go(plan, { ...trial, kind: 'dialling' }, [{ kind: 'dial', attempt, target }]);
}

function speak(plan: TransferPlan, state: TransferState & Trial, speech: Speech): TransferStep {
  return go(plan, state, [{ kind: 'speak', attempt: state.attempt, speech }]);
}

/** This place is done with: the next one, or back to the agent. */
function next(plan: TransferPlan, state: Trial, refusal: Refusal, reason: Reason | null = null): TransferStep {
  const { attempt, target } = state;
  const tried = triedOf(state, refusal, reason);
  if (target + 1 >= plan.targets.length) return giveBack(plan, tried, attempt);
  const following = dial(plan, { attempt: attempt + 1, target: target + 1, tried });
  return { ...following, effects: [{ kind: 'hangUp', attempt }, ...following.effects] };
}

/** @param attempt whose leg is to be ended, where there is one */
function giveBack(plan: TransferPlan, tried: readonly Attempted[], attempt?: number): TransferStep {
  const ending: TransferEffect[] = attempt === undefined ? [] : [{ kind: 'hangUp', attempt }];
  return go(plan, { kind: 'returning', tried }, [...ending, { kind: 'resume', tried }]);
}

function release(state: Trial): TransferStep {
  return endWith('connected', [{ kind: 'release', attempt: state.attempt }]);
}

function abandon(state: TransferState): TransferStep {
  // Two people who talk are not disturbed because a process ends.
  return state.kind === 'talking' ? release(state) : finish(state, 'abandoned');
}

/** The end, with the leg that there may be. */
function finish(state: TransferState, how: TransferEnd): TransferStep {
  const attempt = attemptOf(state);
  return endWith(how, attempt === null ? [] : [{ kind: 'hangUp', attempt }]);
}

function endWith(how: TransferEnd, effects: readonly TransferEffect[]): TransferStep {
  return { state: { kind: 'ended', how }, effects: [{ kind: 'disarm' }, ...effects, { kind: 'finish', how }] };
}

function go(plan: TransferPlan, state: TransferState, effects: readonly TransferEffect[]): TransferStep {
  return { state, effects: [{ kind: 'arm', delayMs: limitMs(plan, state) }, ...effects] };
}

function stay(state: TransferState): TransferStep {
  return { state, effects: [] };
}

function limitMs(plan: TransferPlan, state: TransferState): number {
  switch (state.kind) {
    case 'dialling':
      return plan.targets[state.target]?.ringTimeMs ?? COMMAND_LIMIT_MS;
    case 'briefing':
      return SPEECH_LIMIT_MS;
    case 'deciding':
      return DECISION_MS;
    case 'declining':
      return REASON_MS;
    case 'talking':
      return plan.graceMs;
    case 'idle':
    case 'holding':
    case 'connecting':
    case 'merging':
    case 'returning':
    case 'ended':
      return COMMAND_LIMIT_MS;
    default:
      return assertNever(state);
  }
}

function attemptOf(state: TransferState): number | null {
  return 'attempt' in state ? state.attempt : null;
}

function trialOf({ attempt, target, tried }: Trial): Trial {
  return { attempt, target, tried };
}

function triedOf(state: Trial, refusal: Refusal, reason: Reason | null = null): readonly Attempted[] {
  return [...state.tried, { target: state.target, refusal, reason }];
}

function answerOf(event: TransferEvent): Answer | null {
  if (event.kind === 'said') return answerInWords(event.text);
  const kind = event.kind === 'digit' ? KEYS[event.digit] : undefined;
  if (kind === undefined) return null;
  return kind === 'decline' ? { kind, reason: null } : { kind };
}
