import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { AgentProvider } from '../src/agent/port.js';
import { DeepgramAgentProvider } from '../src/agent/providers/deepgram-agent/provider.js';
import { ElevenLabsAgentProvider } from '../src/agent/providers/elevenlabs-agent/provider.js';
import { GeminiLiveProvider } from '../src/agent/providers/gemini-live/provider.js';
import { LinecardSocketProvider } from '../src/agent/providers/linecard-socket/provider.js';
import { MediaStreamsProvider } from '../src/agent/providers/media-streams/provider.js';
import { BedrockStreams } from '../src/agent/providers/nova-sonic/bedrock.js';
import { NovaSonicProvider } from '../src/agent/providers/nova-sonic/provider.js';
import { OpenAiRealtimeProvider } from '../src/agent/providers/openai-realtime/provider.js';
import { AiSdkModel } from '../src/agent/providers/pipeline/ai-sdk-model.js';
import { deepgramListening, deepgramSpeaking } from '../src/agent/providers/pipeline/deepgram.js';
import { elevenLabsListening, elevenLabsSpeaking } from '../src/agent/providers/pipeline/elevenlabs.js';
import { OpenAiSpeaker, OpenAiTranscriber } from '../src/agent/providers/pipeline/openai-speech.js';
import type { SpeechToText, TextToSpeech } from '../src/agent/providers/pipeline/port.js';
import { PipelineProvider } from '../src/agent/providers/pipeline/provider.js';
import { SocketSpeaker } from '../src/agent/providers/pipeline/socket-speaker.js';
import { SocketTranscriber } from '../src/agent/providers/pipeline/socket-transcriber.js';
import { SampleChunks } from '../src/agent/sample-chunks.js';
import { foregroundClock } from '../src/core/clock.js';
import { silentLogger } from '../src/core/logger.js';
import type { TickerReport } from '../src/media/ticker.js';
import { Ticker } from '../src/media/ticker.js';
import { loadVad } from '../src/media/vad.js';
import { Flite } from '../src/speech/flite/flite.js';
import { printResult, round, sleep } from './support/media-bench.js';
import { ProviderCall } from './support/provider-call.js';

/** Of the provider, stated: taken off what is measured. */
const DELAY_MS = 150;
const SECONDS = Number(process.env['LINECARD_BENCH_SECONDS'] ?? '20');
const MANY = Number(process.env['LINECARD_BENCH_CALLS'] ?? '100');
const KINDS = [
  'openai-realtime',
  'gemini-live',
  'nova-sonic',
  'deepgram-agent',
  'elevenlabs-agent',
  'pipeline',
  'pipeline-deepgram',
  'pipeline-elevenlabs',
  'media-streams',
  'websocket',
] as const;
type Kind = (typeof KINDS)[number];

const sentence = humming(new Flite().speak('Please connect me with the sales department.', 'rms').pcm);
await loadVad();
const wanted = process.env['LINECARD_BENCH_PROVIDERS']?.split(',');
for (const kind of KINDS) {
  if (wanted !== undefined && !wanted.includes(kind)) continue;
  for (const calls of [1, MANY]) await measure(kind, calls);
}

/** Calls with one provider at once, on one thread; the provider is another process. */
async function measure(kind: Kind, calls: number): Promise<void> {
  const fake = fork(path.join(import.meta.dirname, 'support/provider-fakes.ts'), [kind], {
    execArgv: ['--import', 'tsx'],
    stdio: 'inherit',
  });
  const [host] = (await once(fake, 'message')) as [string];
  const provider = open(kind, host);
  await provider.prepare();
  const ticker = new Ticker({
    clock: foregroundClock,
    onError: (_, error) => process.stderr.write(`${String(error)}\n`),
  });
  const chunks = new SampleChunks();
  const all = Array.from({ length: calls }, (_, i) => {
    const call = new ProviderCall({ provider, sentence, chunks, startAfterMs: 2000 + i * 37 });
    ticker.add(call);
    return call;
  });
  await sleep(2000);
  const report: TickerReport = {
    latenessP50Ms: 0,
    latenessP99Ms: 0,
    latenessMaxMs: 0,
    ticks: 0,
    skippedTicks: 0,
    load: 0,
  };
  ticker.report(report);
  const usedBefore = process.cpuUsage();
  await sleep(SECONDS * 1000);
  const used = process.cpuUsage(usedBefore);
  ticker.report(report);
  for (const call of all) {
    ticker.remove(call);
    call.conversation.close();
  }
  await provider.close();
  fake.disconnect();
  await once(fake, 'exit');
  print(`${kind}, ${calls} at once`, all, report, (used.user + used.system) / 1e6 / SECONDS);
}

