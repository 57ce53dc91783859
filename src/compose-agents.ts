import type { AgentProvider, ThreadService } from './agent/port.js';
import { BriefingProvider } from './agent/providers/briefing/provider.js';
import { DeepgramAgentProvider } from './agent/providers/deepgram-agent/provider.js';
import { EchoProvider } from './agent/providers/echo.js';
import { ElevenLabsAgentProvider } from './agent/providers/elevenlabs-agent/provider.js';
import type { Offers } from './agent/providers/embedded/menu.js';
import { EmbeddedProvider } from './agent/providers/embedded/provider.js';
import { GeminiLiveProvider } from './agent/providers/gemini-live/provider.js';
import { LinecardSocketProvider } from './agent/providers/linecard-socket/provider.js';
import { MediaStreamsProvider } from './agent/providers/media-streams/provider.js';
import { BedrockStreams } from './agent/providers/nova-sonic/bedrock.js';
import { NovaSonicProvider } from './agent/providers/nova-sonic/provider.js';
import { OpenAiRealtimeProvider } from './agent/providers/openai-realtime/provider.js';
import { AiSdkModel } from './agent/providers/pipeline/ai-sdk-model.js';
import { deepgramListening, deepgramSpeaking } from './agent/providers/pipeline/deepgram.js';
import { elevenLabsListening, elevenLabsSpeaking } from './agent/providers/pipeline/elevenlabs.js';
import { OpenAiSpeaker, OpenAiTranscriber } from './agent/providers/pipeline/openai-speech.js';
import type { SpeechToText, TextToSpeech } from './agent/providers/pipeline/port.js';
import { EarProvider } from './agent/providers/pipeline/ear-provider.js';
import { PipelineProvider } from './agent/providers/pipeline/provider.js';
import { SocketSpeaker } from './agent/providers/pipeline/socket-speaker.js';
import { SocketTranscriber } from './agent/providers/pipeline/socket-transcriber.js';
import { WyomingSpeaker, WyomingTranscriber } from './agent/providers/pipeline/wyoming.js';
import type { SampleChunks } from './agent/sample-chunks.js';
import { FIXED_SPEECH } from './call/transfer/transfer-words.js';
import { hasEars } from './config/agents/ears.js';
import type { AgentConfig, PipelineAgentConfig } from './config/index.js';
import type { MediaConfig } from './compose-media.js';
import { Toolbox } from './compose-tools.js';
import { assertNever } from './core/assert-never.js';
import type { Clock } from './core/clock.js';
import type { Logger } from './core/logger.js';
import type { AgentLimits } from './engine/call-limits.js';
import type { HostedAgent } from './engine/live-conversation.js';
import { BRIEFING_AGENT, BRIEFING_BY, EAR_AGENT } from './engine/port.js';
import { Synthesizer } from './speech/synthesizer.js';

/** What agents share on their media thread. */
export type AgentSurroundings = { readonly chunks: SampleChunks; readonly clock: Clock; readonly log: Logger };

/** The agents of a configuration, and the one that speaks to people who are rung for a caller; not prepared yet. */
export function openAgents(
  config: MediaConfig,
  surroundings: AgentSurroundings,
): { readonly agents: Map<string, HostedAgent>; readonly services: readonly ThreadService[] } {
  const { clock, log } = surroundings;
  const prompts = Object.keys(config.destinations).length === 0 ? [] : Object.values(FIXED_SPEECH);
  const briefing = new BriefingProvider({
    name: BRIEFING_AGENT,
    prompts,
    synthesizer: new Synthesizer({ clock, log }),
    clock,
    log,
  });
  const agents = new Map<string, HostedAgent>([
    [BRIEFING_AGENT, { provider: briefing, backup: null, echoGuard: 'off', tools: () => [] }],
  ]);
  const toolbox = new Toolbox(config, surroundings);
  for (const [name, agent] of Object.entries(config.agents)) {
    const provider = openProvider(name, agent, config, surroundings);
    const limits = limitsOf(agent);
    agents.set(name, {
      provider,
      backup: agent.backup ?? null,
      limits,
      turns: agent.turns,
      vad: agent.turns.vad,
      filler: { afterMs: agent.filler.afterMs, tone: agent.filler.tone ? 'on' : 'off', words: agent.filler.text ?? '' },
      echoGuard: 'echoGuard' in agent && agent.echoGuard ? 'on' : 'off',
      tools: (floor) => toolbox.toolsOf(agent, floor),
    });
    if (hasEars(agent)) {
      const [ear, briefer] = [`${EAR_AGENT}${name}`, `${BRIEFING_BY}${name}`];
      const stt = openTranscriber(agent.stt, clock);
      for (const part of [new EarProvider({ name: ear, stt }), briefing.hearingBy(briefer, stt)])
        agents.set(part.name, { provider: part, backup: null, echoGuard: 'off', tools: () => [] });
    }
  }
  return { agents, services: toolbox.services };
}

