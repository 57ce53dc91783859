import type { Alarm } from '../../../core/clock.js';
import { LinecardError, toLinecardError } from '../../../core/errors.js';
import { isBackChannel } from '../../back-channel.js';
import { UNKNOWN_WORDS } from '../../captions.js';
import { KeyEntry, keysInWords } from '../../key-entry.js';
import type { AgentContext, AgentSession, HeardSpeech } from '../../port.js';
import { endsCall, runWithJson } from '../../tool-calls.js';
import { callBegins, CUT_OFF, notFromCaller } from '../model-words.js';
import { Dialog } from './dialog.js';
import { HeadStart, questionOf } from './head-start.js';
import { LiveListening } from './live-listening.js';
import type { ModelPart, ModelToolCall } from './port.js';
import type { PipelineOptions } from './provider.js';
import { Sentences } from './sentences.js';
import { Speaker } from './speaker.js';
import type { SpeechCache } from './speech-cache.js';

/** A model that calls tools in a circle is stopped; people ask for a handful. */
const MAX_STEPS = 8;

/** One call with an agent made of parts. We find turns; whoever speaks into an answer that he then does not replace hears it go on. */
export class PipelineSession implements AgentSession {
  readonly #options: PipelineOptions;
  readonly #context: AgentContext;
  readonly #dialog: Dialog;
  readonly #speaker: Speaker;
  readonly #keys: KeyEntry;
  readonly #closing = new AbortController();
  /** Null where only whole utterances are understood. */
  readonly #live: LiveListening | null;
  /** An answer to what the caller seems to have said, as long as he does not go on. */
  #headStart: HeadStart | null = null;
  /** The answer that is being made. */
  #answer: AbortController | null = null;
  #fillerAlarm: Alarm | null = null;
  #callerSpeaks = false;
  /** Utterances that are being understood; what was said comes in the order in which it was said. */
  #listening = 0;
  #understood: Promise<void> = Promise.resolve();
  /** The caller has said something that has no answer yet. */
  #owesAnswer = false;
  /** Those who wait for it to be clear that the caller does not interrupt. */
  readonly #waitingForFloor: (() => void)[] = [];
  #started = false;
  #inputTokens = 0;
  #outputTokens = 0;

