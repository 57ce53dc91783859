/** Sounds by which listeners say "go on", in the spellings of recognizers. Words that may be an answer (yes, okay, no) are none of them. */
const SOUND = /^(?:m+-?h+m*|m+h?m+|mm+|h+m+|uh-?hu+h|uh|um|a+h|o+h|aha|hm-?hm)$/;

/** Whether someone only made sounds of listening. An agent that was cut off by them goes on where it stopped. */
export function isBackChannel(text: string): boolean {
  const sounds = text
    .toLowerCase()
    .split(/[\s.,!?…]+/)
    .filter((sound) => sound !== '');
  return sounds.length > 0 && sounds.length <= 3 && sounds.every((sound) => SOUND.test(sound));
}
