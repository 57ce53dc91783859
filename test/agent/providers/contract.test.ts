import { agentContract } from '../../support/agent-contract.js';
import { GeminiLiveRig } from '../../support/agent-rigs/gemini-live.js';
import { LinecardSocketRig } from '../../support/agent-rigs/linecard-socket.js';
import { MediaStreamsRig } from '../../support/agent-rigs/media-streams.js';
import { NovaSonicRig } from '../../support/agent-rigs/nova-sonic.js';
import { OpenAiRealtimeRig } from '../../support/agent-rigs/openai-realtime.js';
import { PipelineRig } from '../../support/agent-rigs/pipeline.js';

agentContract('OpenAI Realtime', () => new OpenAiRealtimeRig());
agentContract('OpenAI Realtime with our turn taking', () => new OpenAiRealtimeRig('ours'));
agentContract('Gemini Live', () => new GeminiLiveRig());
agentContract('Nova Sonic', () => new NovaSonicRig());
agentContract('a pipeline', () => new PipelineRig('openai'));
agentContract('a pipeline with Deepgram', () => new PipelineRig('deepgram'));
agentContract('a pipeline with ElevenLabs', () => new PipelineRig('elevenlabs'));
agentContract('Media Streams', () => new MediaStreamsRig());
agentContract('our own protocol', () => new LinecardSocketRig());
