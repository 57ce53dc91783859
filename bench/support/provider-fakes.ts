import { pcmu } from '../../src/media/g711.js';
import type { FakeConnection } from '../../test/support/fake-socket-server.js';
import { FakeSocketServer } from '../../test/support/fake-socket-server.js';
import { FakeDeepgramSession } from '../../test/support/fake-deepgram-agent.js';
import { FakeElevenLabsSession } from '../../test/support/fake-elevenlabs-agent.js';
import { FakeGeminiSession } from '../../test/support/fake-gemini-live.js';
import { FakeNovaSonic } from '../../test/support/fake-nova-sonic.js';
import { FakeOpenAiParts } from '../../test/support/fake-openai-parts.js';
import { FakeRealtimeSession } from '../../test/support/fake-openai-realtime.js';
import { FakeSpeechVendor } from '../../test/support/fake-speech-vendor.js';

/** From the end of a caller's turn, as the provider notices it, to its first piece of audio. */
export const DELAY_MS = 150;
/** Longer than anybody waits before interrupting. */
const ANSWER_MS = 4000;
const ANSWER = 'This is an answer of about four seconds, in which the caller interrupts.';
/** Below it, of 32,768, nobody speaks: the caller of the benchmark hums while it does. */
const SILENT = 60;

/** A provider in a process of its own: `node --import tsx provider-fakes.ts <kind>` tells where it is by IPC; two places for parts of two vendors. */
const kind = process.argv[2] ?? '';
process.send?.(await start(kind));
process.on('disconnect', () => process.exit());

async function start(which: string): Promise<string> {
  if (which === 'pipeline') return startParts();
  if (which === 'pipeline-deepgram') return startVendor('deepgram');
  if (which === 'pipeline-elevenlabs') return startVendor('elevenlabs');
  if (which === 'nova-sonic') return startNova();
  const serve = {
    'openai-realtime': realtime,
    'gemini-live': gemini,
    'deepgram-agent': deepgram,
    'elevenlabs-agent': elevenLabs,
    'media-streams': mediaStreams,
    websocket: ownSocket,
  }[which];
  if (serve === undefined) throw new Error(`there is no provider ${which}`);
  const server = new FakeSocketServer(serve);
  await server.start();
  return server.host;
}

/** The three parts take a third of the delay each. */
async function startParts(): Promise<string> {
  const fake = new FakeOpenAiParts();
  Object.assign(fake.delaysMs, { stt: DELAY_MS / 3, llm: DELAY_MS / 3, tts: DELAY_MS / 3 });
  // Without end: what is understood and answered is always the same.
  fake.transcripts.shift = () => 'Tell me something.';
  fake.answers.shift = () => [ANSWER];
  await fake.server.start();
  return fake.server.host;
}

/** Ears and voice of one vendor, and the model from elsewhere. */
async function startVendor(which: 'deepgram' | 'elevenlabs'): Promise<string> {
  const vendor = new FakeSpeechVendor(which);
  Object.assign(vendor.delaysMs, { ears: DELAY_MS / 3, voice: DELAY_MS / 3 });
  vendor.transcripts.shift = () => 'Tell me something.';
  await vendor.server.start();
  return `${await startParts()} ${vendor.server.host}`;
}

async function startNova(): Promise<string> {
  const fake = new FakeNovaSonic();
  fake.onSession = (session) => {
    const turns = new Turns({
      started: () => session.interrupted(),
      finished: () => session.understood('Tell me something.'),
      answer: () => session.answer(ANSWER, ANSWER_MS),
    });
    session.onSound = (pcm) => turns.hear(peak16(pcm));
    session.onWords = () => session.answer('Hello.', 200);
  };
  await fake.start();
  return fake.baseUrl.replace('http://', '');
}

/** Leaves turns to us. */
function gemini(connection: FakeConnection): void {
  const session = new FakeGeminiSession(connection);
  hearAlone(connection, '{"realtimeInput":{"audio"', () => undefined);
  connection.socket.on('message', (data) => {
    if ((data as Buffer).includes('"audio"')) return;
    const { realtimeInput: input } = JSON.parse((data as Buffer).toString()) as { readonly realtimeInput?: object };
    if (input === undefined) return;
    if ('text' in input) session.answer('Hello.', 200);
    if ('activityEnd' in input) setTimeout(() => session.answer(ANSWER, ANSWER_MS), DELAY_MS);
  });
}

