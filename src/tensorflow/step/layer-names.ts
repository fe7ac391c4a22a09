import type { layers } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "../kernels/types.js";

/** Which layer is at work. */
export interface LayerNames {
  /** Runs `work`, and knows during it. */
  watch<T>(work: () => T): T;
  top(): layers.Layer | undefined;
  /** The layer's name in words, or what else is at work. */
  current(): string;
  /** As the beginning of a node's name in a graph. */
  scope(): string;
}

/** What is watched of tfjs's engine: where it notes how to go back through an op. */
interface Engine {
  addTapeNode(kernel: string, inputs: object, outputs: object, gradient: Gradient | null, ...rest: unknown[]): void;
  state: { activeTape: { gradient?: Gradient }[] };
}

type Gradient = (...given: unknown[]) => Record<string, () => unknown>;

const OUTSIDE = "the loss, a metric or the optimizer";

/** Follows the layers of tfjs through a step, forward and back. */
export function layerNames(tf: TensorFlow): LayerNames {
  const stack: { layer: layers.Layer; back: boolean }[] = [];
  const within = <T>(layer: layers.Layer, back: boolean, work: () => T): T => {
    stack.push({ layer, back });
    try {
      return work();
    } finally {
      stack.pop();
    }
  };
  const names: LayerNames = {
    watch: (work) => {
      const prototype = tf.layers.Layer.prototype;
      const engine = tf.engine() as unknown as Engine;
      const { apply } = prototype;
      const { addTapeNode } = engine;
      prototype.apply = function (inputs, kwargs) {
        return within(this, false, () => apply.call(this, inputs, kwargs));
      };
      engine.addTapeNode = (...given) => {
        addTapeNode.apply(engine, given);
        const node = engine.state.activeTape.at(-1)!;
        const layer = names.top();
        if (layer && node.gradient) node.gradient = backward(node.gradient, (work) => within(layer, true, work));
      };
      try {
        return work();
      } finally {
        prototype.apply = apply;
        delete (engine as Partial<Engine>).addTapeNode;
      }
    },
    top: () => stack.at(-1)?.layer,
    current: () => {
      const layer = names.top();
      return layer ? `layer "${layer.name}" (${layer.getClassName()})` : OUTSIDE;
    },
    scope: () => {
      const at = stack.at(-1);
      if (!at) return "step";
      const name = at.layer.name.replace(/[^A-Za-z0-9_.-]/g, "_").replace(/^[^A-Za-z0-9]/, "x");
      return at.back ? `${name}/gradient` : name;
    },
  };
  return names;
}

function backward(gradient: Gradient, within: <T>(work: () => T) => T): Gradient {
  return (...given) => {
    const gradients = within(() => gradient(...given));
    return Object.fromEntries(Object.entries(gradients).map(([name, make]) => [name, () => within(make)]));
  };
}
