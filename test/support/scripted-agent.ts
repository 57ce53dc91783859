import type {
  AgentCapabilities,
  AgentContext,
  AgentProvider,
  AgentSession,
  HeardSpeech,
} from '../../src/agent/port.js';
import { SAMPLES_PER_MS } from '../../src/core/units.js';

/** An agent that does what the test says and keeps what it was told. */
export class ScriptedAgent implements AgentSession {
  readonly provider: AgentProvider;
  readonly told: string[] = [];
  readonly heardSpeech: HeardSpeech[] = [];
  readonly utterances: Int16Array[] = [];
  framesHeard = 0;
  onStart: () => void = () => undefined;
  onCallerStarted: (spokenMs: number) => void = () => undefined;
  onHear: (frame: Int16Array) => void = () => undefined;
  /** As an agent with words of its own has it. */
  relay?: (words: string) => void;
  #context: AgentContext | null = null;

  constructor(capabilities: Partial<AgentCapabilities> = {}) {
    this.provider = {
      name: 'scripted',
      capabilities: { turnTaking: 'linecard', utterances: 'wanted', ...capabilities },
      prepare: () => Promise.resolve(),
      limitations: () => [],
      open: (context) => {
        this.#context = context;
        return this;
      },
      close: () => Promise.resolve(),
    };
  }

  get context(): AgentContext {
    if (this.#context === null) throw new Error('the agent was not opened');
    return this.#context;
  }

  /** Says a text of `ms` milliseconds of a constant tone level. */
  speak(text: string, ms: number, interruption: 'allowed' | 'protected' = 'allowed'): void {
    const { speech } = this.context;
    const segment = speech.begin({ interruption });
    speech.write(segment, new Int16Array(ms * SAMPLES_PER_MS).fill(1000));
    speech.text(segment, text);
    speech.end(segment);
  }

  start(): void {
    this.told.push('start');
    this.onStart();
  }

  hear(frame: Int16Array): void {
    this.framesHeard += 1;
    this.onHear(frame);
  }

  digit(digit: string): void {
    this.told.push(`digit ${digit}`);
  }

  callerStarted(spokenMs: number): void {
    this.told.push('callerStarted');
    this.onCallerStarted(spokenMs);
  }

  callerFinished(utterance: Int16Array): void {
    this.told.push('callerFinished');
    this.utterances.push(utterance);
  }

  heard(speech: HeardSpeech): void {
    this.heardSpeech.push(speech);
  }

  say(text: string): void {
    this.told.push(`say ${text}`);
  }

  instruct(text: string): void {
    this.told.push(`instruct ${text}`);
  }

  close(): void {
    this.told.push('close');
  }
}