function open(kind: Kind, host: string): AgentProvider {
  const own = { name: kind, greeting: '', instructions: '' };
  switch (kind) {
    case 'openai-realtime': {
      const voice = { model: 'gpt-realtime', instructions: '', voice: 'marin', transcriptionModel: null } as const;
      const url = { baseUrl: `http://${host}/v1`, apiKey: 'sk-test' };
      return new OpenAiRealtimeProvider({
        ...own,
        ...url,
        voice: { ...voice, audio: 'pcm', turnDetection: 'server_vad' },
      });
    }
    case 'gemini-live': {
      const voice = { model: 'gemini-test', instructions: '', voice: null, turnTaking: 'linecard' } as const;
      return new GeminiLiveProvider({ ...own, baseUrl: `http://${host}`, apiKey: 'key-test', voice });
    }
    case 'nova-sonic': {
      const credentials = { accessKeyId: 'AKTEST', secretAccessKey: 'secret' };
      const place = { region: 'us-east-1', baseUrl: `http://${host}` };
      const streams = new BedrockStreams({ ...place, credentials, clock: foregroundClock });
      return new NovaSonicProvider({
        ...own,
        streams,
        voice: { model: 'nova-test', instructions: '', voice: 'tiffany' },
      });
    }
    case 'deepgram-agent': {
      const stt = { model: 'nova-3', language: null };
      const llm = { provider: 'openai', model: 'gpt-4o-mini', temperature: null } as const;
      const mind = { instructions: '', voice: 'aura-2-thalia-en', stt, llm };
      return new DeepgramAgentProvider({ ...own, baseUrl: `http://${host}`, apiKey: 'key-test', mind });
    }
    case 'elevenlabs-agent': {
      const overrides = { firstMessage: null, instructions: null, voice: null, language: null };
      const where = { baseUrl: `http://${host}`, apiKey: null, agentId: 'agent-test' };
      return new ElevenLabsAgentProvider({ name: kind, ...where, overrides, variables: {} });
    }
    case 'pipeline': {
      const at = { baseUrl: `http://${host}/v1`, apiKey: 'sk-test', clock: foregroundClock };
      const stt = new OpenAiTranscriber({ ...at, model: 'stt-test', language: null });
      const tts = new OpenAiSpeaker({ ...at, model: 'tts-test', voice: 'nova', rateHz: 24_000 });
      return openPipeline(kind, host, stt, tts);
    }
    case 'pipeline-deepgram': {
      const [parts = '', vendor = ''] = host.split(' ');
      const at = { baseUrl: `http://${vendor}`, apiKey: 'key-test' };
      const stt = new SocketTranscriber(deepgramListening({ ...at, model: 'nova-3', language: 'en' }), foregroundClock);
      const tts = new SocketSpeaker(deepgramSpeaking({ ...at, model: 'aura-test' }), foregroundClock);
      return openPipeline(kind, parts, stt, tts);
    }
    case 'pipeline-elevenlabs': {
      const [parts = '', vendor = ''] = host.split(' ');
      const at = { baseUrl: `http://${vendor}`, apiKey: 'key-test' };
      const ear = elevenLabsListening({ ...at, model: 'scribe-test', language: 'en' });
      const stt = new SocketTranscriber(ear, foregroundClock);
      const tts = new SocketSpeaker(
        elevenLabsSpeaking({ ...at, model: 'flash-test', voice: 'rachel' }),
        foregroundClock,
      );
      return openPipeline(kind, parts, stt, tts);
    }
    case 'media-streams':
      return new MediaStreamsProvider({ name: kind, url: `ws://${host}/`, parameters: {}, authToken: null });
    case 'websocket': {
      const rest = { token: null, voice: '', parameters: {}, turnTaking: 'linecard' } as const;
      return new LinecardSocketProvider({ ...own, ...rest, url: `ws://${host}/` });
    }
  }
}

/** Without a head start: the model's stated delay is to be waited for. */
function openPipeline(name: string, host: string, stt: SpeechToText, tts: TextToSpeech): AgentProvider {
  return new PipelineProvider({
    name,
    greeting: 'Hi.',
    instructions: '',
    stt,
    llm: new AiSdkModel({
      baseUrl: `http://${host}/v1`,
      apiKey: 'sk-test',
      clock: foregroundClock,
      provider: 'openai-compatible',
      model: 'llm-test',
      temperature: null,
      maxOutputTokens: 500,
    }),
    tts,
    headStart: 'off',
    filler: { text: '', afterMs: 1000 },
    log: silentLogger,
  });
}

/** @param cores what all of it took, the ticks and what is between them */
function print(name: string, all: readonly ProviderCall[], report: TickerReport, cores: number): void {
  const figures = all.map((call) => call.figures);
  const failures = figures.flatMap((each) => each.failures);
  for (const failure of failures.slice(0, 3)) process.stderr.write(`${failure.message}\n`);
  const answers = sorted(figures.flatMap((each) => each.answers.map((ms) => ms - DELAY_MS)));
  const cuts = sorted(figures.flatMap((each) => each.cuts));
  const errors = sorted(figures.flatMap((each) => each.heardErrors.map(Math.abs)));
  const extra = { failures: failures.length };
  printResult({
    name: `own share of the response, ${name}, p95`,
    unit: 'ms',
    value: at(answers, 0.95),
    p50: at(answers, 0.5),
    max: at(answers, 1),
    answers: answers.length,
    ...extra,
  });
  printResult({
    name: `last frame after an interruption, ${name}, p95`,
    unit: 'ms',
    value: at(cuts, 0.95),
    max: at(cuts, 1),
    cuts: cuts.length,
  });
  printResult({ name: `error of what was heard, ${name}, max`, unit: 'ms', value: at(errors, 1) });
  const { latenessP50Ms, latenessP99Ms, skippedTicks, load } = report;
  printResult({
    name: `tick lateness, ${name}, p99`,
    unit: 'ms',
    value: round(latenessP99Ms),
    p50: round(latenessP50Ms),
    skippedTicks,
    load: round(load),
    cores: round(cores),
  });
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

function at(values: readonly number[], part: number): number {
  return round(values[Math.floor(part * (values.length - 1))] ?? NaN, 1);
}

/** Speech without a silent piece in it, so that a fake without a detector knows where it ends: with a quiet tone beneath. */
function humming(speech: Int16Array): Int16Array {
  const first = speech.findIndex((sample) => Math.abs(sample) > 500);
  const last = speech.findLastIndex((sample) => Math.abs(sample) > 500);
  const length = Math.ceil((last - first) / 320) * 320;
  return Int16Array.from(
    { length },
    (_, i) => (speech[first + i] ?? 0) + 150 * Math.sin((2 * Math.PI * 400 * i) / 16_000),
  );
}
