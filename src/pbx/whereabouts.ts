/** Where the caller of a test is. */
export type Whereabouts =
  | { readonly kind: 'with Linecard' }
  | { readonly kind: 'in the dialplan'; readonly extension: string }
  | { readonly kind: 'gone' };

/** A call of nobody to an extension, which goes the way of every caller. */
export interface WatchedCall {
  /** Where it was dialled. */
  readonly context: string;
  whereabouts(): Promise<Whereabouts>;
  /** Hangs up, and leaves nothing. */
  end(): Promise<void>;
}
