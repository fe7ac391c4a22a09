import { createRequire } from "node:module";
import type { Rank, Tensor } from "@tensorflow/tfjs-core";
import type { Native } from "./native.js";
import { inStep, seedPair } from "./step-inputs.js";
import type { TensorFlow } from "./types.js";

type Core = { -readonly [K in "dropout" | "randomUniform" | "randomNormal"]: TensorFlow[K] };

/**
 * Lets TensorFlow draw the random numbers of a step: the masks of dropout, noise, and what custom layers draw.
 *
 * tfjs draws them one by one in JavaScript. Outside of steps it still does, so that a seed gives the weights it always
 * gave. The same seed gives the same numbers here too, but not those of tfjs.
 */
export function deviceRandom(native: Native): void {
  const { tf } = native;
  const core = createRequire(require.resolve("@tensorflow/tfjs-node-gpu/package.json"))(
    "@tensorflow/tfjs-core",
  ) as Core;
  // tfjs's layers and `tf` itself look these up in the core's exports at each call.
  const { dropout, randomUniform, randomNormal } = core;
  const drawn = (dtype: string | undefined, seed: unknown): boolean =>
    inStep(tf) && tf.getBackend() === "tensorflow" && (dtype ?? "float32") === "float32" && typeof seed !== "string";

  core.randomUniform = (shape, low = 0, high = 1, dtype, seed) =>
    drawn(dtype, seed)
      ? tf.tidy(() =>
          draw(native, "StatelessRandomUniform", shape, seed)
            .mul(high - low)
            .add(low),
        )
      : randomUniform(shape, low, high, dtype, seed);

  core.randomNormal = (shape, mean = 0, deviation = 1, dtype, seed) =>
    drawn(dtype, seed)
      ? tf.tidy(() => draw(native, "StatelessRandomNormal", shape, seed).mul(deviation).add(mean))
      : randomNormal(shape, mean, deviation, dtype, seed);

  core.dropout = (x, rate, noiseShape, seed) => {
    const usual = x instanceof tf.Tensor && rate > 0 && rate < 1 && !noiseShape?.some((n) => n === null);
    if (!usual || !drawn(x.dtype, seed)) return dropout(x, rate, noiseShape, seed);
    const kept = 1 - rate;
    return tf.tidy(() => {
      const numbers = draw(native, "StatelessRandomUniform", noiseShape ?? x.shape, seed);
      return x.mul(numbers.add(kept).floor().div(kept));
    });
  };
}

/** Numbers from 0 to 1, or of the normal distribution. */
function draw<R extends Rank>(
  { tf, run }: Native,
  op: string,
  shape: readonly number[],
  seed: number | string | undefined,
): Tensor<R> {
  const given = typeof seed === "number" ? Math.trunc(seed) | 0 : undefined;
  const attributes = { types: { dtype: "float32", T: "int32", Tseed: "int32" } } as const;
  return run(op, attributes, [tf.tensor1d([...shape], "int32"), seedPair(tf, given)]) as Tensor<R>;
}
