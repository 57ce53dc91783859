import { LinecardError } from '../../../core/errors.js';
import { FRAME_MS } from '../../../core/units.js';
import { KeyEntry, keysInWords } from '../../key-entry.js';
import type { AgentContext, AgentSession, HeardSpeech } from '../../port.js';
import { endsCall } from '../../tool-calls.js';
import { ModelSocket } from '../model-socket.js';
import type { Spoken } from '../model-voice.js';
import { ModelVoice } from '../model-voice.js';
import { firstWords, notFromCaller, sayExactly } from '../model-words.js';
import { SoundWriter } from '../sound-format.js';
import { AlignedWords } from './aligned-words.js';
import type { ClientMessage, ServerMessage } from './protocol.js';
import { audioMessage, elevenLabsProtocol, historyInWords, initiationOf, soundFormat } from './protocol.js';
import type { ElevenLabsAgentOptions } from './provider.js';

/** Nobody tells that an answer is complete: it is taken to be when all of it was heard. What comes later is heard as well, without its words. */
const END_PAUSE_MS = 3 * FRAME_MS;

type Metadata = Extract<ServerMessage, { readonly type: 'conversation_initiation_metadata' }>;
type AudioEvent = Extract<ServerMessage, { readonly type: 'audio' }>['audio_event'];
type ToolCall = Extract<ServerMessage, { readonly type: 'client_tool_call' }>['client_tool_call'];

/** One call with an agent at ElevenLabs. It finds turns itself, and keeps its own account of what was heard. */
export class ElevenLabsAgentSession implements AgentSession {
  readonly #context: AgentContext;
  readonly #socket: ModelSocket<ServerMessage>;
  readonly #keys: KeyEntry;
  /** The call has begun before: its first message is not wanted. */
  readonly #isResumed: boolean;
  /** In the formats that the server asks for; null before it has. */
  #sound: { readonly writer: SoundWriter; readonly voice: ModelVoice } | null = null;
  #state: 'waiting' | 'started' | 'talking' | 'closed' = 'waiting';
  /** What the agent is saying; null between its answers. */
  #spoken: Spoken | null = null;
  /** Where the words of that come from: with its sound, or from the text of the answer. */
  #words: 'none' | 'timed' | 'text' = 'none';
  #aligned = new AlignedWords();
  /** The text of an answer whose sound has not come. */
  #answerText = '';
  /** Sound that was made before this event is not wanted any more. */
  #interruptedAt = 0;
  /** A key cut the agent off: what still comes of its answer is not for the caller. */
  #silenced = false;
  #pauseMs = 0;

