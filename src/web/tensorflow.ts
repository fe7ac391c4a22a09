// TensorFlow.js as the exported page has it, and which of its backends runs a pipeline there.
import * as core from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgl";
import "@tensorflow/tfjs-backend-webgpu";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import { loadLayersModel } from "@tensorflow/tfjs-layers";
import { DatasetError } from "../core/error.js";
import type { WebPipeline, WebTensorFlow } from "./index.js";

const tf: WebTensorFlow = { ...core, loadGraphModel, loadLayersModel };

/** Whether this browser has the hardware that each backend is for: WebGL by the processor alone is slower than WebAssembly. */
const BACKENDS: Record<string, () => boolean | Promise<boolean>> = {
  webgpu: async () => {
    const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<{ isFallbackAdapter?: boolean } | null> } };
    const adapter = await gpu?.requestAdapter().catch(() => null);
    return adapter != null && !adapter.isFallbackAdapter;
  },
  webgl: () => {
    const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
    const details = gl?.getExtension("WEBGL_debug_renderer_info");
    const renderer = String(gl?.getParameter(details?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
    return gl !== null && !/swiftshader|llvmpipe|software|basic render/i.test(renderer);
  },
  wasm: () => typeof WebAssembly === "object",
  cpu: () => true,
};

/** The smallest module with an instruction of SIMD, i8x16.popcnt, as wasm-feature-detect has it. */
const SIMD = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/**
 * Loads a pipeline on the first backend of WebGPU, WebGL, WebAssembly and plain JavaScript that is there and runs its model: each is
 * tried with silence, which also makes the first prediction fast.
 * @param wanted the only one to try
 * @param wasm address of TensorFlow.js's WebAssembly
 * @throws DatasetError "ENVIRONMENT" in a browser that can't compute features; Error of the last backend that was tried
 */
export async function startPipeline(
  load: (tf: WebTensorFlow) => Promise<WebPipeline>,
  wasm: string,
  wanted: string | null,
): Promise<WebPipeline> {
  if (typeof WebAssembly !== "object" || !WebAssembly.validate(SIMD)) {
    const expected = "expected a browser that has it, of 2023 or newer; update it";
    throw new DatasetError("ENVIRONMENT", `WebAssembly SIMD: missing, ${expected}`);
  }
  core.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  const names = ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm", "tfjs-backend-wasm-threaded-simd.wasm"];
  setWasmPaths(Object.fromEntries(names.map((name) => [name, wasm])));
  let failed: unknown = new Error(`backend: ${wanted}, expected one of ${Object.keys(BACKENDS).join(", ")}`);
  for (const [name, isThere] of Object.entries(BACKENDS)) {
    if (wanted ? name !== wanted : !(await isThere())) continue;
    try {
      if (!(await core.setBackend(name))) throw new Error(`backend: ${name} doesn't start in this browser`);
      const pipeline = await load(tf);
      const { sampleRate, channels = 1, window } = pipeline.description;
      const samples = new Float32Array((window?.length ?? sampleRate) * channels);
      await pipeline.predict({ samples, sampleRate, channels });
      return pipeline;
    } catch (error) {
      failed = error;
    }
  }
  throw failed;
}
