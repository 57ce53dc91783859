/** A packet that waits for its time. Slots are made once and filled again and again. */
export type ShelvedPacket = {
  /** Counted on beyond 16 bits. */
  sequence: number;
  /** Media time of its first sample, in samples at 16 kHz. */
  at: number;
  samples: number;
  payload: Uint8Array;
};

const NOTHING = new Uint8Array(0);

/** What became of a packet. `full`: the oldest was thrown away for it. */
export type Shelved = 'stored' | 'duplicate' | 'full';

/**
 * The packets of a stream that have come and are not played yet, in the order of their sequence numbers. Bounded; payloads are kept as they
 * are, not copied: whoever gives one must not write to it any more.
 */
export class PacketShelf {
  readonly capacity: number;
  /** `#length` packets from `#first` on, round the end, in order. */
  readonly #slots: ShelvedPacket[];
  #first = 0;
  #length = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#slots = Array.from({ length: capacity }, () => ({ sequence: 0, at: 0, samples: 0, payload: NOTHING }));
  }

  get length(): number {
    return this.#length;
  }

  /** The packet to be played next; null when there is none. Valid until the next `put` or `drop`. */
  get next(): ShelvedPacket | null {
    return this.#length === 0 ? null : this.#slot(0);
  }

  /** The one after that. */
  get afterNext(): ShelvedPacket | null {
    return this.#length < 2 ? null : this.#slot(1);
  }

  /** The newest in the order of the sequence. */
  get last(): ShelvedPacket | null {
    return this.#length === 0 ? null : this.#slot(this.#length - 1);
  }

  put(sequence: number, at: number, samples: number, payload: Uint8Array): Shelved {
    // From the newest backwards: nearly every packet belongs at the end.
    let place = this.#length;
    while (place > 0 && this.#slot(place - 1).sequence >= sequence) place -= 1;
    if (place < this.#length && this.#slot(place).sequence === sequence) return 'duplicate';
    let result: Shelved = 'stored';
    if (this.#length === this.capacity) {
      result = 'full';
      // A packet older than all would be the one to go.
      if (place === 0) return result;
      this.drop();
      place -= 1;
    }
    const free = this.#slot(this.#length);
    for (let i = this.#length; i > place; i--) this.#slots[this.#index(i)] = this.#slot(i - 1);
    this.#slots[this.#index(place)] = free;
    this.#length += 1;
    free.sequence = sequence;
    free.at = at;
    free.samples = samples;
    free.payload = payload;
    return result;
  }

  /** Takes the next packet away. */
  drop(): void {
    if (this.#length === 0) return;
    this.#slot(0).payload = NOTHING;
    this.#first = this.#index(1);
    this.#length -= 1;
  }

  clear(): void {
    while (this.#length > 0) this.drop();
  }

  #index(place: number): number {
    return (this.#first + place) % this.capacity;
  }

  #slot(place: number): ShelvedPacket {
    return this.#slots[this.#index(place)] as ShelvedPacket;
  }
}