  constructor(options: PipelineOptions & { readonly voice: SpeechCache }, context: AgentContext) {
    this.#options = options;
    this.#context = context;
    this.#dialog = new Dialog(context.call.history);
    this.#keys = new KeyEntry(context.clock, (keys) => this.#told(keysInWords(keys)));
    this.#speaker = new Speaker({
      speech: context.speech,
      voice: options.voice,
      onSentence: (segment, text) => this.#dialog.sentence(segment, text),
      onFailed: (error) => this.#failed(error),
    });
    const openEar = options.stt.listen;
    this.#live =
      openEar === undefined
        ? null
        : new LiveListening({
            openEar,
            onWords: (text) => {
              if (this.#callerSpeaks || this.#listening > 0) context.events.callerSays(text);
            },
            onLikelyEnd: (text) => this.#likelyEnd(text),
            onGoesOn: () => this.#dropHeadStart(),
          });
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    const { greeting } = this.#options;
    const { briefing } = this.#context.call;
    if (briefing !== undefined) this.#told(briefing);
    else if (this.#dialog.last === 'nobody' && greeting !== '') this.#speaker.say(greeting);
    else if (this.#dialog.last === 'nobody') this.#told(callBegins(greeting));
    else if (this.#dialog.last === 'caller') this.#begin();
    else this.#told(CUT_OFF);
  }

  hear(frame: Int16Array): void {
    this.#speaker.work();
    this.#live?.hear(frame);
  }

  digit(digit: string): void {
    this.#stop();
    this.#keys.press(digit);
  }

  callerStarted(): void {
    this.#callerSpeaks = true;
    this.#speaker.pause();
    this.#dropHeadStart();
    this.#context.events.callerSays(UNKNOWN_WORDS);
    this.#live?.begin();
  }

  callerFinished(utterance: Int16Array): void {
    this.#callerSpeaks = false;
    this.#listening += 1;
    this.#armFiller();
    const said = this.#understand(utterance);
    this.#understood = this.#understood.then(async () => this.#said(await said));
  }

  heard(speech: HeardSpeech): void {
    this.#dialog.heard(speech);
  }

  say(text: string): void {
    this.#speaker.say(text);
  }

  relay(words: string): void {
    this.#stop();
    this.#told(notFromCaller(words));
  }

  instruct(text: string): void {
    this.#dialog.note(notFromCaller(text));
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#answer?.abort();
    this.#disarmFiller();
    this.#keys.close();
    this.#live?.close();
    this.#dropHeadStart();
    this.#speaker.close();
    for (const go of this.#waitingForFloor.splice(0)) go();
    const tokens = { inputTokens: this.#inputTokens, outputTokens: this.#outputTokens };
    this.#context.log.info(tokens, 'pipeline session closed');
  }

  /** Empty when nothing was said; null when the call is over or lost. One more try, as for everything that can be tried again. */
  async #understand(utterance: Int16Array): Promise<string | null> {
    const { stt } = this.#options;
    const { signal } = this.#closing;
    const first = this.#live?.finish() ?? stt.transcribe(utterance, signal);
    try {
      return await first.catch(async (error: unknown) => {
        if (signal.aborted || !this.#mayRetry(error)) throw error;
        return stt.transcribe(utterance, signal);
      });
    } catch (error) {
      this.#failed(error);
      return null;
    }
  }

  /** The model may begin; whether it was the end is known in a third of a second. */
  #likelyEnd(text: string): void {
    const { llm, instructions, headStart } = this.#options;
    if (headStart === 'off' || this.#listening > 0 || this.#saysNothing(text)) return;
    this.#dropHeadStart();
    const { tools, speech } = this.#context;
    const messages = this.#dialog.after(text, speech.ifCleared());
    this.#headStart = new HeadStart(llm, { instructions, messages, tools: tools.descriptions });
  }

  #dropHeadStart(): void {
    this.#headStart?.drop();
    this.#headStart = null;
  }

  #said(text: string | null): void {
    this.#listening -= 1;
    if (text === null || this.#closing.signal.aborted) return;
    if (!this.#saysNothing(text)) {
      this.#stop();
      this.#dialog.caller(text);
      this.#context.events.callerSaid(text);
      this.#owesAnswer = true;
    } else this.#context.events.callerSays('');
    if (this.#callerSpeaks || this.#listening > 0) return;
    if (this.#owesAnswer) {
      this.#begin();
      return;
    }
    // It was a cough: what it cut off goes on.
    this.#disarmFiller();
    this.#speaker.resume();
    this.#freeFloor();
  }

  /** Who is told something and says "mm-hm" is listening; who is asked something has answered. */
  #saysNothing(text: string): boolean {
    if (text === '') return true;
    return isBackChannel(text) && this.#speaker.interrupted && !this.#context.speech.awaitsAnswer;
  }

  /** Something for the model that the caller did not say. */
  #told(what: string): void {
    this.#dialog.note(what);
    this.#begin();
  }

  /** Ends the answer at hand, in the making and in the ear. */
  #stop(): void {
    this.#answer?.abort();
    this.#answer = null;
    this.#speaker.stop();
    this.#freeFloor();
  }

  #begin(): void {
    this.#owesAnswer = false;
    this.#answer?.abort();
    this.#speaker.drop();
    this.#freeFloor();
    const controller = new AbortController();
    this.#answer = controller;
    this.#armFiller();
    void this.#makeAnswer(controller);
  }

  async #makeAnswer(controller: AbortController): Promise<void> {
    const { signal } = controller;
    try {
      let step: 'goes on' | 'over' = 'goes on';
      for (let steps = 0; step === 'goes on'; steps++) {
        if (steps === MAX_STEPS) throw new LinecardError('AGENT_FAILED', 'the model calls tools in a circle');
        step = await this.#step(signal);
      }
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    }
    if (this.#answer === controller) this.#answer = null;
  }

  /** One answer of the model and the tools that it asks for. */
  async #step(signal: AbortSignal): Promise<'goes on' | 'over'> {
    const { tools } = this.#context;
    const isOver = (): boolean => signal.aborted;
    const calls = await this.#think(signal);
    if (isOver() || calls.length === 0) return 'over';
    this.#armFiller();
    await this.#floor();
    if (isOver()) return 'over';
    const results = await Promise.all(
      calls.map(async (call) => ({ call, result: await runWithJson(tools, call.name, call.input) })),
    );
    if (isOver()) return 'over';
    this.#dialog.tools(results);
    return results.some(({ result }) => endsCall(result)) ? 'over' : 'goes on';
  }

  /** One answer of the model, spoken as it comes; returns the tools it wants. */
  async #think(signal: AbortSignal, attempt: 'first' | 'second' = 'first'): Promise<ModelToolCall[]> {
    const calls: ModelToolCall[] = [];
    const sentences = new Sentences();
    let parts = 0;
    try {
      for await (const part of this.#parts(signal)) {
        if (signal.aborted) return [];
        parts += 1;
        if (part.kind === 'text') this.#speak(sentences.push(part.text));
        else if (part.kind === 'toolCall') calls.push(part.call);
        else {
          this.#context.events.used({ input: part.inputTokens, output: part.outputTokens });
          this.#inputTokens += part.inputTokens;
          this.#outputTokens += part.outputTokens;
        }
      }
    } catch (error) {
      if (signal.aborted || parts > 0 || attempt === 'second' || !this.#mayRetry(error)) throw error;
      return this.#think(signal, 'second');
    }
    this.#speak(sentences.end());
    if (calls.length === 0 && sentences.count === 0 && this.#dialog.last === 'caller') {
      throw new LinecardError('AGENT_FAILED', 'the model answered nothing');
    }
    return calls;
  }

  /** What the model says: it may have begun already. */
  #parts(signal: AbortSignal): AsyncIterable<ModelPart> {
    const { llm, instructions } = this.#options;
    const messages = this.#dialog.messages();
    const headStart = this.#headStart;
    this.#headStart = null;
    if (headStart?.question === questionOf(messages)) return headStart.take(signal);
    headStart?.drop();
    return llm.answer({ instructions, messages, tools: this.#context.tools.descriptions, signal });
  }

  #speak(sentences: readonly string[]): void {
    if (sentences.length > 0) this.#disarmFiller();
    for (const sentence of sentences) this.#speaker.say(sentence);
  }

  /** Resolves when it is clear that the caller is not interrupting: a tool must not act on what may be taken back. */
  #floor(): Promise<void> {
    if (!this.#callerSpeaks && this.#listening === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForFloor.push(resolve));
  }

  #freeFloor(): void {
    for (const go of this.#waitingForFloor.splice(0)) go();
  }

  /** Nobody waits in silence: a word when the answer takes long. */
  #armFiller(): void {
    const { text, afterMs } = this.#options.filler;
    if (text === '' || this.#fillerAlarm !== null) return;
    this.#fillerAlarm = this.#context.clock.setAlarm(afterMs, () => {
      this.#fillerAlarm = null;
      const silent = !this.#callerSpeaks && this.#speaker.idle;
      if (silent && (this.#answer !== null || this.#listening > 0)) this.#speaker.say(text);
    });
  }

  #disarmFiller(): void {
    this.#fillerAlarm?.cancel();
    this.#fillerAlarm = null;
  }

  #mayRetry(error: unknown): boolean {
    return toLinecardError(error, 'AGENT_FAILED').code === 'AGENT_FAILED';
  }

  #failed(error: unknown): void {
    if (!this.#closing.signal.aborted) this.#context.events.failed(toLinecardError(error, 'AGENT_FAILED'));
  }
}
