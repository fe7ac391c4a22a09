import { existsSync } from "node:fs";
import { join } from "node:path";
import type { LibraryHandle } from "koffi";
import { DatasetError } from "../core/error.js";
import { buffered, type ByteSource } from "../format/byte-source.js";
import { packageFolders, venv } from "../setup/paths.js";

/** Where the bytes of a written file go. */
export interface ByteSink {
  size: number;
  write(bytes: Uint8Array, at: number): void;
  read(into: Uint8Array, from: number): number;
}

/** The file in the `soundfile` wheel for each system. */
const FILES: Record<string, string> = {
  "linux x64": "libsndfile_x86_64.so",
  "linux arm64": "libsndfile_arm64.so",
  "darwin x64": "libsndfile_x86_64.dylib",
  "darwin arm64": "libsndfile_arm64.dylib",
  "win32 x64": "libsndfile_x64.dll",
  "win32 arm64": "libsndfile_arm64.dll",
};

/** Where the Python environment has libsndfile; undefined where it hasn't. */
export function libsndfilePath(): string | undefined {
  const name = FILES[`${process.platform} ${process.arch}`];
  if (name === undefined) return undefined;
  return packageFolders(venv)
    .map((folder) => join(folder, "_soundfile_data", name))
    .find(existsSync);
}

interface OpenFile {
  bytes: ByteSource | ByteSink;
  at: number;
  /** What a callback threw: C can't pass it on. */
  thrown?: unknown;
}

type NativeFunction = ReturnType<LibraryHandle["func"]>;

/** libsndfile's functions. */
export interface Library {
  open: NativeFunction;
  openFile: NativeFunction;
  close: NativeFunction;
  readFloat: NativeFunction;
  readShort: NativeFunction;
  readInt: NativeFunction;
  writeFloat: NativeFunction;
  writeShort: NativeFunction;
  writeInt: NativeFunction;
  seek: NativeFunction;
  error: NativeFunction;
  message: NativeFunction;
  command: NativeFunction;
  /** SF_VIRTUAL_IO: the addresses of its five callbacks. */
  callbacks: Buffer;
}

/** The files that are open, by the number that the callbacks are given. */
const files = new Map<number, OpenFile>();
let next = 1;
/** Files on the disk that libsndfile has read itself. */
const readBefore = new WeakSet<ByteSource>();
let library: Library | undefined | null = null;

/** libsndfile of the Python environment's `soundfile`, loaded once in each thread; undefined where there is none. */
function load(): Library | undefined {
  if (library !== null) return library;
  const path = libsndfilePath();
  library = path === undefined ? undefined : bind(path);
  return library;
}

/** Whether libsndfile is there. */
export function hasLibsndfile(): boolean {
  return load() !== undefined;
}

/** The error for what can't be written without it; `where` is named in it. */
export function noLibsndfile(where: string): DatasetError {
  return new DatasetError(
    "ENVIRONMENT",
    `libsndfile: not found, expected the Python package soundfile in .venv (${where}); run \`npm start\` in the project's folder`,
  );
}