function deepgram(connection: FakeConnection): void {
  const session = new FakeDeepgramSession(connection);
  const turns = new Turns({
    started: () => session.callerStarts(),
    finished: () => session.callerSaid('Tell me something.'),
    answer: () => session.answer(ANSWER, ANSWER_MS),
  });
  connection.socket.on('message', (data, isBinary) => {
    if (isBinary) turns.hear(peak16(data as Buffer));
    else if ((data as Buffer).includes('InjectUserMessage')) session.answer('Hello.', 200);
  });
}

function elevenLabs(connection: FakeConnection): void {
  const session = new FakeElevenLabsSession(connection, 'pcm_16000');
  const turns = new Turns({
    started: () => session.interrupted(),
    finished: () => session.callerSaid('Tell me something.'),
    answer: () => session.answer(ANSWER, ANSWER_MS),
  });
  hearAlone(connection, '{"user_audio_chunk"', (pcm) => turns.hear(peak16(pcm)));
  connection.socket.once('message', () => session.answer('Hello.', 200));
}

function realtime(connection: FakeConnection): void {
  const session = new FakeRealtimeSession(connection);
  const turns = new Turns({
    started: () => session.callerStarts(),
    finished: () => session.callerStops('Tell me something.'),
    answer: () => session.answer(ANSWER, ANSWER_MS),
  });
  hearAlone(connection, '{"type":"input_audio_buffer.append"', (pcm) => turns.hear(peak16(pcm)));
  connection.socket.on('message', (data) => {
    if ((data as Buffer).includes('response.create')) session.answer('Hello.', 200);
  });
  session.created();
}

function mediaStreams({ socket }: FakeConnection): void {
  const payload = Buffer.alloc(ANSWER_MS * 8, 0x80).toString('base64');
  const tell = (message: object): void => socket.send(JSON.stringify(message));
  const turns = new Turns({
    started: () => tell({ event: 'clear' }),
    finished: () => undefined,
    answer: () => tell({ event: 'media', media: { payload } }),
  });
  const samples = new Int16Array(160);
  socket.on('message', (data) => {
    const { media } = JSON.parse((data as Buffer).toString()) as { readonly media?: { readonly payload: string } };
    if (media === undefined) return;
    pcmu.decode(Buffer.from(media.payload, 'base64'), samples);
    turns.hear(peak16(Buffer.from(samples.buffer)));
  });
}

/** Leaves turns to us. */
function ownSocket({ socket }: FakeConnection): void {
  const audio = new Int16Array(ANSWER_MS * 16).fill(6000);
  let answers = 0;
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    const { type } = JSON.parse((data as Buffer).toString()) as { readonly type: string };
    if (type !== 'callerFinished') return;
    setTimeout(() => {
      answers += 1;
      socket.send(JSON.stringify({ type: 'segment', id: `s${answers}` }));
      socket.send(audio);
      socket.send('{"type":"end"}');
    }, DELAY_MS);
  });
}

/** Takes sound out of what a session checks: that costs a fake more than it costs us, and there are two cores for both. @param sound how such a message begins */
function hearAlone({ socket }: FakeConnection, sound: string, hear: (pcm: Buffer) => void): void {
  const others = socket.listeners('message') as ((data: Buffer, isBinary: boolean) => void)[];
  socket.removeAllListeners('message');
  socket.on('message', (data, isBinary) => {
    const bytes = data as Buffer;
    if (bytes.toString('latin1', 0, sound.length) !== sound) {
      for (const tell of others) tell(bytes, isBinary);
      return;
    }
    // The last text of the message is the sound.
    const end = bytes.lastIndexOf('"');
    const start = bytes.lastIndexOf('"', end - 1) + 1;
    hear(Buffer.from(bytes.toString('latin1', start, end), 'base64'));
  });
}

/** Finds turns as a provider does, at once: the first loud piece begins one, the first silent one ends it. */
class Turns {
  #state: 'silent' | 'loud' = 'silent';
  readonly #told: { readonly started: () => void; readonly finished: () => void; readonly answer: () => void };

  constructor(told: { readonly started: () => void; readonly finished: () => void; readonly answer: () => void }) {
    this.#told = told;
  }

  hear(peak: number): void {
    const state = peak > SILENT ? 'loud' : 'silent';
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'loud') this.#told.started();
    else {
      this.#told.finished();
      setTimeout(() => this.#told.answer(), DELAY_MS);
    }
  }
}

function peak16(bytes: Buffer): number {
  let peak = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) peak = Math.max(peak, Math.abs(bytes.readInt16LE(at)));
  return peak;
}
