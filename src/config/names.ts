import { keyLike, textLike } from './fields.js';

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
const NAME_WHAT = 'a word of letters, digits, - and _ that begins with a letter';
// Never what a dial string gives a meaning to: / & , @ ( ) and the like.
const EXTENSION = /^[0-9A-Za-z*#+_.-]{1,64}$/;
const EXTENSION_WHAT = 'an extension: digits, letters, * # + - _ and . only';

/** The name of an agent, a destination or a PBX, where one is made. */
export const nameKey = keyLike(NAME, NAME_WHAT);
/** The same where it is mentioned. */
export const name = textLike(NAME, NAME_WHAT);
/** An extension or a number that a PBX dials, as a key. */
export const extensionKey = keyLike(EXTENSION, EXTENSION_WHAT);
/** The same as a value. */
export const extension = textLike(EXTENSION, EXTENSION_WHAT);
