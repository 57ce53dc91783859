/** Sounds by which listeners say "go on", in the spellings of recognizers, and words of assent, which mean the same where nothing was asked. */
const SOUND = 'm+-?h+m*|m+h?m+|mm+|h+m+|uh-?hu+h|uh|um|a+h|o+h|aha|hm-?hm';
const ASSENT = 'okay|ok|yes|yeah|yep|yup|right|sure|alright|all right|i see|got it|fine|great';
const LISTENS = new RegExp(`^(?:${SOUND}|${ASSENT})(?: (?:${SOUND}|${ASSENT})){0,2}$`);

/** Whether someone only showed that they listen. An agent that was stopped by it, and had asked nothing, goes on where it stopped. */
export function isBackChannel(text: string): boolean {
  return LISTENS.test(
    text
      .toLowerCase()
      .split(/[\s.,!?…]+/)
      .filter((word) => word !== '')
      .join(' '),
  );
}
