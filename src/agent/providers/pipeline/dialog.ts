import type { SegmentId } from '../../../core/ids.js';
import type { AgentCall, HeardSpeech, ToolResult } from '../../port.js';
import type { DialogMessage, ModelToolCall } from './port.js';

/** Entries that a model is told of; the oldest are forgotten. */
const MAX_ENTRIES = 100;

type Sentence = {
  readonly segment: SegmentId;
  readonly text: string;
  /** Null: it was, or will be, heard whole. */ heard: string | null;
};

type Entry =
  | { readonly who: 'caller'; readonly text: string }
  | { readonly who: 'agent'; readonly sentences: Sentence[]; calls: readonly ModelToolCall[] }
  | { readonly who: 'tools'; readonly results: { readonly call: ModelToolCall; readonly result: ToolResult }[] };

/** What was said and done in a call, with the agent's words cut to what the caller heard of them. */
export class Dialog {
  #entries: Entry[] = [];
  /** Sentences that are not heard to their end yet. */
  readonly #open = new Map<SegmentId, Sentence>();

  constructor(history: AgentCall['history']) {
    for (const { who, text } of history) {
      if (who === 'caller') this.caller(text);
      else if (who === 'agent') this.#agent().sentences.push({ segment: '' as SegmentId, text, heard: null });
      else this.note(`A person of the office said: ${text}`);
    }
  }

  /** Who spoke last; the beginning counts as the agent's turn to speak. */
  get last(): 'nobody' | 'caller' | 'agent' {
    const entry = this.#entries.at(-1);
    return entry === undefined ? 'nobody' : entry.who === 'caller' ? 'caller' : 'agent';
  }

  caller(text: string): void {
    this.#entries = withCaller(this.#entries, text);
    this.#trim();
  }

  /** Words for the model that nobody said. */
  note(text: string): void {
    this.caller(`[${text}]`);
  }

  /** The agent begins to say a sentence. */
  sentence(segment: SegmentId, text: string): void {
    const sentence: Sentence = { segment, text, heard: null };
    this.#agent().sentences.push(sentence);
    this.#open.set(segment, sentence);
  }

  heard({ segment, text, interrupted }: HeardSpeech): void {
    const sentence = this.#open.get(segment);
    if (sentence === undefined) return;
    this.#open.delete(segment);
    if (interrupted) sentence.heard = text;
  }

  /** The agent called tools and has their results. */
  tools(results: readonly { readonly call: ModelToolCall; readonly result: ToolResult }[]): void {
    this.#agent().calls = results.map(({ call }) => call);
    this.#push({ who: 'tools', results: [...results] });
  }

  messages(): DialogMessage[] {
    return messagesOf(this.#entries);
  }

  /** The conversation as it would be if the caller said this now, and heard no more of sentences than `heard`. */
  after(text: string, heard: readonly HeardSpeech[]): DialogMessage[] {
    const heardOf = new Map(heard.map(({ segment, text: words }) => [segment, words]));
    const entries = this.#entries.map((entry) =>
      entry.who === 'agent'
        ? {
            ...entry,
            sentences: entry.sentences.map((said) => ({ ...said, heard: heardOf.get(said.segment) ?? said.heard })),
          }
        : entry,
    );
    return messagesOf(withCaller(entries, text));
  }

  #agent(): Extract<Entry, { readonly who: 'agent' }> {
    const last = this.#entries.at(-1);
    if (last?.who === 'agent') return last;
    const entry = { who: 'agent' as const, sentences: [], calls: [] };
    this.#push(entry);
    return entry;
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
    this.#trim();
  }

  #trim(): void {
    if (this.#entries.length <= MAX_ENTRIES) return;
    // A result without its call is an error at every model.
    do this.#entries.shift();
    while (this.#entries.length > 0 && this.#entries[0]?.who !== 'caller');
  }
}

/** The caller says something: it takes the place of an answer nobody heard a word of, and goes on with what he said before it. */
function withCaller(entries: readonly Entry[], text: string): Entry[] {
  const last = entries.at(-1);
  const isUnheard = last?.who === 'agent' && last.calls.length === 0 && textOf(last) === '';
  const kept = isUnheard ? entries.slice(0, -1) : [...entries];
  const before = kept.at(-1);
  if (before?.who !== 'caller') return [...kept, { who: 'caller', text }];
  return [...kept.slice(0, -1), { who: 'caller', text: `${before.text} ${text}` }];
}

function messagesOf(entries: readonly Entry[]): DialogMessage[] {
  const messages: DialogMessage[] = [];
  for (const entry of entries) {
    if (entry.who !== 'agent') messages.push(entry);
    else if (textOf(entry) !== '' || entry.calls.length > 0)
      messages.push({ who: 'agent', text: textOf(entry), calls: entry.calls });
  }
  // Models want a conversation to begin with the other side.
  return messages[0]?.who === 'caller' ? messages : [{ who: 'caller', text: '[The call begins.]' }, ...messages];
}

function textOf({ sentences }: Extract<Entry, { readonly who: 'agent' }>): string {
  return sentences
    .map(({ text, heard }) => heard ?? text)
    .filter((text) => text !== '')
    .join(' ');
}
