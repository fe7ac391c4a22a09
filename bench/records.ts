/**
 * Wavs of pairs → shards, against a plain Python writer in two processes (tf.audio.decode_wav, float16, TFRecordWriter).
 * Ours stores pcm16, lossless, with hashes of sources and shards, flushed to the disk; theirs isn't flushed.
 */
import { compare, pythonPeer } from "./harness.js";
import { withWavs } from "./harness-wavs.js";

const WRITER = `
import concurrent.futures, json, multiprocessing, os
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
def write(task):
    import tensorflow as tf
    path, pairs = task
    def half(file):
        audio, _ = tf.audio.decode_wav(tf.io.read_file(file))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[tf.cast(tf.reshape(audio, [-1]), tf.float16).numpy().tobytes()]))
    with tf.io.TFRecordWriter(path) as writer:
        for a, b in pairs:
            features = tf.train.Features(feature={"a_in": half(a), "a_out": half(b)})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return len(pairs)
# The workers stay up from run to run, so that importing TensorFlow doesn't count.
pool = concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) if __name__ == "__main__" else None
def run(folder):
    with open(folder + "/dataset") as f:
        pairs = [[folder + "/in/" + a, folder + "/out/" + b] for a, b in (l.strip().split(",") for l in f)]
    half = (len(pairs) + 1) // 2
    os.makedirs(folder + "/python", exist_ok=True)
    tasks = [(folder + "/python/%d.tfrecord" % k, pairs[k * half:(k + 1) * half]) for k in range(2)]
    return sum(pool.map(write, tasks))
`;

void withWavs(async ({ folder, work, details, records, fresh }) => {
  const python = pythonPeer(WRITER);
  const peer = "Python: decode_wav, float16, TFRecordWriter, 2 processes";
  try {
    await compare(
      { name: "records", work, peer, target: 8, details, packages: ["tensorflow"] },
      records,
      fresh(() => python.run(folder)),
    );
  } finally {
    python.close();
  }
});
