/** A type of an SDK as its JSON: enums are the texts they stand for, methods and getters are left out by who names the keys. */
export type Plain<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends number | boolean | null | undefined
      ? T
      : { readonly [Key in keyof T]: Plain<T[Key]> };
