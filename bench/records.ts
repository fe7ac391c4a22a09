/**
 * Wavs of pairs → shards, against a plain Python writer in two processes (tf.audio.decode_wav, float16, TFRecordWriter).
 * Ours stores pcm16, lossless, with hashes of sources and shards, flushed to the disk; theirs isn't flushed.
 */
import { compare, pythonPeer } from "./harness.js";
import { PAIR_WRITER } from "./harness-python.js";
import { withWavs } from "./harness-wavs.js";

const WRITER = `${PAIR_WRITER}
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
