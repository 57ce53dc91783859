import { Readable } from 'node:stream';
import type { EventMessages } from './event-message.js';
import type { Outbox } from './outbox.js';

/** What goes up, as the body of a request: each message is signed when the connection has room for it, in the turn in which it is sent. */
export class SignedUplink {
  readonly body: Readable;
  readonly #outbox: Outbox;
  readonly #messages: EventMessages;
  readonly #wallMs: () => number;
  /** wanted: the connection has room. */
  #state: 'wanted' | 'full' | 'ended' = 'full';

  constructor(outbox: Outbox, messages: EventMessages, wallMs: () => number) {
    this.#outbox = outbox;
    this.#messages = messages;
    this.#wallMs = wallMs;
    this.body = new Readable({
      read: () => {
        if (this.#state === 'full') this.#state = 'wanted';
        this.#fill();
      },
    });
    outbox.onNews = () => this.#fill();
  }

  #fill(): void {
    while (this.#state === 'wanted') {
      const next = this.#outbox.take();
      if (next === 'nothing yet') return;
      if (next === 'the end') {
        this.#state = 'ended';
        this.body.push(this.#messages.end(this.#wallMs()));
        this.body.push(null);
      } else if (!this.body.push(this.#messages.event(next.message, this.#wallMs()))) this.#state = 'full';
    }
  }
}
