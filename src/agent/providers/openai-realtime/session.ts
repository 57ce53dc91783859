import type { LinecardError } from '../../../core/errors.js';
import type { SegmentId } from '../../../core/ids.js';
import { FRAME_MS, SAMPLE_RATE_HZ } from '../../../core/units.js';
import { KeyEntry, keysInWords } from '../../key-entry.js';
import type { AgentCall, AgentContext, AgentSession, HeardSpeech, ToolResult } from '../../port.js';
import { endsCall, runWithJson } from '../../tool-calls.js';
import { ActivityUplink } from '../activity-uplink.js';
import type { Spoken } from '../model-voice.js';
import { ModelVoice } from '../model-voice.js';
import { CUT_OFF, greetCaller, sayExactly, toolAnswered } from '../model-words.js';
import { SoundWriter } from '../sound-format.js';
import { RealtimeConnection } from './connection.js';
import type { ServerEvent } from './protocol.js';
import { REALTIME_SOUND, systemText, userText } from './protocol.js';
import type { OpenAiRealtimeOptions } from './provider.js';

/** Turns that a new session is told of. */
const MAX_HISTORY = 50;

/** Where a piece of audio belongs at the server. */
type AudioPart = { readonly response_id: string; readonly item_id: string; readonly content_index: number };

type SpokenItem = { readonly part: AudioPart; readonly spoken: Spoken };

/** One call with a speech-to-speech model. The model finds turns, or we do; we know what was heard and tell it. */
export class OpenAiRealtimeSession implements AgentSession {
  readonly #options: OpenAiRealtimeOptions;
  readonly #context: AgentContext;
  readonly #writer: SoundWriter;
  /** Null where the model finds turns: it hears everything. */
  readonly #uplink: ActivityUplink | null;
  /** Speech that is not heard to its end yet, by its item and by its segment. */
  readonly #items = new Map<string, SpokenItem>();
  readonly #segments = new Map<SegmentId, SpokenItem>();
  readonly #voice: ModelVoice;
  readonly #history: AgentCall['history'][number][];
  #connection: RealtimeConnection;
  /** The session that is to follow the present one; null as long as that is good. */
  #successor: RealtimeConnection | null = null;
  /** The present session has ended: the successor takes over as soon as it can. */
  #expired = false;
  #state: 'waiting' | 'started' | 'talking' | 'closed' = 'waiting';
  #callerSpeaks = false;
  /** What of the caller's present item is understood so far. */
  #callerWords = { itemId: '', text: '' };
  #runningTools = 0;
  readonly #keys: KeyEntry;
  #lostSamples = 0;

  constructor(options: OpenAiRealtimeOptions, context: AgentContext) {
    this.#options = options;
    this.#context = context;
    const { audio, turnDetection } = options.voice;
    this.#voice = new ModelVoice(context.speech, REALTIME_SOUND[audio]);
    this.#writer = new SoundWriter(REALTIME_SOUND[audio]);
    this.#uplink = turnDetection === 'linecard' ? new ActivityUplink((frame) => this.#sendAudio(frame)) : null;
    this.#history = [...context.call.history];
    this.#keys = new KeyEntry(context.clock, (keys) => this.#tellKeys(keys));
    this.#connection = this.#connect();
  }