function limitsOf({ limits, prices }: AgentConfig): AgentLimits {
  const { minutes, tokens, cost, say } = limits;
  const maxMs = minutes === undefined ? null : minutes * 60_000;
  return { maxMs, maxTokens: tokens ?? null, maxCost: cost ?? null, say, prices };
}

function openProvider(
  name: string,
  agent: AgentConfig,
  config: MediaConfig,
  { chunks, clock, log }: AgentSurroundings,
): AgentProvider {
  switch (agent.provider) {
    case 'deepgram-agent': {
      const { baseUrl, apiKey, greeting = '', instructions = '', voice, stt, llm } = agent;
      const mind = {
        instructions,
        voice,
        stt: { model: stt.model, language: stt.language ?? null },
        llm: { provider: llm.provider, model: llm.model, temperature: llm.temperature ?? null },
        waits: agent.turns,
      };
      return new DeepgramAgentProvider({ name, baseUrl, apiKey, greeting, mind });
    }
    case 'echo':
      return new EchoProvider(name);
    case 'elevenlabs-agent': {
      const { baseUrl, apiKey = null, agentId, parameters } = agent;
      const { greeting = null, instructions = null, voice = null, language = null } = agent;
      const overrides = { firstMessage: greeting, instructions, voice, language };
      return new ElevenLabsAgentProvider({ name, baseUrl, apiKey, agentId, overrides, variables: parameters });
    }
    case 'embedded': {
      const { greeting, voice, tools } = agent;
      const offers = offersOf(name, tools, config);
      const synthesizer = new Synthesizer({ clock, log });
      return new EmbeddedProvider({ name, greeting, voice, offers, synthesizer, chunks, clock, log });
    }
    case 'gemini-live': {
      const { baseUrl, apiKey, greeting = '', instructions = '', voice = null, model, turnTaking } = agent;
      const voiceOptions = { model, instructions, voice, turnTaking, waits: agent.turns };
      return new GeminiLiveProvider({ name, baseUrl, apiKey, greeting, voice: voiceOptions });
    }
    case 'media-streams': {
      const { url, parameters, authToken = null } = agent;
      return new MediaStreamsProvider({ name, url, parameters, authToken });
    }
    case 'nova-sonic': {
      const { region, model, voice, baseUrl = null, accessKeyId, secretAccessKey } = agent;
      const { greeting = '', instructions = '' } = agent;
      const hasKey = accessKeyId !== undefined && secretAccessKey !== undefined;
      const credentials = hasKey ? { accessKeyId, secretAccessKey } : null;
      const streams = new BedrockStreams({ region, baseUrl, credentials, clock });
      const voiceOptions = { model, instructions, voice, waits: agent.turns };
      return new NovaSonicProvider({ name, streams, greeting, voice: voiceOptions });
    }
    case 'openai-realtime': {
      const { baseUrl, apiKey, greeting = '', instructions = '', voice, model, audio, turnDetection } = agent;
      const transcriptionModel = agent.transcription === 'off' ? null : agent.transcription;
      const waits = agent.turns;
      const voiceOptions = { model, instructions, voice, audio, turnDetection, waits, transcriptionModel };
      return new OpenAiRealtimeProvider({ name, baseUrl, apiKey, greeting, voice: voiceOptions });
    }
    case 'pipeline':
      return openPipeline(name, agent, { clock, log });
    case 'websocket': {
      const { url, token = null, parameters, turnTaking, greeting = '', instructions = '', voice = '' } = agent;
      const about = { greeting, instructions, voice, parameters, turnTaking };
      return new LinecardSocketProvider({ name, url, token, ...about });
    }
    default:
      return assertNever(agent);
  }
}

