import fc from 'fast-check';
import { it } from 'vitest';

/** How long each parser is fuzzed: `LINECARD_FUZZ_SECONDS`, which `npm test` sets to ten; a second where one test is run by hand. */
export const FUZZ_MS = Number(process.env['LINECARD_FUZZ_SECONDS'] ?? '1') * 1000;
const LIMIT_MS = FUZZ_MS + 30_000;
const RUNS = 100;

/** A test that gives `check` new values for as long as the variable says; a failure prints the smallest one and the seed. */
export function fuzz<Value>(name: string, values: fc.Arbitrary<Value>, check: (value: Value) => void): void {
  it(
    name,
    () => {
      const endsAtMs = performance.now() + FUZZ_MS;
      do fc.assert(fc.property(values, check), { numRuns: RUNS });
      while (performance.now() < endsAtMs);
    },
    LIMIT_MS,
  );
}

/** Samples with something wrong amid them go deeper than noise does. */
export function damaged(samples: readonly string[]): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(20),
    put: fc.oneof(
      fc.string({ maxLength: 8, unit: 'binary' }),
      fc.constantFrom('"', '\\', '\n', '\r\n', '{', ']', ':', '%', '\0', '1e999', '-1', 'null', '__proto__'),
    ),
  });
  return fc.oneof(
    { weight: 1, arbitrary: fc.string({ maxLength: 300, unit: 'binary' }) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom(...samples), fc.array(edit, { maxLength: 6 }))
        .map(([sample, edits]) => edits.reduce((text, { at, cut, put }) => damage(text, at, cut, put), sample)),
    },
  );
}

/** JSON that is well formed, of samples in which some values are others. */
export function alteredJson(samples: readonly unknown[]): fc.Arbitrary<unknown> {
  const alteration = fc.tuple(fc.nat(50), fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(...samples)));
  return fc.tuple(fc.constantFrom(...samples), fc.array(alteration, { maxLength: 4 })).map(([sample, alterations]) =>
    alterations.reduce<unknown>((value, [which, by]) => {
      let place = which;
      return JSON.parse(JSON.stringify(value), (_, found: unknown) => (place-- === 0 ? by : found)) as unknown;
    }, sample),
  );
}

function damage(text: string, at: number, cut: number, put: string): string {
  const place = Math.floor(at * text.length);
  return text.slice(0, place) + put + text.slice(place + cut);
}
