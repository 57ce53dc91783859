import type { CallOffer } from './port.js';

/** What prompts may be told; more is a dialplan that goes round in a circle. */
const MAX_VARIABLES = 50;
const MAX_VALUE_CHARACTERS = 1000;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/** `name=value`, as arguments of the hand-over; what has another form is left out. */
export function namedArguments(args: readonly string[]): Readonly<Record<string, string>> {
  const pairs = args.flatMap((arg): [string, string][] => {
    const at = arg.indexOf('=');
    return at > 0 ? [[arg.slice(0, at).trim(), arg.slice(at + 1).trim()]] : [];
  });
  return Object.fromEntries(pairs);
}

/** What the dialplan wants of a call, from what it says of it: `agent` is the agent, everything else is for prompts. */
export function wishes(told: Readonly<Record<string, string>>): Pick<CallOffer, 'agent' | 'variables'> {
  const { agent = '', ...rest } = told;
  const named = Object.entries(rest).filter(([name]) => NAME.test(name));
  const bounded = named.slice(0, MAX_VARIABLES).map(([name, value]) => [name, value.slice(0, MAX_VALUE_CHARACTERS)]);
  return {
    ...(agent === '' ? {} : { agent }),
    ...(bounded.length === 0 ? {} : { variables: Object.fromEntries(bounded) as Record<string, string> }),
  };
}
