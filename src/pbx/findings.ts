/** One thing that was looked at on a PBX, for people: what is so, and what to do about it when it is not good. */
export type Finding = {
  /** error: no call can be served. warning: something works less well. */
  readonly level: 'ok' | 'warning' | 'error';
  readonly sentence: string;
  /** What to change, and where; null when nothing. */
  readonly fix: string | null;
};
