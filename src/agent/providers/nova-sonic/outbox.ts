/** Audio that waits longer than about a second is of no use to anybody. */
const MAX_WAITING_AUDIO = 50;
/** What has to arrive piles up behind a peer that does not read: more is a peer that is gone. */
const MAX_WAITING = 500;

/** Messages on their way into a stream that takes the next one when it has room. */
export class Outbox {
  readonly #waiting: string[] = [];
  #state: 'open' | 'ended' = 'open';
  /** There is something to take, or the end. */
  onNews: () => void = () => undefined;
  /** Audio that was not sent because too much waited. */
  dropped = 0;

  /** More than a peer that lives leaves lying. */
  get full(): boolean {
    return this.#waiting.length > MAX_WAITING;
  }

  send(message: string): void {
    if (this.#state === 'ended') return;
    this.#waiting.push(message);
    this.onNews();
  }

  sendMedia(message: string): void {
    if (this.#waiting.length >= MAX_WAITING_AUDIO) this.dropped += 1;
    else this.send(message);
  }

  /** What waits is sent, and then the stream ends. Idempotent. */
  end(): void {
    this.#state = 'ended';
    this.onNews();
  }

  take(): { readonly message: string } | 'nothing yet' | 'the end' {
    const message = this.#waiting.shift();
    if (message !== undefined) return { message };
    return this.#state === 'ended' ? 'the end' : 'nothing yet';
  }
}