  start(): void {
    if (this.#state === 'waiting') this.#state = 'started';
    this.#begin();
  }

  hear(frame: Int16Array): void {
    this.#voice.work();
    if (this.#successor !== null) this.#changeOver();
    if (this.#uplink === null) this.#sendAudio(frame);
    else this.#uplink.hear(frame);
  }

  digit(digit: string): void {
    this.#connection.cancelResponse('us');
    this.#keys.press(digit);
  }

  callerStarted(spokenMs: number): void {
    this.#callerSpeaks = true;
    this.#connection.cancelResponse('us');
    this.#uplink?.begin(spokenMs);
  }

  callerFinished(): void {
    if (this.#uplink?.speaking !== true) return;
    this.#callerSpeaks = false;
    this.#uplink.end();
    this.#connection.send({ type: 'input_audio_buffer.commit' });
    this.#connection.requestResponse();
  }

  /** The model is told where the caller stopped listening, so that it does not believe it has said more. */
  heard(speech: HeardSpeech): void {
    const item = this.#segments.get(speech.segment);
    this.#voice.heard(speech);
    if (speech.text !== '') this.#remember('agent', speech.text);
    if (item === undefined) return;
    this.#segments.delete(speech.segment);
    this.#items.delete(item.part.item_id);
    if (!speech.interrupted) {
      this.#lostSamples += item.spoken.lost;
      return;
    }
    this.#connection.send({
      type: 'conversation.item.truncate',
      item_id: item.part.item_id,
      content_index: item.part.content_index,
      // Beyond what the server has sent it is refused there.
      audio_end_ms: Math.min(Math.floor(speech.heardMs), item.spoken.receivedMs),
    });
  }

  say(text: string): void {
    this.#connection.requestResponse(this.#told(sayExactly(text)));
  }

  instruct(text: string): void {
    this.#connection.send(systemText(text));
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#keys.close();
    this.#connection.close();
    this.#successor?.close();
    const { inputTokens, outputTokens, dropped } = this.#connection;
    const lostMs = Math.round(this.#lostSamples / (SAMPLE_RATE_HZ / 1000));
    this.#context.log.info(
      { inputTokens, outputTokens, lostMs, unsentMs: dropped * FRAME_MS },
      'realtime session closed',
    );
  }

  #sendAudio(frame: Int16Array): void {
    this.#connection.sendAudio(this.#writer.write(frame).toString('base64'));
  }

  #connect(): RealtimeConnection {
    const { url, apiKey, voice } = this.#options;
    const { clock, log, tools } = this.#context;
    const connection: RealtimeConnection = new RealtimeConnection({
      url,
      apiKey,
      voice,
      tools: tools.descriptions,
      clock,
      log,
      listener: {
        ready: () => this.#begin(),
        event: (event) => {
          if (connection === this.#connection) this.#event(event);
        },
        expiring: () => this.#renew(),
        expired: () => {
          this.#expired = true;
          this.#renew();
        },
        failed: (error) => this.#failed(connection, error),
      },
    });
    return connection;
  }

  /** The first thing said, as soon as the caller hears and the session is there. */
  #begin(): void {
    if (this.#state !== 'started' || !this.#connection.ready) return;
    this.#state = 'talking';
    const { greeting } = this.#options;
    this.#connection.seed(this.#history);
    const last = this.#history.at(-1);
    const { briefing } = this.#context.call;
    if (briefing !== undefined) this.#connection.requestResponse(this.#told(briefing));
    else if (last === undefined) this.#connection.requestResponse(this.#told(greetCaller(greeting)));
    else if (last.who === 'caller') this.#connection.requestResponse();
    else this.#connection.requestResponse(this.#told(CUT_OFF));
  }

  #event(event: ServerEvent): void {
    switch (event.type) {
      case 'input_audio_buffer.speech_started':
        this.#callerSpeaks = true;
        this.#connection.cancelResponse('server');
        this.#context.speech.clear();
        break;
      case 'input_audio_buffer.speech_stopped':
        this.#callerSpeaks = false;
        break;
      case 'conversation.item.input_audio_transcription.delta': {
        const before = this.#callerWords.itemId === event.item_id ? this.#callerWords.text : '';
        this.#callerWords = { itemId: event.item_id, text: before + (event.delta ?? '') };
        this.#context.events.callerSays(this.#callerWords.text.trim());
        break;
      }
      case 'conversation.item.input_audio_transcription.completed': {
        const text = event.transcript.trim();
        this.#context.events.callerSays('');
        if (text === '') break;
        this.#remember('caller', text);
        this.#context.events.callerSaid(text);
        break;
      }
      case 'response.output_audio.delta':
        this.#item(event)?.spoken.audio(event.delta);
        break;
      case 'response.output_audio.done':
        this.#items.get(event.item_id)?.spoken.end();
        break;
      case 'response.output_audio_transcript.delta':
        this.#item(event)?.spoken.text(event.delta);
        break;
      case 'response.output_audio_transcript.done':
        this.#items.get(event.item_id)?.spoken.endText();
        break;
      case 'response.function_call_arguments.done':
        if (!this.#connection.isSilenced(event.response_id)) void this.#runTool(event);
        break;
      case 'response.done':
        // A response that was cut short by an error or a limit has items that nobody ended.
        for (const item of this.#items.values()) if (item.part.response_id === event.response.id) item.spoken.end();
        this.#context.events.used({
          input: event.response.usage?.input_tokens ?? 0,
          output: event.response.usage?.output_tokens ?? 0,
        });
        break;
      default:
        break;
    }
  }