function bind(path: string): Library {
  let koffi: typeof import("koffi");
  let lib: LibraryHandle;
  try {
    koffi = require("koffi") as typeof import("koffi");
    lib = koffi.load(path);
  } catch (cause) {
    const message = `libsndfile: ${path} does not load: ${(cause as Error).message}; delete .venv and run \`npm start\` in the project's folder`;
    throw new DatasetError("ENVIRONMENT", message, [], { cause });
  }
  // Called some thousand times for a file: no more than needed is done in each.
  const failed = (file: OpenFile, error: unknown): number => {
    file.thrown ??= error;
    return 0;
  };
  const view = (address: bigint, count: number): Uint8Array => new Uint8Array(koffi.view(address, count));
  const register = (callback: (...args: never[]) => number, ...types: string[]): bigint =>
    koffi.register(callback, koffi.pointer(koffi.proto("int64_t", [...types, "intptr_t"])));
  const callbacks = [
    register((id: number) => files.get(id)!.bytes.size),
    register(
      (offset: number, whence: number, id: number) => {
        const file = files.get(id)!;
        const to = Number(offset) + (whence === 0 ? 0 : whence === 1 ? file.at : file.bytes.size);
        // A damaged header may send it anywhere.
        if (!(to >= 0 && to <= Number.MAX_SAFE_INTEGER)) return -1;
        file.at = to;
        return to;
      },
      "int64_t",
      "int",
    ),
    register(
      (address: bigint, count: number, id: number) => {
        const file = files.get(id)!;
        const wanted = Math.min(Number(count), file.bytes.size - file.at);
        if (wanted <= 0) return 0;
        try {
          const got = file.bytes.read(view(address, wanted), file.at);
          file.at += got;
          return got;
        } catch (error) {
          return failed(file, error);
        }
      },
      "void *",
      "int64_t",
    ),
    register(
      (address: bigint, count: number, id: number) => {
        const file = files.get(id)!;
        try {
          (file.bytes as ByteSink).write(view(address, Number(count)), file.at);
          file.at += Number(count);
          return Number(count);
        } catch (error) {
          return failed(file, error);
        }
      },
      "const void *",
      "int64_t",
    ),
    register((id: number) => files.get(id)!.at),
  ];
  const addresses = Buffer.alloc(8 * callbacks.length);
  callbacks.forEach((address, i) => void addresses.writeBigUInt64LE(BigInt(address), 8 * i));
  return {
    open: lib.func("sf_open_virtual", "void *", ["void *", "int", "void *", "intptr_t"]),
    openFile: lib.func("sf_open_fd", "void *", ["int", "int", "void *", "int"]),
    close: lib.func("sf_close", "int", ["void *"]),
    readFloat: lib.func("sf_read_float", "int64_t", ["void *", "void *", "int64_t"]),
    readShort: lib.func("sf_read_short", "int64_t", ["void *", "void *", "int64_t"]),
    readInt: lib.func("sf_read_int", "int64_t", ["void *", "void *", "int64_t"]),
    writeFloat: lib.func("sf_write_float", "int64_t", ["void *", "void *", "int64_t"]),
    writeShort: lib.func("sf_write_short", "int64_t", ["void *", "void *", "int64_t"]),
    writeInt: lib.func("sf_write_int", "int64_t", ["void *", "void *", "int64_t"]),
    seek: lib.func("sf_seek", "int64_t", ["void *", "int64_t", "int"]),
    error: lib.func("sf_error", "int", ["void *"]),
    message: lib.func("sf_strerror", "const char *", ["void *"]),
    command: lib.func("sf_command", "int", ["void *", "int", "void *", "int"]),
    callbacks: addresses,
  };
}

/** A file that is open in libsndfile. */
export interface NativeHandle {
  lib: Library;
  handle: unknown;
  /** Throws what a callback threw. */
  check(): void;
  close(): number;
}

/**
 * Opens a file for `mode`; undefined where libsndfile isn't there or refuses it. `info` is an SF_INFO, filled in. A whole file
 * on the disk is read by libsndfile itself, once; everything else through the callbacks.
 */
export function openHandle(bytes: ByteSource | ByteSink, mode: number, info: Buffer): NativeHandle | undefined {
  const lib = load();
  if (!lib) return undefined;
  // libsndfile begins where the file stands: at its beginning the first time alone. On Windows numbers of files are Node's own.
  if ("file" in bytes && bytes.file !== undefined && process.platform !== "win32" && !readBefore.has(bytes)) {
    readBefore.add(bytes);
    const handle: unknown = lib.openFile(bytes.file, mode, info, 0);
    return handle ? { lib, handle, check: () => {}, close: () => lib.close(handle) as number } : undefined;
  }
  const file: OpenFile = { bytes: "write" in bytes ? bytes : buffered(bytes), at: 0 };
  const number = next++;
  files.set(number, file);
  const handle: unknown = lib.open(lib.callbacks, mode, info, number);
  const check = (): void => {
    if (file.thrown === undefined) return;
    const { thrown } = file;
    file.thrown = undefined;
    throw thrown;
  };
  const close = (): number => {
    const failed = handle ? (lib.close(handle) as number) : 0;
    files.delete(number);
    return failed;
  };
  if (handle && file.thrown === undefined) return { lib, handle, check, close };
  close();
  check();
  return undefined;
}
