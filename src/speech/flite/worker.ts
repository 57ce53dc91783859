import { parentPort } from 'node:worker_threads';
import { NORMAL_PRIORITY, setThreadPriority } from '../../core/thread-priority.js';
import type { SpokenText } from '../polish.js';
import type { FliteVoice } from './flite.js';
import { Flite } from './flite.js';

/** One text to speak, and the answer with the same `job`. */
export type SpeakJob = { readonly job: number; readonly text: string; readonly voice: FliteVoice };
export type SpeakAnswer =
  | { readonly job: number; readonly ok: true; readonly spoken: SpokenText }
  | { readonly job: number; readonly ok: false; readonly message: string };

const port = parentPort;
if (port !== null) {
  // Started by a media thread, whose priority is not ours.
  setThreadPriority(NORMAL_PRIORITY);
  const flite = new Flite();
  port.on('message', ({ job, text, voice }: SpeakJob) => {
    let answer: SpeakAnswer;
    try {
      answer = { job, ok: true, spoken: flite.speak(text, voice) };
    } catch (error) {
      answer = { job, ok: false, message: error instanceof Error ? error.message : String(error) };
    }
    port.postMessage(answer, answer.ok ? [answer.spoken.pcm.buffer as ArrayBuffer] : []);
  });
}
