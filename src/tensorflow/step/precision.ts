/** In which numbers a training step takes its products: float32, or float32 rounded to bfloat16. */
export type Precision = "float32" | "mixed_bfloat16";
