/**
 * One part of bench/card.mjs, as JSON: the card's memory (a copy, GB/s), and the channelwise convolution at the five
 * shapes of X3D-XS, forwards and both ways, by the kernels and by TensorFlow's own operations: milliseconds, GB/s of
 * what has to be moved at least, how far apart the two are, and whether the same input gives the same bits.
 *
 *   node bench/card_operations.mjs CLIPS REPEATS
 */
import { channelwiseByKernel } from '../dist/training/engine/operations/native/channelwise.js';
import { depthwiseOverTime } from '../dist/training/engine/operations/plain.js';
import { nodeBackend, tf } from '../dist/training/engine/tensorflow.js';

const [clips, repeats] = process.argv.slice(2).map(Number);
const SHAPES = [
  { side: 80, channels: 54, stride: 2 },
  { side: 40, channels: 54, stride: 1 },
  { side: 20, channels: 108, stride: 1 },
  { side: 10, channels: 216, stride: 1 },
  { side: 5, channels: 432, stride: 1 },
];
const FRAMES = 4;

/** Milliseconds of a call; what it makes is read once, at the end, so that calls follow each other on the card. */
function timed(make) {
  const once = () => tf.tidy(() => make().flatten().slice(0, 1).dataSync());
  once();
  const started = performance.now();
  tf.tidy(() => {
    let last;
    for (let i = 0; i < repeats; i++) {
      tf.dispose(last);
      last = make();
    }
    last.flatten().slice(0, 1).dataSync();
  });
  return (performance.now() - started) / repeats;
}

const bits = (tensor) => Buffer.from(tensor.dataSync().slice().buffer);
const distance = (a, b) => a.sub(b).abs().max().div(b.abs().max()).dataSync()[0];

function copyRate() {
  const x = tf.zeros([2 ** 20 * clips]);
  const ms = timed(() => x.add(1));
  return { bytes: 2 * x.size * 4, ms };
}

const WAYS = { kernels: channelwiseByKernel, theirs: depthwiseOverTime };

function convolution({ side, channels, stride }) {
  return tf.tidy(() => {
    const x = tf.randomNormal([FRAMES, clips, side, side, channels], 0, 1, 'float32', 1);
    const filter = tf.randomNormal([3, 3, 3, channels], 0, 0.2, 'float32', 2);
    const outputs = x.size / stride ** 2;
    const forward = (way) => WAYS[way](x, filter, stride);
    const dy = tf.randomNormal(forward('kernels').shape, 0, 1, 'float32', 3);
    const gradients = (way) => tf.grads((a, f) => WAYS[way](a, f, stride))([x, filter], dy);
    const measured = (way) => {
      const forwardMs = timed(() => forward(way));
      const bothMs = timed(() => {
        const [da, dfilter] = gradients(way);
        return tf.concat([da.flatten().slice(0, 1), dfilter.flatten().slice(0, 1)]);
      });
      return { forwardMs, bothMs };
    };
    const [kernels, theirs] = [measured('kernels'), measured('theirs')];
    const rate = (values, ms) => (4 * values) / ms / 1e6;
    const again = () => Buffer.concat([bits(forward('kernels')), ...gradients('kernels').map(bits)]);
    const apart = Math.max(
      distance(forward('kernels'), forward('theirs')),
      ...gradients('kernels').map((tensor, i) => distance(tensor, gradients('theirs')[i])),
    );
    return {
      shape: `${FRAMES}x${clips}x${side}x${side}x${channels}, stride ${stride}`,
      ...{ kernels, theirs, apart, sameBits: again().equals(again()) },
      forwardRate: rate(x.size + outputs, kernels.forwardMs),
      bothRate: rate(3 * x.size + 2 * outputs, kernels.bothMs),
    };
  });
}

const { bytes, ms } = copyRate();
process.stdout.write(
  `${JSON.stringify({
    onCard: nodeBackend()?.binding.isUsingGpuDevice() ?? false,
    copyRate: bytes / ms / 1e6,
    convolutions: SHAPES.map(convolution),
  })}\n`,
);
process.exit(0);
