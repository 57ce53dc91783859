import type { Request, Response } from 'express';
import { Router } from 'express';
import type { Alarm } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { NumberedEvent } from '../../observe/history.js';
import type { ApiOptions } from '../port.js';
import { eventJson } from '../present.js';
import { HttpProblem, onlyMethods } from '../problem.js';

/** Watchers at a time, over all calls. */
const MAX_STREAMS = 200;
/** What waits for a watcher that reads slowly; beyond it he is cut off, and may come again for the rest. */
const MAX_WAITING_BYTES = 256 * 1024;
/** Shorter than what proxies take for dead (60 s and more). */
const COMMENT_INTERVAL_MS = 15_000;
/** After how long a browser comes again. */
const RETRY_MS = 2000;

type EventStreamsOptions = Pick<ApiOptions, 'calls' | 'history' | 'clock'>;

/** `GET /v1/calls/:id/events`: Server-Sent Events (HTML Living Standard §9.2), each watcher bounded and cleaned up. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #open = new Set<Response>();

  constructor(options: EventStreamsOptions) {
    this.#options = options;
  }

  /** Streams that are open. */
  get count(): number {
    return this.#open.size;
  }

  routes(): Router {
    const router = Router();
    router
      .route('/:id/events')
      .get((request, response) => this.#serve(request, response))
      .all(onlyMethods(['GET']));
    return router;
  }

  /** Ends every stream; watchers come again when they want to. */
  close(): void {
    for (const response of this.#open) response.end();
  }

  #serve(request: Request<{ id: string }>, response: Response): void {
    if (this.#open.size >= MAX_STREAMS) {
      throw new HttpProblem(503, 'TOO_MANY_STREAMS', `${MAX_STREAMS} streams are open already`, {
        headers: { 'Retry-After': '5' },
      });
    }
    const after = lastEventId(request);
    let alarm: Alarm | null = null;
    const watch = this.#options.history.watch(request.params.id, after, (event) => {
      send(response, event);
    });
    if (watch === null) throw new LinecardError('CALL_UNKNOWN', 'no live call and no call of late has this id');
    response.once('close', () => {
      watch.stop();
      alarm?.cancel();
      this.#open.delete(response);
    });
    if (watch.ended && watch.past.length === 0) {
      response.status(204).end(); // says to an EventSource that there is nothing to come again for
      return;
    }
    this.#open.add(response);
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    for (const event of watch.past) send(response, event);
    const remind = (): void => {
      write(response, ': still here\n\n');
      alarm = this.#options.clock.setAlarm(COMMENT_INTERVAL_MS, remind);
    };
    if (!response.writableEnded) alarm = this.#options.clock.setAlarm(COMMENT_INTERVAL_MS, remind);
  }
}

function send(response: Response, { number, event }: NumberedEvent): void {
  if (response.writableEnded || response.destroyed) return;
  write(response, `id: ${number}\nevent: ${event.kind}\ndata: ${JSON.stringify(eventJson(event))}\n\n`);
  if (event.kind === 'callEnded') response.end();
}

function write(response: Response, text: string): void {
  if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
  else response.write(text);
}

function lastEventId(request: Request): number {
  const header = request.get('Last-Event-ID') ?? '';
  return /^\d{1,15}$/.test(header) ? Number(header) : 0;
}
