/** Ends a `switch` over a discriminated union: a kind that was forgotten fails to compile, one that is unknown throws. */
export function assertNever(value: never): never {
  throw new Error(`unexpected variant: ${JSON.stringify(value)}`);
}
