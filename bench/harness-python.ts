/**
 * Python, as a part of a peer's code: `write((path, pairs))` makes a shard of pairs of wavs as the original does
 * (tf.audio.decode_wav, float16, TFRecordWriter); `pool` are two processes, which stay up from run to run, so that
 * importing TensorFlow doesn't count.
 */
export const PAIR_WRITER = `
import concurrent.futures, multiprocessing, os
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
pool = concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) if __name__ == "__main__" else None
`;
