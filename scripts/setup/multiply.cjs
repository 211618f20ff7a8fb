// Loads TensorFlow and prints its version and 1 * 3 + 2 * 4 by it, as JSON.
const util = require('node:util');
// Removed in Node 23; tfjs-node still calls it.
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
const tf = require('@tensorflow/tfjs-node-gpu');

const product = tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync()[0];
process.stdout.write(`${JSON.stringify({ version: tf.backend().binding.TF_Version, product })}\n`);