  /** The item that a piece belongs to, made at its first piece; null for what nobody shall hear. */
  #item(part: AudioPart): SpokenItem | null {
    const known = this.#items.get(part.item_id);
    if (known !== undefined) return known;
    if (this.#connection.isSilenced(part.response_id)) return null;
    const item = { part, spoken: this.#voice.begin() };
    this.#items.set(part.item_id, item);
    this.#segments.set(item.spoken.segment, item);
    return item;
  }

  async #runTool(
    call: Extract<ServerEvent, { readonly type: 'response.function_call_arguments.done' }>,
  ): Promise<void> {
    const connection = this.#connection;
    this.#runningTools += 1;
    const result = await runWithJson(this.#context.tools, call.name, call.arguments);
    this.#runningTools -= 1;
    if (this.#isClosed()) return;
    if (connection !== this.#connection) {
      // The call was made in a session that is gone: the new one learns what came of it.
      this.#connection.send(systemText(toolAnswered(call.name, outputOf(result))));
    } else {
      connection.send({
        type: 'conversation.item.create',
        item: { type: 'function_call_output', call_id: call.call_id, output: outputOf(result) },
      });
    }
    // The model speaks when it knows all it asked for, and not after it has ended the call.
    if (this.#runningTools === 0 && !endsCall(result)) this.#connection.requestResponse();
  }

  #tellKeys(keys: string): void {
    this.#connection.send(userText(`[${keysInWords(keys)}]`));
    this.#connection.requestResponse();
  }

  #renew(): void {
    if (this.#state === 'closed' || this.#successor !== null) return;
    this.#context.log.info({ expired: this.#expired }, 'realtime session is renewed');
    this.#successor = this.#connect();
  }

  /** Each tick while a successor waits: it takes over in a pause, or at once when there is nothing left to take over from. */
  #changeOver(): void {
    const { speech } = this.#context;
    const quiet = !this.#connection.busy && !this.#callerSpeaks && this.#runningTools === 0 && speech.queuedMs === 0;
    if (this.#successor?.ready !== true || !(quiet || this.#expired)) return;
    const owesAnswer = this.#expired && (this.#connection.busy || this.#history.at(-1)?.who === 'caller');
    const old = this.#connection;
    this.#connection = this.#successor;
    this.#successor = null;
    this.#expired = false;
    this.#callerSpeaks = false;
    this.#connection.inputTokens += old.inputTokens;
    this.#connection.outputTokens += old.outputTokens;
    old.close();
    // What is still to be heard of the old session is heard; the new one knows nothing of its items.
    for (const { spoken } of this.#items.values()) spoken.end();
    this.#items.clear();
    this.#segments.clear();
    if (this.#state !== 'talking') {
      this.#begin();
      return;
    }
    this.#connection.seed(this.#history);
    if (owesAnswer) this.#connection.requestResponse();
  }

  #failed(connection: RealtimeConnection, error: LinecardError): void {
    if (this.#state === 'closed') return;
    if (connection === this.#connection && this.#expired && this.#successor !== null) return;
    // Without a successor the present session serves as long as it lives.
    if (connection === this.#successor && !this.#expired) {
      this.#successor = null;
      this.#context.log.warn({ err: error }, 'realtime session could not be renewed');
      return;
    }
    this.#context.events.failed(error);
  }

  #remember(who: 'caller' | 'agent', text: string): void {
    this.#history.push({ who, text });
    if (this.#history.length > MAX_HISTORY) this.#history.shift();
  }

  /** Instructions of one response take the place of the session's: both are given. */
  #told(what: string): string {
    const { instructions } = this.#options.voice;
    return instructions === '' ? what : `${instructions}\n\n${what}`;
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

function outputOf(result: ToolResult): string {
  return JSON.stringify(result.ok ? { ok: true, result: result.value ?? null } : { ok: false, error: result.message });
}
