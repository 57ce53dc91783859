import type { ToolDescription, ToolResult } from '../../port.js';

/** Understands speech. */
export interface SpeechToText {
  /**
   * What was said in one utterance (mono s16, 16 kHz); empty when nothing was. Rejects with AGENT_FAILED or AGENT_UNAVAILABLE, or with the
   * signal's reason.
   */
  transcribe(utterance: Int16Array, signal: AbortSignal): Promise<string>;
  /** Begins to listen to a call; absent where only whole utterances are understood. */
  readonly listen?: (onGuess: OnGuess) => Ear;
}

/** Told what seems to have been said since the last `finish`, for somebody who reads along; the next guess takes its place. */
export type OnGuess = (text: string) => void;

/** Listens to one call while the caller speaks, so that little is left to be understood when he is done. */
export interface Ear {
  /** It broke: there should be another one. */
  readonly broken: boolean;
  /** A piece of speech, mono s16, 16 kHz; it is copied. */
  hear(pcm: Int16Array): void;
  /** What was said since the last time; empty when nothing was. Rejects with AGENT_FAILED or AGENT_UNAVAILABLE. */
  finish(): Promise<string>;
  /** Idempotent. What is being finished never is. */
  close(): void;
}

/** Speaks. */
export interface TextToSpeech {
  /** Gives the audio (mono s16, 16 kHz) piece by piece as it is made; resolves at its end. Rejects as `transcribe` does. */
  speak(text: string, signal: AbortSignal, onAudio: (pcm: Int16Array) => void): Promise<void>;
}

/** Thinks. */
export interface LanguageModel {
  /** Loads what it needs; rejects when it never can. */
  prepare(): Promise<void>;
  /** One answer to the conversation, as it is made. Fails as `transcribe` does. */
  answer(request: ModelRequest): AsyncIterable<ModelPart>;
}

export type ModelRequest = {
  readonly instructions: string;
  readonly messages: readonly DialogMessage[];
  readonly tools: readonly ToolDescription[];
  readonly signal: AbortSignal;
};

/** What a model asks for; `hint` is its own and goes back to it with the call. */
export type ModelToolCall = {
  readonly id: string;
  readonly name: string;
  /** JSON as the model wrote it: it may be broken. */
  readonly input: string;
  readonly hint: unknown;
};

/** A piece of an answer. */
export type ModelPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'toolCall'; readonly call: ModelToolCall }
  | { readonly kind: 'usage'; readonly inputTokens: number; readonly outputTokens: number };

/** The conversation as a model is told of it. Begins with the caller; after `agent` with calls come their `tools`. */
export type DialogMessage =
  | { readonly who: 'caller'; readonly text: string }
  | { readonly who: 'agent'; readonly text: string; readonly calls: readonly ModelToolCall[] }
  | {
      readonly who: 'tools';
      readonly results: readonly { readonly call: ModelToolCall; readonly result: ToolResult }[];
    };
