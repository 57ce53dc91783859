import { Conversation } from '../src/agent/conversation.js';
import { EchoProvider } from '../src/agent/providers/echo.js';
import { SampleChunks } from '../src/agent/sample-chunks.js';
import type { Clock } from '../src/core/clock.js';
import { newCallId, newLegId } from '../src/core/ids.js';
import type { Logger } from '../src/core/logger.js';
import { MeteredLeg } from '../src/media/metered-leg.js';
import { SLOTS } from '../src/media/ticker.js';
import type { ConnectionHandler } from '../src/transports/audiosocket/connection.js';
import { AudioSocketLeg } from '../src/transports/audiosocket/leg.js';
import { FrameParser, KIND_AUDIO_FIRST, encodeFrame } from '../src/transports/audiosocket/wire.js';
import { printResult, round } from './support/media-bench.js';

/** As many as stay in the processor's own memory, and as many as a thread serves. */
const CALLS = [8, 500];
const FRAMES_A_RUN = 25_000;
const WARM_UP_RUNS = 4;
const RUNS = 30;
/** A room's quiet noise. */
const NOISE = 60;
const NOISES = 64;

type BenchCall = { readonly parser: FrameParser; readonly conversation: Conversation };

let nowMs = 0;
const clock: Clock = { nowMs: () => nowMs, wallMs: () => nowMs, setAlarm: () => ({ cancel: nothing }) };
const log: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log };
const chunks = new SampleChunks();
const provider = new EchoProvider('loop');
const noises = Array.from({ length: NOISES }, () => {
  const samples = Int16Array.from({ length: 160 }, () => Math.round((Math.random() * 2 - 1) * NOISE));
  return encodeFrame(KIND_AUDIO_FIRST, new Uint8Array(samples.buffer));
});

/** What a frame costs from the chunk that the socket gave to the frame that it is given, 8 kHz in and out, echo agent: all that is ours, without the sockets. */
for (const count of CALLS) {
  const calls = Array.from({ length: count }, openCall);
  const rounds = Math.ceil(FRAMES_A_RUN / count);
  const microseconds: number[] = [];
  for (let run = 0; run < WARM_UP_RUNS + RUNS; run++) {
    const before = process.cpuUsage();
    carry(calls, rounds);
    const { user, system } = process.cpuUsage(before);
    if (run >= WARM_UP_RUNS) microseconds.push((user + system) / count / rounds);
  }
  microseconds.sort((a, b) => a - b);
  printResult({
    name: `frame-way ${count} calls, without sockets`,
    value: round(microseconds[0] ?? 0, 2),
    unit: 'µs CPU a frame, least of 30 runs',
    median: round(microseconds[RUNS / 2] ?? 0, 2),
  });
}

/** Slot by slot: some calls' chunks arrive, others have their turn. */
function carry(calls: readonly BenchCall[], rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    for (let slot = 0; slot < SLOTS; slot++) {
      nowMs += 20 / SLOTS;
      for (let i = (slot + 2) % SLOTS; i < calls.length; i += SLOTS) {
        // Node gives each chunk memory of its own.
        calls[i]?.parser.push(new Uint8Array(noises[(round + i) % NOISES] as Uint8Array));
      }
      for (let i = slot; i < calls.length; i += SLOTS) calls[i]?.conversation.tick(nowMs);
    }
  }
}

function openCall(): BenchCall {
  let handler: ConnectionHandler | null = null;
  const connection = {
    peer: 'bench',
    set handler(given: ConnectionHandler) {
      handler = given;
    },
    write: () => 'sent' as const,
    earn: nothing,
    close: nothing,
    abort: nothing,
  };
  const leg = new AudioSocketLeg({ id: newLegId(), connection, rateHz: 8000, clock, onClosed: nothing });
  const conversation = new Conversation({
    leg: new MeteredLeg(leg),
    provider,
    call: { callId: newCallId(), caller: { number: '', name: '' }, extension: null, history: [] },
    control: {
      transfer: unused,
      hangUp: unused,
      saveMessage: unused,
      hours: unused,
      sendDigits: unused,
      hold: unused,
      note: unused,
    },
    tools: () => [],
    openDetector: () => {
      throw new Error('an echo finds no turns');
    },
    chunks,
    listener: {
      firstAudio: nothing,
      turn: nothing,
      interrupted: nothing,
      responseStarted: nothing,
      toolCalled: nothing,
      used: nothing,
      handedOver: nothing,
      done: nothing,
      failed: nothing,
    },
    clock,
    log,
  });
  conversation.start();
  return {
    parser: new FrameParser({
      uuid: nothing,
      digit: nothing,
      audio: (rateHz, bytes, offset, length) => handler?.audio(rateHz, bytes, offset, length),
      hangUp: nothing,
      error: nothing,
    }),
    conversation,
  };
}

function unused(): Promise<never> {
  return Promise.reject(new Error('an echo has no tools'));
}

function nothing(): void {
  // Nobody listens in a benchmark.
}
