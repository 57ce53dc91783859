/**
 * Numbers that cost money wherever they are dialled by mistake, or by somebody who was talked into it. After an outside-line digit (0 or 9) they
 * are the same. Numbering plans differ: a site allows what it means, and its PBX has the last word.
 */
const COSTLY = {
  international: /^[09]?(\+|00|011)\d{6,}$/,
  premium: /^[09]?(0900|0190|0137|1?900|1?976)\d{5,}$/,
} as const;

/** Why a number must not be dialled unless it is allowed; null for every other. @param allowed prefixes, as they are dialled */
export function costlyNumber(number: string, allowed: readonly string[]): 'international' | 'premium' | null {
  const digits = number.replaceAll(/[-.]/g, '');
  if (allowed.some((prefix) => digits.startsWith(prefix))) return null;
  // Premium first: 00900… is both, and that is why it would be allowed or not.
  if (COSTLY.premium.test(digits)) return 'premium';
  return COSTLY.international.test(digits) ? 'international' : null;
}
