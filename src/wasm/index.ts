// The inner loops, in AssemblyScript: TypeScript that compiles to WebAssembly with SIMD. Addresses are in bytes. The caller
// brings the memory and lays it out; `src/core/wasm-loops.ts` declares these functions for the rest of the library.
export * from "./checksum";
export * from "./flac";
export * from "./oscillator";
export * from "./polyphase";
export * from "./samples";
export * from "./similarity";
export * from "./spectrum";
