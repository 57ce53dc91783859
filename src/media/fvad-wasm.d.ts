/** @echogarden/fvad-wasm 0.2.0 has no types; what it resolves with is described where it is used. */
declare module '@echogarden/fvad-wasm' {
  export default function fvad(options?: Record<string, unknown>): Promise<unknown>;
}
