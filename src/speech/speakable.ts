/** Longest sentence that is synthesized at once: half a second of work at the most. */
const MAX_SENTENCE_LETTERS = 200;

/**
 * One word of a text in the letters that the synthesizer knows (ASCII): accents are taken off, times of day and ranges of
 * them spelled out. Empty when nothing of it can be said.
 */
export function spokenForm(word: string): string {
  const plain = word
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .replaceAll(/[\u2018\u2019]/g, "'")
    .replaceAll(/[\u2010-\u2015]/g, '-')
    .replaceAll('&', ' and ')
    .replaceAll(/[^\x20-\x7e]/g, '');
  const timed = plain
    .replaceAll(/(\d)-(?=\d{1,2}:\d\d)/g, '$1 to ')
    .replaceAll(/\b(\d{1,2}):(\d\d)\b/g, (_match, hour: string, minute: string) => clockTime(hour, minute));
  return /[A-Za-z0-9]/.test(timed) ? timed.trim() : '';
}

/** A text in pieces that can be said one after the other: sentences, and parts of long ones. */
export function sentences(text: string): string[] {
  const pieces: string[] = [];
  for (const sentence of text.split(/(?<=[.!?])\s+/)) {
    let rest = sentence.trim();
    while (rest.length > MAX_SENTENCE_LETTERS) {
      const head = rest.slice(0, MAX_SENTENCE_LETTERS);
      const comma = head.lastIndexOf(', ');
      const space = head.lastIndexOf(' ');
      const cut = comma > MAX_SENTENCE_LETTERS / 2 ? comma + 1 : space > 0 ? space : MAX_SENTENCE_LETTERS;
      pieces.push(rest.slice(0, cut).trim());
      rest = rest.slice(cut).trim();
    }
    if (rest !== '') pieces.push(rest);
  }
  return pieces;
}

function clockTime(hour: string, minute: string): string {
  if (minute === '00') return `${Number(hour)} o'clock`;
  return minute.startsWith('0') ? `${Number(hour)} oh ${Number(minute)}` : `${Number(hour)} ${Number(minute)}`;
}
