/** Audio that waits longer than about a second is of no use to anybody. */
const MAX_WAITING_AUDIO = 50;
/** What has to arrive piles up behind a peer that does not read: more is a peer that is gone. */
const MAX_WAITING = 500;

/** Messages on their way into a stream that asks for the next one when it has sent the last. */
export class Outbox implements AsyncIterable<string> {
  readonly #waiting: string[] = [];
  #state: 'open' | 'ended' = 'open';
  #wake: () => void = () => undefined;
  /** Audio that was not sent because too much waited. */
  dropped = 0;

  /** More than a peer that lives leaves lying. */
  get full(): boolean {
    return this.#waiting.length > MAX_WAITING;
  }

  send(message: string): void {
    if (this.#state === 'ended') return;
    this.#waiting.push(message);
    this.#wake();
  }

  sendMedia(message: string): void {
    if (this.#waiting.length >= MAX_WAITING_AUDIO) this.dropped += 1;
    else this.send(message);
  }

  /** What waits is sent, and then the stream ends. Idempotent. */
  end(): void {
    this.#state = 'ended';
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#state === 'ended') return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
