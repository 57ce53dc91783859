import { basename, dirname } from 'node:path';
import type { Response } from 'express';
import type { HttpProblem } from './problem.js';

/** Answers with a WAV file, whole or in the range that was asked for. @param missing when the file is not there (any more) */
export async function sendSound(response: Response, path: string, missing: () => HttpProblem): Promise<void> {
  response.type('audio/wav');
  await new Promise<void>((resolve, reject) => {
    // The data directory may well lie in a directory that begins with a dot.
    response.sendFile(basename(path), { root: dirname(path), dotfiles: 'allow' }, (error?: Error) => {
      if (error === undefined || isGone(error)) resolve();
      else reject((error as NodeJS.ErrnoException).code === 'ENOENT' ? missing() : error);
    });
  });
}

/** The listener has heard enough. */
function isGone(error: Error): boolean {
  return ['ECONNABORTED', 'EPIPE', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '');
}
