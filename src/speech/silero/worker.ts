import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor, env } from 'onnxruntime-web/wasm';
import { SLOTS, SileroSlots, WINDOW_SAMPLES } from './slots.js';

/** The end of the window before goes in front of each: the model was trained so. */
const CONTEXT_SAMPLES = 64;
/** Two layers of 128, from one window to the next of the same call. */
const STATE = [2, 1, 128] as const;
/** Only to notice that there is nothing to do; who writes a window rings. */
const IDLE_MS = 1000;

type Listener = { opening: number; state: Tensor; readonly input: Float32Array };

const slots = new SileroSlots((workerData as { readonly buffer: SharedArrayBuffer }).buffer);
const rate = new Tensor('int64', [16_000n]);
const window = new Float32Array(WINDOW_SAMPLES);
const listeners = new Map<number, Listener>();

const session = await loadModel();
parentPort?.postMessage('ready');
for (;;) {
  const { rung } = slots;
  let judged = 0;
  for (let slot = 0; slot < SLOTS; slot++) judged += await judge(slot);
  if (judged === 0) slots.waitForWindow(rung, IDLE_MS);
}

async function loadModel(): Promise<InferenceSession> {
  env.wasm.numThreads = 1;
  const require = createRequire(import.meta.url);
  const model = join(dirname(require.resolve('@ricky0123/vad-web')), 'silero_vad_v5.onnx');
  return InferenceSession.create(await readFile(model), { executionProviders: ['wasm'] });
}

/** The next window of a call; returns how many there were. */
async function judge(slot: number): Promise<0 | 1> {
  const opening = slots.opening(slot);
  if (opening === 0) {
    listeners.delete(slot);
    return 0;
  }
  if (!slots.next(slot, window)) return 0;
  const listener = listenerAt(slot, opening);
  const { input, state } = listener;
  input.copyWithin(0, WINDOW_SAMPLES);
  input.set(window, CONTEXT_SAMPLES);
  const { output, stateN } = await session.run({
    input: new Tensor('float32', input, [1, input.length]),
    state,
    sr: rate,
  });
  if (stateN !== undefined) listener.state = stateN;
  slots.judged(slot, opening, Number(output?.data[0] ?? 0));
  return 1;
}

function listenerAt(slot: number, opening: number): Listener {
  const known = listeners.get(slot);
  if (known?.opening === opening) return known;
  const state = new Tensor('float32', new Float32Array(STATE[0] * STATE[1] * STATE[2]), STATE);
  const listener = { opening, state, input: new Float32Array(CONTEXT_SAMPLES + WINDOW_SAMPLES) };
  listeners.set(slot, listener);
  return listener;
}
