/** A net that TensorFlow.js and Keras build alike: layers by TensorFlow.js's names, each on the one before or on those named. */
export interface Net {
  about: string;
  /** Of one example; the smallest size of the batch is 4. */
  shape: number[];
  batch: number;
  layers: [kind: string, options: Record<string, unknown>, name?: string, from?: string[]][];
}

const classes: Net["layers"] = [["dense", { units: 10, activation: "softmax" }]];
const conv = (filters: number, more: object = {}): Net["layers"][number] => [
  "conv2d",
  { filters, kernelSize: 3, padding: "same", activation: "relu", ...more },
];
const half: Net["layers"][number] = ["maxPooling2d", { poolSize: 2 }];

/** Attention over frames and a dense part, each with what went in added and normalized. */
function block(n: number, width: number): Net["layers"] {
  const into = n === 0 ? "x" : `out${n - 1}`;
  const dense = (units: number, name: string, from: string, more: object = {}): Net["layers"][number] => [
    "dense",
    { units, ...more },
    name + n,
    [from],
  ];
  return [
    dense(width, "query", into),
    dense(width, "key", into, { useBias: false }),
    dense(width, "value", into),
    ["dot", { axes: [2, 2] }, `scores${n}`, [`query${n}`, `key${n}`]],
    ["activation", { activation: "softmax" }, `weights${n}`, [`scores${n}`]],
    ["dot", { axes: [2, 1] }, `mixed${n}`, [`weights${n}`, `value${n}`]],
    dense(width, "project", `mixed${n}`),
    ["add", {}, `sum${n}`, [into, `project${n}`]],
    ["layerNormalization", {}, `normal${n}`, [`sum${n}`]],
    dense(2 * width, "wide", `normal${n}`, { activation: "relu" }),
    dense(width, "narrow", `wide${n}`),
    ["add", {}, `both${n}`, [`normal${n}`, `narrow${n}`]],
    ["layerNormalization", {}, `out${n}`, [`both${n}`]],
  ];
}

export const NETS: Record<string, Net> = {
  dense: {
    about: "two dense layers of 512 and 256 on 64 × 256",
    shape: [256],
    batch: 64,
    layers: [["dense", { units: 512, activation: "relu" }], ["dense", { units: 256, activation: "relu" }], ...classes],
  },
  wave: {
    about: "two 1-D convolutions on 64 × 16,000 samples",
    shape: [16000, 1],
    batch: 64,
    layers: [
      ["conv1d", { filters: 16, kernelSize: 64, strides: 4, activation: "relu" }],
      ["conv1d", { filters: 32, kernelSize: 16, strides: 4, activation: "relu" }],
      ["maxPooling1d", { poolSize: 4 }],
      ["globalAveragePooling1d", {}],
      ...classes,
    ],
  },
  mel: {
    about: "three 2-D convolutions on 64 × 98 × 80 log-mel frames",
    shape: [98, 80, 1],
    batch: 64,
    layers: [conv(16), half, conv(32), half, conv(64), ["globalAveragePooling2d", {}], ...classes],
  },
  separable: {
    about: "batch normalization and separable convolutions on 16 × 63 × 80 frames",
    shape: [63, 80, 1],
    batch: 16,
    layers: [
      conv(16, { useBias: false, activation: "linear" }),
      ["batchNormalization", {}],
      ["activation", { activation: "relu" }],
      ["separableConv2d", { filters: 32, kernelSize: 3, padding: "same", useBias: false }],
      ["batchNormalization", {}],
      ["activation", { activation: "relu" }],
      half,
      ["separableConv2d", { filters: 64, kernelSize: 3, padding: "same", useBias: false }],
      ["batchNormalization", {}],
      ["activation", { activation: "relu" }],
      ["globalAveragePooling2d", {}],
      ...classes,
    ],
  },
  lstm: {
    about: "an LSTM of 64 on 32 × 100 × 40 frames",
    shape: [100, 40],
    batch: 32,
    layers: [["lstm", { units: 64, recurrentActivation: "sigmoid" }], ...classes],
  },
  crnn: {
    about: "a convolution and a GRU of 64 both ways on 16 × 63 × 80 frames",
    shape: [63, 80, 1],
    batch: 16,
    layers: [
      conv(16),
      ["maxPooling2d", { poolSize: [1, 4] }],
      ["reshape", { targetShape: [63, 320] }],
      ["bidirectional", { layer: { units: 64, recurrentActivation: "sigmoid" } }],
      ...classes,
    ],
  },
  transformer: {
    about: "two blocks of a transformer on 16 × 63 × 64 frames",
    shape: [63, 64],
    batch: 16,
    layers: [...block(0, 64), ...block(1, 64), ["globalAveragePooling1d", {}], ...classes],
  },
  unet: {
    about: "a U-Net of two levels on 8 × 64 × 64 frames",
    shape: [64, 64, 1],
    batch: 8,
    layers: [
      [...conv(16), "high"],
      half,
      [...conv(32), "middle"],
      half,
      conv(64),
      ["upSampling2d", { size: [2, 2] }, "up"],
      ["concatenate", {}, undefined, ["up", "middle"]],
      conv(32),
      ["upSampling2d", { size: [2, 2] }, "top"],
      ["concatenate", {}, undefined, ["top", "high"]],
      conv(16),
      ["globalAveragePooling2d", {}],
      ...classes,
    ] as Net["layers"],
  },
};
