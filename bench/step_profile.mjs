/**
 * Where a step's time goes: the line's step run operation by operation, not as a graph, each one timed. Operations that
 * share a name and the shape of what they make share a row: a layer's forward and backward pass are found by them.
 */
import Table from 'cli-table3';
import { BASES, describeNetwork } from '../dist/network/index.js';
import { nativeAvailable } from '../dist/training/engine/operations/native/kernels.js';
import { native } from '../dist/training/engine/operations/native.js';
import { plain } from '../dist/training/engine/operations/plain.js';
import { initialParameters, initialStatistics, layoutOf } from '../dist/training/engine/parameters.js';
import { SCALARS, trainingStep } from '../dist/training/engine/step.js';
import { nodeBackend, tf } from '../dist/training/engine/tensorflow.js';
import { RECIPES } from '../dist/training/recipe.js';

const line = JSON.parse(process.argv[2]);
const STEPS = 5;
const ROWS = 25;

const base = { ...BASES['x2d-micro'], ...line.base };
const network = describeNetwork(base, line.factors, { classes: line.classes });
const layout = layoutOf(network);
const recipe = { ...RECIPES.x2d, batchSize: line.clips, dropout: 0 };
const model = { network, layout, operations: nativeAvailable() ? native : plain, recipe };
const state = {
  parameters: tf.tensor1d(initialParameters(layout, 0)),
  momentum: tf.zeros([layout.parameterSize]),
  statistics: tf.tensor1d(initialStatistics(layout)),
};
const [frames, height, width] = network.input;
const inputs = {
  clips: tf.randomUniform([frames, line.clips, height, width, 3], 0, 255, 'float32', 1),
  labels: tf
    .oneHot(
      tf.tensor1d(Int32Array.from({ length: line.clips }, (_, i) => i % network.classes)),
      network.classes,
    )
    .cast('float32'),
  scalars: tf.fill([SCALARS.length], 0.01),
};

const rows = new Map();
let timing = false;
const backend = nodeBackend();
if (!backend) throw new Error('A profile needs TensorFlow: run `npm run setup`.');
for (const name of ['executeSingleOutput', 'executeMultipleOutputs']) {
  const execute = backend[name];
  backend[name] = function (op, ...rest) {
    const started = performance.now();
    const made = execute.call(this, op, ...rest);
    const ms = performance.now() - started;
    if (timing) {
      const { shape } = Array.isArray(made) ? made[0] : made;
      const key = `${op} ${shape.join('x')}`;
      const row = rows.get(key) ?? { op, shape, calls: 0, ms: 0 };
      row.calls += 1;
      row.ms += ms;
      rows.set(key, row);
    }
    return made;
  };
}
const step = () => tf.tidy(() => void trainingStep(model, state, inputs).outputs.loss.dataSync());
step();
timing = true;
const started = performance.now();
for (let i = 0; i < STEPS; i++) step();
const whole = (performance.now() - started) / STEPS;

const sorted = [...rows.values()].sort((a, b) => b.ms - a.ms);
const table = new Table({
  head: ['operation', 'makes', 'calls', 'ms', 'share'],
  style: { head: [], border: [] },
});
const rest = sorted.slice(ROWS);
const total = (list, key) => list.reduce((sum, row) => sum + row[key], 0);
for (const { op, shape, calls, ms } of sorted.slice(0, ROWS))
  table.push([
    op,
    shape.join(' x '),
    calls / STEPS,
    (ms / STEPS).toFixed(2),
    `${((100 * ms) / STEPS / whole).toFixed(1)} %`,
  ]);
table.push([
  'others',
  '',
  total(rest, 'calls') / STEPS,
  (total(rest, 'ms') / STEPS).toFixed(2),
  `${((100 * total(rest, 'ms')) / STEPS / whole).toFixed(1)} %`,
]);
table.push(['between operations', '', '', (whole - total(sorted, 'ms') / STEPS).toFixed(2), '']);
table.push(['step', '', '', whole.toFixed(2), '']);
console.log(table.toString());
process.exit(0);