  constructor(options: ElevenLabsAgentOptions, context: AgentContext) {
    const { call, clock, log } = context;
    this.#context = context;
    this.#isResumed = call.history.length > 0 || call.briefing !== undefined;
    this.#keys = new KeyEntry(clock, (keys) => this.#tell(keysInWords(keys)));
    const overrides = this.#isResumed ? { ...options.overrides, firstMessage: '' } : options.overrides;
    const variables = { ...options.variables, ...variablesOf(context) };
    this.#socket = new ModelSocket({
      protocol: elevenLabsProtocol,
      url: options.url,
      headers: {},
      setUp: JSON.stringify(initiationOf(overrides, variables) satisfies ClientMessage),
      clock,
      log,
      listener: {
        ready: () => undefined,
        message: (message) => this.#message(message),
        finished: () => this.#finished(),
        failed: (error) => this.#failed(error),
      },
    });
  }

  start(): void {
    if (this.#state === 'waiting') this.#state = 'started';
    this.#begin();
  }

  hear(frame: Int16Array): void {
    if (this.#sound === null) return;
    this.#sound.voice.work();
    this.#noticeEnd();
    this.#socket.sendMedia(audioMessage(this.#sound.writer.write(frame).toString('base64')));
  }

  digit(digit: string): void {
    if (this.#spoken !== null) this.#silenced = true;
    this.#endSpoken();
    this.#keys.press(digit);
  }

  callerStarted(): void {
    // The agent finds turns itself.
  }

  callerFinished(): void {
    // The agent finds turns itself.
  }

  heard(speech: HeardSpeech): void {
    this.#sound?.voice.heard(speech);
  }

  say(text: string): void {
    this.#tell(sayExactly(text));
  }

  /** It knows it from then on, and does not answer to it. */
  instruct(text: string): void {
    this.#send({ type: 'contextual_update', text: notFromCaller(text) });
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#keys.close();
    this.#socket.close();
    this.#context.log.info({ unsentFrames: this.#socket.dropped }, 'elevenlabs session closed');
  }

  /** As soon as the caller hears and the session is there. A new call begins with the first message, by itself. */
  #begin(): void {
    if (this.#state !== 'started' || this.#sound === null) return;
    this.#state = 'talking';
    if (!this.#isResumed) return;
    const { call } = this.#context;
    if (call.history.length > 0) this.#send({ type: 'contextual_update', text: historyInWords(call.history) });
    this.#tell(firstWords(call, call.history.at(-1), ''));
  }

  /** Words for the agent that the caller did not say. */
  #tell(what: string): void {
    this.#send({ type: 'user_message', text: `[${what}]` });
    this.#socket.expectAnswer();
  }

  #send(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  #message(message: ServerMessage): void {
    switch (message.type) {
      case 'conversation_initiation_metadata':
        this.#open(message.conversation_initiation_metadata_event);
        break;
      case 'audio':
        this.#audio(message.audio_event);
        break;
      case 'agent_response':
        this.#agentSays(message.agent_response_event.agent_response);
        break;
      case 'user_transcript':
        this.#callerSaid(message.user_transcription_event.user_transcript);
        break;
      case 'tentative_user_transcript':
        this.#context.events.callerSays(message.tentative_user_transcription_event.user_transcript.trim());
        break;
      case 'interruption':
        this.#interruptedAt = message.interruption_event.event_id;
        this.#silenced = false;
        this.#answerText = '';
        this.#endSpoken();
        this.#context.speech.clear();
        break;
      case 'ping':
        this.#send({ type: 'pong', event_id: message.ping_event.event_id });
        break;
      case 'client_tool_call':
        void this.#runTool(message.client_tool_call);
        break;
      case 'error': {
        const { code, error_type, message: said, reason } = message.error_event;
        this.#complains([error_type ?? `error ${code}`, said ?? reason ?? 'no reason given'].join(': '));
        break;
      }
      default:
        break;
    }
  }

  #open(event: Metadata['conversation_initiation_metadata_event']): void {
    if (this.#sound !== null) return;
    const up = soundFormat(event.user_input_audio_format);
    const down = soundFormat(event.agent_output_audio_format);
    if (up === null || down === null) {
      const formats = `${event.user_input_audio_format} and ${event.agent_output_audio_format}`;
      this.#failed(new LinecardError('AGENT_UNAVAILABLE', `the agent wants audio as ${formats}`));
      return;
    }
    this.#sound = { writer: new SoundWriter(up), voice: new ModelVoice(this.#context.speech, down) };
    this.#begin();
  }

  #audio({ audio_base_64: audio, event_id: id, alignment }: AudioEvent): void {
    if (this.#sound === null || this.#silenced || id < this.#interruptedAt) return;
    this.#pauseMs = 0;
    this.#spoken ??= this.#sound.voice.begin();
    const startMs = this.#spoken.receivedMs;
    this.#spoken.audio(audio);
    if (alignment !== null && alignment !== undefined && this.#words !== 'text') {
      this.#words = 'timed';
      this.#spoken.timed(this.#aligned.push(alignment, startMs));
    } else this.#giveText();
  }

  /** The whole text of an answer, with the first of its sound. */
  #agentSays(text: string): void {
    if (this.#words === 'text') this.#endSpoken();
    this.#silenced = false;
    this.#answerText = text;
    this.#giveText();
  }

  #giveText(): void {
    if (this.#spoken === null || this.#words !== 'none' || this.#answerText === '') return;
    this.#words = 'text';
    this.#spoken.text(this.#answerText);
    this.#answerText = '';
  }

  #callerSaid(text: string): void {
    const said = text.trim();
    this.#answerText = '';
    this.#silenced = false;
    if (said === '') return;
    this.#socket.expectAnswer();
    this.#context.events.callerSaid(said);
  }

  /** Each tick: whether all that came of an answer was heard, some ticks ago. */
  #noticeEnd(): void {
    if (this.#spoken === null) return;
    this.#pauseMs = this.#spoken.waits || this.#context.speech.queuedMs > 0 ? 0 : this.#pauseMs + FRAME_MS;
    if (this.#pauseMs >= END_PAUSE_MS) this.#endSpoken();
  }

  #endSpoken(): void {
    if (this.#words === 'timed') {
      this.#spoken?.timed(this.#aligned.end());
      this.#answerText = '';
    }
    this.#spoken?.endText();
    this.#spoken?.end();
    this.#spoken = null;
    this.#words = 'none';
    this.#aligned = new AlignedWords();
  }

  async #runTool({ tool_name: name, tool_call_id, parameters }: ToolCall): Promise<void> {
    const result = await this.#context.tools.run(name, parameters);
    // Without a result the agent says nothing more, which is what is wanted when the call ends.
    if (this.#state === 'closed' || endsCall(result)) return;
    const answer = result.ok ? JSON.stringify(result.value ?? null) : result.message;
    this.#send({ type: 'client_tool_result', tool_call_id, result: answer, is_error: !result.ok });
    this.#socket.expectAnswer();
  }

  /** The agent has hung up: what it said before is heard to its end. */
  #finished(): void {
    if (this.#state === 'closed') return;
    this.#endSpoken();
    this.#context.events.done('the agent has ended the conversation');
  }

  #complains(what: string): void {
    const code = this.#socket.ready ? 'AGENT_FAILED' : 'AGENT_UNAVAILABLE';
    this.#failed(new LinecardError(code, `the agent says: ${what}`));
  }

  #failed(error: LinecardError): void {
    if (this.#state === 'closed') return;
    this.#socket.close();
    this.#context.events.failed(error);
  }
}

/** Who calls, for prompts that are written at ElevenLabs. */
function variablesOf({ call }: AgentContext): Record<string, string> {
  const { caller, extension } = call;
  return { caller_number: caller.number, caller_name: caller.name, extension: extension ?? '' };
}