function openPipeline(name: string, agent: PipelineAgentConfig, shared: { clock: Clock; log: Logger }): AgentProvider {
  const { stt, llm, tts, filler, greeting = '', instructions = '' } = agent;
  const { clock, log } = shared;
  const { baseUrl = null, apiKey = null, temperature = null } = llm;
  return new PipelineProvider({
    name,
    stt: openTranscriber(stt, clock),
    llm: new AiSdkModel({ ...llm, baseUrl, apiKey, temperature, clock }),
    tts: openSpeaker(tts, agent.voice, clock),
    headStart: llm.headStart,
    greeting,
    instructions,
    filler: { afterMs: filler.afterMs, text: filler.text ?? '' },
    log,
  });
}

function openTranscriber(stt: PipelineAgentConfig['stt'], clock: Clock): SpeechToText {
  const { language = null, apiKey = null, baseUrl = '', model = '' } = stt;
  const vendor = { apiKey: apiKey ?? '', language };
  switch (stt.provider) {
    case 'wyoming':
      return new WyomingTranscriber({ ...placeOf(baseUrl), language, clock });
    case 'deepgram':
      return new SocketTranscriber(
        deepgramListening({ ...vendor, baseUrl: baseUrl || DEEPGRAM, model: model || 'nova-3' }),
        clock,
      );
    case 'elevenlabs':
      return new SocketTranscriber(
        elevenLabsListening({ ...vendor, baseUrl: baseUrl || ELEVENLABS, model: model || 'scribe_v2_realtime' }),
        clock,
      );
    case 'openai-compatible':
      return new OpenAiTranscriber({ baseUrl, apiKey, model, language, clock });
    default:
      return assertNever(stt.provider);
  }
}

function openSpeaker(tts: PipelineAgentConfig['tts'], agentVoice: string | undefined, clock: Clock): TextToSpeech {
  const { sampleRateHz: rateHz, apiKey = null, baseUrl = '', model = '' } = tts;
  const voice = tts.voice ?? agentVoice;
  const key = apiKey ?? '';
  switch (tts.provider) {
    case 'wyoming':
      return new WyomingSpeaker({ ...placeOf(baseUrl), voice: voice ?? null, clock });
    case 'deepgram': {
      // Its voices are models.
      const spoken = model || (voice ?? 'aura-2-thalia-en');
      return new SocketSpeaker(deepgramSpeaking({ baseUrl: baseUrl || DEEPGRAM, apiKey: key, model: spoken }), clock);
    }
    case 'elevenlabs': {
      const who = { baseUrl: baseUrl || ELEVENLABS, apiKey: key, voice: voice ?? '' };
      return new SocketSpeaker(elevenLabsSpeaking({ ...who, model: model || 'eleven_flash_v2_5' }), clock);
    }
    case 'openai-compatible':
      return new OpenAiSpeaker({ baseUrl, apiKey, model, voice: voice ?? 'alloy', rateHz, clock });
    default:
      return assertNever(tts.provider);
  }
}

const DEEPGRAM = 'https://api.deepgram.com';
const ELEVENLABS = 'https://api.elevenlabs.io';

/** Home Assistant's usual port where the URL names none. */
function placeOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 10_300 : Number(port) };
}

/** What an attendant may offer: what it has the tool for, and what is there to be offered. */
function offersOf(name: string, tools: readonly string[], config: MediaConfig): Offers {
  const { destinations, extensions, audiosocket, hours, schedules } = config;
  const mayTransfer = tools.includes('transfer');
  // The dialplan of a direct call always has a person to fall back on.
  const hasFallback =
    audiosocket.direct === name ||
    Object.values(extensions).some(
      ({ agent, fallback, closed }) =>
        (agent === name && fallback !== undefined) ||
        (closed?.agent === name && (closed.fallback ?? fallback) !== undefined),
    );
  const places = Object.entries(destinations).map(([key, { dial, label }]) => ({ key, label, dial }));
  return {
    places: mayTransfer ? places : [],
    operator: mayTransfer && hasFallback ? 'offered' : 'none',
    hours: tools.includes('hours') && (hours !== undefined || Object.keys(schedules).length > 0) ? 'offered' : 'none',
    messages: tools.includes('take_message') ? 'offered' : 'none',
  };
}
