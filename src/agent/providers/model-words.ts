import type { AgentCall } from '../port.js';

/** After a break in the middle of what the model was saying. */
export const CUT_OFF = 'You were cut off by a disturbance. Say so in a word and go on.';

/** After a break when the caller had spoken last. */
export const LINE_IS_BACK = "The line is back. Answer the caller's last words.";

/** @param greeting word by word; empty: the model's own words */
export function greetCaller(greeting: string): string {
  return greeting === '' ? 'Greet the caller.' : `Greet the caller with exactly these words: "${greeting}"`;
}

/** The same for a model that would not know what there is to greet for. */
export function callBegins(greeting: string): string {
  return `The call begins. ${greetCaller(greeting)}`;
}

export function sayExactly(text: string): string {
  return `Say exactly these words and nothing else: "${text}"`;
}

/** From a person behind the agent. */
export function notFromCaller(text: string): string {
  return `To you, not from the caller: ${text}`;
}

/** For a session that did not call the tool: the one that did is gone. @param answer as JSON */
export function toolAnswered(name: string, answer: string): string {
  return `The tool ${name} that you called before answered: ${answer}`;
}

/**
 * What a model that acts on words is told when the caller hears it: it takes a call over, begins one, or goes on with one.
 * @param last of what was said before
 */
export function firstWords(
  { briefing }: AgentCall,
  last: AgentCall['history'][number] | undefined,
  greeting: string,
): string {
  if (briefing !== undefined) return briefing;
  if (last === undefined) return callBegins(greeting);
  return last.who === 'caller' ? LINE_IS_BACK : CUT_OFF;
}
