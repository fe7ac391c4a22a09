import type { TensorFlow } from "./kernels/types.js";
import { loadTensorFlow } from "./load.js";
import { availableParallelism, cpus, totalmem } from "node:os";
import { spawnSync } from "node:child_process";

/** What TensorFlow computes on. */
export interface DeviceInfo {
  /** TensorFlow's version, or tfjs's where the plain JavaScript backend is all there is. */
  version: string;
  /** False when the addon is missing and training runs in plain JavaScript. */
  native: boolean;
  device: "CPU" | "GPU";
  /** The processor's or the GPU's name. */
  name: string;
  /** Of the GPU, else of the machine; 0 where it isn't known. */
  memoryBytes: number;
  /** Threads TensorFlow may use; absent for a GPU. */
  cores?: number;
}

interface NativeBackend {
  isUsingGpuDevice: boolean;
  binding: { TF_Version: string };
}

/** Whether `tf` runs on native TensorFlow. */
export function isNative(tf: TensorFlow): boolean {
  return tf.getBackend() === "tensorflow";
}

/** Which TensorFlow and which device training runs on. Loads TensorFlow. */
export function deviceInfo(): DeviceInfo {
  const tf = loadTensorFlow();
  const processor = { name: cpus()[0]?.model.trim() || "CPU", memoryBytes: totalmem(), cores: availableParallelism() };
  if (!isNative(tf)) return { version: `tfjs ${tf.version_core}`, native: false, device: "CPU", ...processor };
  const backend = tf.backend() as unknown as NativeBackend;
  const version = backend.binding.TF_Version;
  if (!backend.isUsingGpuDevice) return { version, native: true, device: "CPU", ...processor };
  return { version, native: true, device: "GPU", ...gpuFacts() };
}

/** The GPU's name and memory, from `nvidia-smi`; in containers that have none TensorFlow uses the GPU all the same. */
export function gpuFacts(program = "nvidia-smi"): { name: string; memoryBytes: number } {
  const query = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
  const { stdout, error } = spawnSync(program, query, { encoding: "utf8" });
  if (error) return { name: `GPU (${program} not found, so its name and memory are not known)`, memoryBytes: 0 };
  const [line = ""] = stdout.trim().split("\n");
  const [name = "GPU", mebibytes = "0"] = line.split(", ");
  return { name, memoryBytes: Number(mebibytes) * 2 ** 20 };
}
