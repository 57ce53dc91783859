import { pcmu } from '../../src/media/g711.js';
import type { FakeConnection } from '../../test/support/fake-socket-server.js';
import { FakeSocketServer } from '../../test/support/fake-socket-server.js';
import { FakeOpenAiParts } from '../../test/support/fake-openai-parts.js';
import { FakeRealtimeSession } from '../../test/support/fake-openai-realtime.js';

/** From the end of a caller's turn, as the provider notices it, to its first piece of audio. */
export const DELAY_MS = 150;
/** Longer than anybody waits before interrupting. */
const ANSWER_MS = 4000;
const ANSWER = 'This is an answer of about four seconds, in which the caller interrupts.';
/** Below it, of 32,768, nobody speaks: the caller of the benchmark hums while it does. */
const SILENT = 60;

/** A provider in a process of its own: `node --import tsx provider-fakes.ts <kind>` tells its URL by IPC. */
const kind = process.argv[2] ?? '';
process.send?.(await start(kind));
process.on('disconnect', () => process.exit());

async function start(which: string): Promise<string> {
  if (which === 'pipeline') return startParts();
  const serve = { 'openai-realtime': realtime, 'media-streams': mediaStreams, websocket: ownSocket }[which];
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

function realtime(connection: FakeConnection): void {
  const session = new FakeRealtimeSession(connection);
  const turns = new Turns({
    started: () => session.callerStarts(),
    finished: () => session.callerStops('Tell me something.'),
    answer: () => session.answer(ANSWER, ANSWER_MS),
  });
  connection.socket.on('message', (data) => {
    const event = JSON.parse((data as Buffer).toString()) as { readonly type: string; readonly audio?: string };
    // What was checked is not needed any more.
    session.received.splice(1);
    if (event.type === 'response.create') session.answer('Hello.', 200);
    if (event.audio !== undefined) turns.hear(peak16(Buffer.from(event.audio, 'base64')));
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
