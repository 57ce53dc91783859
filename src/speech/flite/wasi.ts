/** What the program left behind: what it printed and the one file that it wrote. */
export type WasiResult = { readonly exitCode: number; readonly stdout: string; readonly file: Uint8Array };

/** The part of WebAssembly that is used; Node has it, the compiler's `lib` for Node has not. */
type WasmModule = { readonly __brand: 'WebAssembly.Module' };
type WasmApi = {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports: Readonly<Record<string, Readonly<Record<string, (...values: never[]) => number>>>>,
  ) => { readonly exports: unknown };
};
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WasmApi };

/** Answers of the calls (wasi_snapshot_preview1, `errno`). */
const SUCCESS = 0;
const BAD_FILE = 8;
const TOO_BIG = 22;
const CANNOT_SEEK = 70;

const STDOUT = 1;
const STDERR = 2;
/** The one folder a program sees; nothing is in it. */
const ROOT = 3;
/** The one file a program may write; opening a second name gives the same. */
const OUTPUT = 4;
const FILE_TYPE = { device: 2, folder: 3, file: 4 } as const;

class Exit extends Error {
  constructor(readonly code: number) {
    super('the program ended');
  }
}

/**
 * Runs a WASI command in memory: it gets arguments, an empty folder in which it can write one file, and no clock, network
 * or real file. Not `node:wasi`: that is experimental, and needs a real file, which a full disk would deny.
 */
export class WasiProgram {
  readonly #module: WasmModule;

  constructor(bytes: Uint8Array) {
    this.#module = new WebAssembly.Module(bytes);
  }

  /** Every run is a fresh instance. Throws where the program traps, or writes more than `maxBytes`. */
  run(args: readonly string[], maxBytes: number): WasiResult {
    const run = new Run(args, maxBytes);
    const instance = new WebAssembly.Instance(this.#module, { wasi_snapshot_preview1: run.imports() });
    const { memory, _start } = instance.exports as {
      readonly memory: { readonly buffer: ArrayBuffer };
      readonly _start: () => void;
    };
    run.memory = memory;
    let exitCode = 0;
    try {
      _start();
    } catch (error) {
      if (!(error instanceof Exit)) throw error;
      exitCode = error.code;
    }
    return { exitCode, stdout: run.printed.join(''), file: run.file.subarray(0, run.fileLength) };
  }
}

/** One run: the program's arguments and what it wrote. */
class Run {
  memory: { readonly buffer: ArrayBuffer } | null = null;
  readonly printed: string[] = [];
  file = new Uint8Array(256 * 1024);
  fileLength = 0;
  readonly #args: readonly Uint8Array[];
  readonly #maxBytes: number;
  #position = 0;
  #printedBytes = 0;

  constructor(args: readonly string[], maxBytes: number) {
    const encoder = new TextEncoder();
    this.#args = args.map((arg) => encoder.encode(`${arg.replaceAll('\0', '')}\0`));
    this.#maxBytes = maxBytes;
  }

  /** The thirteen calls that flite.wasm imports. Pointers are offsets into its memory. */
  imports(): Record<string, (...values: never[]) => number> {
    return {
      args_sizes_get: (count: number, bytes: number) => {
        this.#view().setUint32(count, this.#args.length, true);
        this.#view().setUint32(
          bytes,
          this.#args.reduce((sum, arg) => sum + arg.length, 0),
          true,
        );
        return SUCCESS;
      },
      args_get: (pointers: number, text: number) => {
        let at = text;
        this.#args.forEach((arg, index) => {
          this.#view().setUint32(pointers + index * 4, at, true);
          this.#bytes().set(arg, at);
          at += arg.length;
        });
        return SUCCESS;
      },
      clock_time_get: (_clock: number, _precision: bigint, result: number) => {
        this.#view().setBigUint64(result, 0n, true);
        return SUCCESS;
      },
      fd_close: () => SUCCESS,
      fd_fdstat_get: (fd: number, result: number) => {
        const view = this.#view();
        view.setUint8(result, fd === ROOT ? FILE_TYPE.folder : fd === OUTPUT ? FILE_TYPE.file : FILE_TYPE.device);
        view.setUint16(result + 2, 0, true);
        view.setBigUint64(result + 8, 0xffff_ffff_ffff_ffffn, true); // all rights
        view.setBigUint64(result + 16, 0xffff_ffff_ffff_ffffn, true);
        return SUCCESS;
      },
      fd_fdstat_set_flags: () => SUCCESS,
      fd_prestat_get: (fd: number, result: number) => {
        if (fd !== ROOT) return BAD_FILE;
        this.#view().setUint8(result, 0);
        this.#view().setUint32(result + 4, 1, true); // length of "/"
        return SUCCESS;
      },
      fd_prestat_dir_name: (_fd: number, path: number) => {
        this.#bytes()[path] = '/'.charCodeAt(0);
        return SUCCESS;
      },
      fd_read: (_fd: number, _vectors: number, _count: number, result: number) => {
        this.#view().setUint32(result, 0, true); // end of file
        return SUCCESS;
      },
      fd_seek: (fd: number, offset: bigint, whence: number, result: number) => {
        if (fd !== OUTPUT) return CANNOT_SEEK;
        const from = whence === 0 ? 0 : whence === 1 ? this.#position : this.fileLength;
        this.#position = Math.max(0, from + Number(offset));
        this.#view().setBigUint64(result, BigInt(this.#position), true);
        return SUCCESS;
      },
      fd_write: (fd: number, vectors: number, count: number, result: number) => {
        let written = 0;
        for (let i = 0; i < count; i++) {
          const from = this.#view().getUint32(vectors + i * 8, true);
          const length = this.#view().getUint32(vectors + i * 8 + 4, true);
          const chunk = this.#bytes().subarray(from, from + length);
          if (!(fd === OUTPUT ? this.#store(chunk) : this.#print(fd, chunk))) return TOO_BIG;
          written += length;
        }
        this.#view().setUint32(result, written, true);
        return SUCCESS;
      },
      path_open: (...values: number[]) => {
        this.#position = 0;
        this.#view().setUint32(values.at(-1) ?? 0, OUTPUT, true);
        return SUCCESS;
      },
      proc_exit: (code: number) => {
        throw new Exit(code);
      },
    };
  }

  #print(fd: number, chunk: Uint8Array): boolean {
    if (fd !== STDOUT && fd !== STDERR) return false;
    this.#printedBytes += chunk.length;
    if (this.#printedBytes > this.#maxBytes) return false;
    if (fd === STDOUT) this.printed.push(Buffer.from(chunk).toString('latin1'));
    return true;
  }

  #store(chunk: Uint8Array): boolean {
    const end = this.#position + chunk.length;
    if (end > this.#maxBytes) return false;
    if (end > this.file.length) {
      const larger = new Uint8Array(Math.min(this.#maxBytes, Math.max(end, this.file.length * 2)));
      larger.set(this.file);
      this.file = larger;
    }
    this.file.set(chunk, this.#position);
    this.#position = end;
    this.fileLength = Math.max(this.fileLength, end);
    return true;
  }

  /** Made anew each time: the memory's buffer is replaced when it grows. */
  #view(): DataView {
    return new DataView(this.#memory().buffer);
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.#memory().buffer);
  }

  #memory(): { readonly buffer: ArrayBuffer } {
    if (this.memory === null) throw new Error('the program called before it was started');
    return this.memory;
  }
}
