/** `{{caller.number}}`; what stands between other braces is text. */
const PLACEHOLDER = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\s*\}\}/g;

/** Longer values are no names and no numbers, and might be a prompt of the caller's own. */
const MAX_VALUE_CHARACTERS = 200;

/** What a prompt may name; besides these `var.<name>`, whatever the dialplan gave. */
export const PROMPT_NAMES = [
  'caller.number',
  'caller.name',
  'call.extension',
  'call.date',
  'call.time',
  'call.weekday',
  'hours.state',
  'hours.text',
] as const;

/** A formatter of dates takes milliseconds to be made, in which the other calls of a thread wait. */
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

export type PromptValues = Readonly<Record<string, string>>;

/** The names that a prompt asks for. */
export function promptNames(prompt: string): string[] {
  return [...prompt.matchAll(PLACEHOLDER)].map(([, name]) => name ?? '');
}

/** Whether there is something that could stand for this name. */
export function isPromptName(name: string): boolean {
  return (PROMPT_NAMES as readonly string[]).includes(name) || name.startsWith('var.');
}

/** The prompt with values in the place of names, nothing where a value is missing; values are cleaned and not looked at again. */
export function fillPrompt(prompt: string, values: PromptValues): string {
  if (!prompt.includes('{{')) return prompt;
  return prompt.replace(PLACEHOLDER, (_, name: string) => cleaned(Object.hasOwn(values, name) ? values[name] : ''));
}

/** What a call's beginning was, in words. @param wallMs in the time zone of this machine */
export function dateValues(wallMs: number): PromptValues {
  const date = new Date(wallMs);
  const two = (number: number): string => String(number).padStart(2, '0');
  return {
    'call.date': `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    'call.time': `${two(date.getHours())}:${two(date.getMinutes())}`,
    'call.weekday': WEEKDAYS[date.getDay()] ?? '',
  };
}

/** Callers choose their names: one line, no braces, no marks that models take for structure. */
function cleaned(value = ''): string {
  return value
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[{}<>[\]`"\\]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_VALUE_CHARACTERS);
}
